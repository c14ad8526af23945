"""How storage starts: each tensor from a generator of its own, so that adding a layer moves no other layer's draw. And what
the random draws of a step are seeded with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..ir.module import Module, Storage
from ..lower.builders import DTYPES

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


def draw(storage: Storage, seed: int) -> Tensor:
    """The first value of a storage, drawn in f32 on the CPU. `copy` and `file` are not drawn: see `fill`."""
    init: Mapping[str, Any] = storage.init
    shape = tuple(int(d) for d in storage.type.dims)
    generator = generator_for(seed, storage.name)
    kind = init["kind"]
    if kind in ("zeros", "constant"):
        return torch.full(shape, init.get("value", 0.0), dtype=DTYPES[storage.type.dtype])
    if kind == "normal":
        values = torch.randn(shape, generator=generator) * init["std"] + init["mean"]
    elif kind == "uniform":
        values = torch.rand(shape, generator=generator) * (init["high"] - init["low"]) + init["low"]
    elif kind == "unit_rows":
        draw = torch.randn if init["distribution"] == "normal" else torch.rand
        values = torch.nn.functional.normalize(draw(shape, generator=generator), dim=-1)
    else:
        fan_in, fan_out = _fans(shape)
        if kind == "xavier_uniform":
            std = init["gain"] * math.sqrt(2.0 / (fan_in + fan_out))
        else:
            std = init["gain"] / math.sqrt(fan_in if init["fan"] == "in" else fan_out)
        if kind == "kaiming_normal":
            values = torch.randn(shape, generator=generator) * std
        else:
            values = (torch.rand(shape, generator=generator) * 2 - 1) * (math.sqrt(3.0) * std)
    return values.to(DTYPES[storage.type.dtype])


def fill(storage: Mapping[str, Tensor], module: Module, seed: int, weights: OpenWeights) -> None:
    """Writes the first value of every storage into its tensor, one at a time: the state is held once."""
    drawn = sorted(module.storages, key=lambda s: s.init["kind"] == "copy")
    with torch.no_grad():
        for s in drawn:
            match s.init["kind"]:
                case "copy":
                    value = storage[s.init["of"]]
                case "file":
                    value = weights.tensor(s)
                case _:
                    value = draw(s, seed)
            storage[s.name].copy_(value)
