"""Storages as the nested parameters and buffers of a torch module, under names that TorchScript can read back."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection

import torch

from .exported import Exported

_EMPTY = torch.nn.Module()


class ExportedModule(torch.nn.Module):
    """The container of an exported function: its storages as nested parameters and buffers."""


def attribute_paths(net: Exported) -> dict[str, tuple[str, ...]]:
    """Where in the container each value lies, by its name in the file."""
    return {name: _attributes(name, net.values) for name in net.values}


def container(
    net: Exported, paths: dict[str, tuple[str, ...]], root: ExportedModule | None = None
) -> ExportedModule:
    """Nested modules, in `root` or a new one, that hold each value at its path."""
    root = ExportedModule() if root is None else root
    for name, value in net.values.items():
        *path, leaf = paths[name]
        home: torch.nn.Module = root
        for part in path:
            if part not in home._modules:
                home.add_module(part, ExportedModule())
            home = home._modules[part]  # type: ignore[assignment]
        if name in net.weights:
            home.register_parameter(leaf, torch.nn.Parameter(value, requires_grad=False))
        else:
            home.register_buffer(leaf, value)
    return root.eval()


def _attributes(name: str, names: Collection[str]) -> tuple[str, ...]:
    """Where in the container a storage lies: the parts of its name, spelled so that TorchScript can read them back."""
    *path, leaf = (_attribute(part) for part in name.split("."))
    shadows = any(other.startswith(f"{name}.") for other in names)
    return (*path, f"_t_{leaf}" if shadows else leaf)


def _attribute(part: str) -> str:
    """The part itself, or `_x` and its bytes if it is no name for an attribute. What begins with `_` is never kept."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", part) and part != "torch"
    taken = keyword.iskeyword(part) or hasattr(_EMPTY, part) or hasattr(torch.jit.ScriptModule, part)
    return part if plain and not taken else f"_x{part.encode().hex()}"
