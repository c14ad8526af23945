"""A trained function as files of its own: a TorchScript module that needs no package of ours, and safetensors."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Collection
from pathlib import Path

import torch

from . import safetensors_file
from .checkpoint import refuse_non_finite
from .errors import HostError
from .ir import Function, Module
from .lower.builders import build_module
from .program import Program
from .whole_file import whole_file

_EMPTY = torch.nn.Module()


class Exported(torch.nn.Module):
    """The container of an exported function: its storages as nested parameters and buffers."""


def used_storages(module: Module, function: Function) -> list[str]:
    """The storages that a function reads, alone or in a group, in order of first use."""
    names = []
    for op in function.body.walk():
        if op.op == "state":
            names.append(op.attributes["name"])
        elif op.op == "group":
            names.extend(module.groups[op.attributes["name"]])
    return list(dict.fromkeys(names))


def names_in_file(names: Collection[str]) -> dict[str, str]:
    """What storages are called in a file of their own: where all lie in one part of the method's state, without its key. So
    a net has the same names whatever the state calls it and whatever lies beside it."""
    parts = {name.partition(".")[0] for name in names}
    whole = len(parts) > 1 or any("." not in name for name in names)
    return {name: name if whole else name.partition(".")[2] for name in names}


def export_function(program: Program, function: str, torchscript_path: str, weights_path: str) -> None:
    """Writes `function` as a TorchScript file and as safetensors, by `names_in_file`. Each file is whole or absent.

    Raises F2C5201 if there is no such function, F2C6316 if it cannot stand alone, F2C6207 if its weights hold NaN or infinity."""
    if function not in program.functions:
        raise HostError(
            "F2C5201",
            f"the program has no function {function!r}",
            "fault",
            f"it has {', '.join(program.functions)}",
        )
    declared = program.functions[function]
    names = used_storages(program.module, declared)
    short = names_in_file(names)
    if obstacle := _obstacle(declared):
        raise HostError("F2C6316", f"cannot export `{function}`: {obstacle}", "user")
    refuse_non_finite(
        {name: program.storage[name] for name in names if _starts_finite(program.module, name)},
        "the net is not exported",
    )
    values = {short[name]: program.storage[name].detach().cpu().contiguous().clone() for name in names}
    weights = {short[name] for name in _weights(program.module).intersection(names)}
    paths = {name: _attributes(name, values) for name in values}
    container = _container(values, paths, weights)
    module = build_module(program.module, declared, {name: paths[short[name]] for name in names}, container)
    # Torch aborts the process where its writer finds the disk full, so it writes into memory; a file of ours says it as an error.
    with whole_file(Path(torchscript_path)) as file:
        file.write(module.save_to_buffer())
    with whole_file(Path(weights_path)) as file:
        safetensors_file.write(values, file)


def _starts_finite(module: Module, name: str) -> bool:
    """Whether a storage is declared to start without NaN and infinity, and so should be without them ever after."""
    init = next(s.init for s in module.storages if s.name == name)
    if init["kind"] == "copy":
        return _starts_finite(module, init["of"])
    return init["kind"] != "constant" or math.isfinite(init["value"])


def _weights(module: Module) -> set[str]:
    """The parameters, and a twin's copies of them: in a file either is a parameter."""
    parameters = {s.name for s in module.parameters}
    return parameters | {s.name for s in module.storages if s.twin_of in parameters}


def _obstacle(function: Function) -> str | None:
    if len(function.results) != 1:
        return f"it returns {len(function.results)} results, a file has one"
    if any(op.op in ("gradients", "vjp") for op in function.body.walk()):
        return "it takes gradients, and the weights of a file have none"
    return None


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


def _container(
    values: dict[str, torch.Tensor], paths: dict[str, tuple[str, ...]], weights: set[str]
) -> torch.nn.Module:
    """Nested modules that hold each value at its path."""
    root = Exported()
    for name, value in values.items():
        *path, leaf = paths[name]
        home: torch.nn.Module = root
        for part in path:
            if part not in home._modules:
                home.add_module(part, Exported())
            home = home._modules[part]  # type: ignore[assignment]
        if name in weights:
            home.register_parameter(leaf, torch.nn.Parameter(value, requires_grad=False))
        else:
            home.register_buffer(leaf, value)
    return root.eval()
