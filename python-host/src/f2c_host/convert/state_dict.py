"""A net's state dict: out of what lies around it, without what all names begin with, renamed where it is a net that we have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import HostError
from .conversion import Conversion
from .known_nets import COUNTERS, KnownNet, recognised

# Under which keys checkpoints hold a net's state dict, the likelier ones first.
_CONTAINERS = (
    "state_dict",
    "model_state_dict",
    "state_dict_backbone",
    "model",
    "net",
    "network",
    "backbone",
    "module",
)
# What wrappers put before every name: data parallelism, torch.compile, a net inside a larger one.
_PREFIXES = ("module.", "_orig_mod.", "backbone.")


def take_state_dict(made: Conversion, content: Any, path: Path) -> Mapping[str, str]:
    """Takes a net's tensors; returns their new names by those of the state dict. Raises F2C6215 where there are none."""
    tensors = _without_prefix(made, _unwrapped(made, content, path))
    known = recognised(tensors)
    made.net = _described(known, tensors)
    taken: dict[str, str] = {}
    for name, tensor in tensors.items():
        new = name if known is None else known.renames.get(name, name)
        if new is None:
            made.tell("dropped", f"{COUNTERS}, a counter of PyTorch's")
        elif made.storable(name, tensor):
            made.take(new, tensor if known is None else made.widened(tensor))
            made.tell("taken", "under their names" if new == name else _renaming(name, new))
            taken[name] = new
    if not taken:
        raise _no_tensors(path)
    return taken


def _unwrapped(made: Conversion, content: Any, path: Path) -> Mapping[str, Tensor]:
    within: list[str] = []
    while key := next((k for k in _CONTAINERS if _holds_tensors(content, k)), None):
        within.append(key)
        made.leave([str(k) for k in content if k != key])
        content = content[key]
    if not isinstance(content, Mapping):
        raise _no_tensors(path)
    if within:
        made.tell("opened", ".".join(within), 0)
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    made.leave([str(k) for k in content if k not in tensors])
    return {str(name): value for name, value in tensors.items()}


def _holds_tensors(content: Any, key: str) -> bool:
    inner = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(inner, Mapping):
        return False
    return any(isinstance(value, Tensor) for value in inner.values()) or any(
        _holds_tensors(inner, k) for k in _CONTAINERS
    )


def _without_prefix(made: Conversion, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    while prefix := next((p for p in _PREFIXES if all(name.startswith(p) for name in tensors)), None):
        if not tensors:
            break
        made.tell("cut off", f"{prefix} before every name", len(tensors))
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _described(known: KnownNet | None, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    if known is None:
        return None
    counted = sum(tensors[name].numel() for name in known.parameters)
    return {"call": known.call, "parameters": counted}


def _renaming(name: str, new: str) -> str:
    was, now = name.rpartition(".")[2], new.rpartition(".")[2]
    return f"as {now}, there {was}"


def _no_tensors(path: Path) -> HostError:
    return HostError(
        "F2C6215",
        f"`{path}` holds no tensors under names",
        "user",
        "give a state dict, or a checkpoint that has one under state_dict, model or net",
    )
