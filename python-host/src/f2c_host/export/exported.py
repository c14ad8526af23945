"""What every exporter starts from: a function that can stand alone, the storages that it reads, and their names in a file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile

import torch

from ..errors import Frame, HostError
from ..ir.module import Function, Module
from ..ir.ops_table import OPS
from ..run.checkpoint import refuse_non_finite
from ..run.program import Program


@dataclass(frozen=True)
class Exported:
    """A function on its way into a file."""

    program: Program
    function: Function
    values: Mapping[str, torch.Tensor]
    """Copies of what the function reads, on the CPU, by their names in the file."""
    names: Mapping[str, str]
    """The name in the file of each storage that the function reads."""
    weights: Collection[str]
    """Which of these names are parameters of the file."""
    about: Mapping[str, str]
    """Facts about the net that the file shall carry."""

    @property
    def module(self) -> Module:
        return self.program.module

    def beside(self) -> Mapping[str, torch.Tensor]:
        """Copies of the parameters of the same net that the function does without, by their names in the file: whoever trains it
        further needs them. For a file of weights alone; others hold what the function reads. Raises F2C6207 like `exported`."""
        all_weights = _weights(self.module)
        names = [name for name in _within(self.names, all_weights) if name not in self.names]
        return _finite_copies(self.program, names, names_in_file([*self.names, *names]))


def exported(program: Program, function: str, about: Mapping[str, str]) -> Exported:
    """Raises F2C5201 if there is no such function, F2C6316 if it cannot stand alone, F2C6207 if weights that it reads are NaN
    or infinite."""
    module, declared = program.module, program.module.function(function)
    storages = module.storages_of(declared)
    if len(declared.results) != 1:
        raise cannot_export(declared, f"it returns {len(declared.results)} results, a file has one")
    if any(OPS[op.op].takes_derivatives for op in declared.body.walk()):
        raise cannot_export(declared, "it takes gradients, and the weights of a file have none")
    in_file = names_in_file(storages)
    values = _finite_copies(program, storages, in_file)
    weights = {in_file[name] for name in _weights(module).intersection(storages)}
    return Exported(program, declared, values, in_file, weights, about)


def cannot_export(function: Function, obstacle: str, frames: list[Frame] | None = None) -> HostError:
    return HostError(
        "F2C6316", f"cannot export `{function.name}`: {obstacle}", "user", None, frames if frames else []
    )


def names_in_file(names: Collection[str]) -> dict[str, str]:
    """What storages are called in a file of their own: where all lie in one part of the method's state, without its key. So
    a net has the same names whatever the state calls it and whatever lies beside it."""
    parts = {name.partition(".")[0] for name in names}
    whole = len(parts) > 1 or any("." not in name for name in names)
    return {name: name if whole else name.partition(".")[2] for name in names}


def _finite_copies(
    program: Program, storages: Collection[str], names: Mapping[str, str]
) -> dict[str, torch.Tensor]:
    """Copies on the CPU, by the names given."""
    values = {name: program.storage[name] for name in storages}
    refuse_non_finite(
        {name: value for name, value in values.items() if _starts_finite(program.module, name)},
        "the net is not exported",
    )
    return {names[name]: value.detach().cpu().contiguous().clone() for name, value in values.items()}


def _within(names: Collection[str], candidates: Collection[str]) -> list[str]:
    """Those candidates that lie in the modules of these names: of each part of the state, the innermost that holds all of it."""
    parts: dict[str, list[str]] = {}
    for name in names:
        path = name.split(".")
        known = parts.get(path[0], path[:-1])
        parts[path[0]] = [
            a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, path, strict=False))
        ]
    modules = [".".join([*path, ""]) for path in parts.values() if path]
    return sorted(name for name in candidates if name.startswith(tuple(modules)))


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
