"""How storage starts: each tensor from a generator of its own, so that adding a layer moves no other layer's draw. And what
the random draws of a step are seeded with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..ir.module import Module, Storage
from ..torch_api.cores import compute_on_one_core

if TYPE_CHECKING:
    from .weights_file import OpenWeights


def _mixed(seed: int, name: str) -> int:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_for(seed: int, name: str) -> torch.Generator:
    """A CPU generator seeded from (seed, storage name)."""
    return torch.Generator().manual_seed(_mixed(seed, name))


def seed_plan(seed: int, number: int) -> None:
    """Seeds what a plan draws, on every device, from (run seed, number): a run that resumed draws what an unbroken one does."""
    torch.manual_seed(_mixed(seed, f"step {number}"))


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    field = math.prod(shape[2:])
    return (shape[1] if len(shape) > 1 else shape[0]) * field, shape[0] * field


_PART = 2**18
"""Numbers that are drawn at once: so few that the cache holds what is made of them. A tensor of more is a large one."""
_BLOCK = 16
"""torch draws a normal tensor in blocks of so many numbers, the last of which overlaps the one before where it isn't full."""


def _parts(tensor: Tensor) -> Iterator[Tensor]:
    """The tensor in parts, one after the other, whose draws are those of the whole: full blocks, but for the last part."""
    rows = len(tensor) if tensor.dim() else 0
    at_once = max(1, _PART * rows // max(1, tensor.numel()) // _BLOCK) * _BLOCK
    first = 0
    while rows - first >= 2 * at_once:
        yield tensor[first : first + at_once]
        first += at_once
    yield tensor[first:] if first else tensor


def draw(storage: Storage, tensor: Tensor, seed: int) -> None:
    """Writes the first value of a storage into its tensor, drawn in f32 on the CPU, part by part: what is made beside the
    tensor is small. `copy` and `file` are not drawn: see `fill`."""
    init: Mapping[str, Any] = storage.init
    if init["kind"] in ("zeros", "constant"):
        tensor.fill_(init.get("value", 0.0))
        return
    generator = generator_for(seed, storage.name)
    values = _values(init, tuple(tensor.shape))
    for part in _parts(tensor):
        part.copy_(values(part.shape, generator))


def _values(
    init: Mapping[str, Any], shape: tuple[int, ...]
) -> Callable[[torch.Size, torch.Generator], Tensor]:
    """What draws some rows of a storage of this shape."""
    kind = init["kind"]
    if kind == "normal":
        return lambda part, g: torch.randn(part, generator=g) * init["std"] + init["mean"]
    if kind == "uniform":
        return lambda part, g: torch.rand(part, generator=g) * (init["high"] - init["low"]) + init["low"]
    if kind == "unit_rows":
        numbers = torch.randn if init["distribution"] == "normal" else torch.rand
        return lambda part, g: torch.nn.functional.normalize(numbers(part, generator=g), dim=-1)
    fan_in, fan_out = _fans(shape)
    if kind == "xavier_uniform":
        std = init["gain"] * math.sqrt(2.0 / (fan_in + fan_out))
    else:
        std = init["gain"] / math.sqrt(fan_in if init["fan"] == "in" else fan_out)
    if kind == "kaiming_normal":
        return lambda part, g: torch.randn(part, generator=g) * std
    return lambda part, g: (torch.rand(part, generator=g) * 2 - 1) * (math.sqrt(3.0) * std)


def fill(storage: Mapping[str, Tensor], module: Module, seed: int, weights: OpenWeights) -> None:
    """Writes the first value of every storage into its tensor. Each has a generator of its own, so large ones are drawn at once,
    each on one core."""

    def write(s: Storage) -> None:
        with torch.no_grad():
            match s.init["kind"]:
                case "copy":
                    storage[s.name].copy_(storage[s.init["of"]])
                case "file":
                    storage[s.name].copy_(weights.tensor(s))
                case _:
                    draw(s, storage[s.name], seed)

    large = {
        s.name
        for s in module.storages
        if s.init["kind"] not in ("copy", "file") and _is_large(storage[s.name])
    }
    if large:
        with ThreadPoolExecutor(
            min(len(large), torch.get_num_threads()), "init", compute_on_one_core
        ) as threads:
            list(threads.map(write, (s for s in module.storages if s.name in large)))
    others = [s for s in module.storages if s.name not in large]
    for s in sorted(others, key=lambda s: s.init["kind"] == "copy"):
        write(s)


def _is_large(tensor: Tensor) -> bool:
    return tensor.numel() > _PART
