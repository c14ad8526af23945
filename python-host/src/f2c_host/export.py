"""A trained function as files of its own: a TorchScript module that needs no package of ours, and safetensors."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file

from .errors import HostError
from .ir import Function
from .lower.builders import build_module
from .program import Program


class Exported(torch.nn.Module):
    """The container of an exported function: its storages as nested parameters and buffers."""


def used_storages(function: Function) -> list[str]:
    """The storages that a function reads, in order of first use."""
    names = [op.attributes["name"] for op in function.body.walk() if op.op == "state"]
    return list(dict.fromkeys(names))


def export_function(
    program: Program, function: str, torchscript_path: str, weights_path: str, prefix: str
) -> None:
    """Writes `function` as a TorchScript file and as safetensors; storage names lose `prefix`. Each file is whole or absent."""
    if function not in program.functions:
        raise HostError(
            "F2C5201",
            f"the program has no function {function!r}",
            "fault",
            f"it has {', '.join(program.functions)}",
        )
    declared = program.functions[function]
    names = used_storages(declared)
    short = {name: name.removeprefix(prefix) for name in names}
    values = {short[name]: program.storage[name].detach().cpu().contiguous().clone() for name in names}
    trained = {short[s.name] for s in program.module.parameters if s.name in short}
    module = build_module(program.module, declared, short, _container(values, trained))
    _atomically(torchscript_path, lambda path: module.save(path))
    _atomically(weights_path, lambda path: save_file(values, path))


def _container(values: dict[str, torch.Tensor], trained: set[str]) -> torch.nn.Module:
    """Nested modules that hold each value under its dotted name."""
    root = Exported()
    for name, value in values.items():
        *path, leaf = name.split(".")
        home: torch.nn.Module = root
        for part in path:
            if part not in home._modules:
                home.add_module(part, Exported())
            home = home._modules[part]  # type: ignore[assignment]
        if name in trained:
            home.register_parameter(leaf, torch.nn.Parameter(value, requires_grad=False))
        else:
            home.register_buffer(leaf, value)
    return root.eval()


def _atomically(path: str, write: object) -> None:
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    try:
        write(str(partial))  # type: ignore[operator]
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
