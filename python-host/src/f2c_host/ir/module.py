"""The IR as the host sees it: immutable records. docs/ir.md is the specification."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import Frame, HostError

DTYPES = ("f16", "bf16", "f32", "f64", "i32", "i64", "u8", "bool")
MAX_FLOAT = sys.float_info.max
NUMBERS = "tensor"  # the op that is a list of numbers, written out
LITERAL = "constant"  # the op that is a number or a boolean, written out
FLOATS = ("f16", "bf16", "f32", "f64")
ROLES = ("parameter", "state", "optimizer", "scratch")
_TERM = re.compile(r"([+-]?)(?:([0-9]+)(?:\*([A-Za-z_]\w*))?|([A-Za-z_]\w*))")


@dataclass(frozen=True)
class Type:
    """A tensor (dims and dtype), a scalar (`scalar` is its kind), or a group of tensors (`group` names its layout)."""

    kind: str
    dims: tuple[int | str, ...] = ()
    dtype: str = ""
    scalar: str = ""
    group: str = ""

    def __str__(self) -> str:
        if self.kind == "tensor":
            return f"{self.dtype}[{', '.join(map(str, self.dims))}]"
        return self.scalar if self.kind == "scalar" else f"group<{self.group}>"

    @property
    def operand_kind(self) -> str:
        return self.scalar if self.kind == "scalar" else self.kind


def size_of(dim: str, symbols: Mapping[str, int]) -> int | None:
    """The value of an affine dimension such as `2*B+1`; None where a symbol of it has none."""
    total, at = 0, 0
    while at < len(dim):
        term = _TERM.match(dim, at)
        if term is None or (at and not term[1]):
            return None
        name = term[3] or term[4]
        if name and name not in symbols:
            return None
        amount = int(term[2] or 1) * (symbols[name] if name else 1)
        total, at = total + (-amount if term[1] == "-" else amount), term.end()
    return total


@dataclass(frozen=True)
class Value:
    id: int
    name: str
    type: Type


@dataclass(frozen=True)
class Op:
    op: str
    operands: tuple[int, ...]
    attributes: Mapping[str, Any]
    results: tuple[Value, ...]
    regions: tuple[Region, ...]
    location: int

    def walk(self) -> Iterator[Op]:
        """The op and all ops in its regions."""
        yield self
        for region in self.regions:
            yield from region.walk()


@dataclass(frozen=True)
class Region:
    arguments: tuple[Value, ...]
    ops: tuple[Op, ...]

    def walk(self) -> Iterator[Op]:
        for op in self.ops:
            yield from op.walk()


@dataclass(frozen=True)
class Storage:
    """A tensor that lives from step to step. `slot_of`: the parameter that the optimizer keeps it for; `twin_of`: the storage of
    the original that it is in a twin; `trainable`: of a parameter, whether the optimizer moves it; `by_rows`: and it moves rows
    only, which lie in scratch, whose `rows_of` says of what."""

    name: str
    type: Type
    init: Mapping[str, Any]
    location: int
    role: str
    slot_of: str | None = None
    twin_of: str | None = None
    rows_of: str | None = None
    trainable: bool = True
    by_rows: bool = False
    layout: str = "contiguous"

    @property
    def trained(self) -> bool:
        if self.role == "parameter":
            return self.trainable and not self.by_rows
        return self.role == "scratch" and self.rows_of is not None and self.slot_of is None


@dataclass(frozen=True)
class Source:
    kind: str
    stream: str = ""


@dataclass(frozen=True)
class Input:
    value: Value
    source: Source

    @property
    def name(self) -> str:
        return self.value.name

    @property
    def type(self) -> Type:
        return self.value.type


@dataclass(frozen=True)
class Result:
    name: str
    type: Type


@dataclass(frozen=True)
class Function:
    name: str
    inputs: tuple[Input, ...]
    results: tuple[Result, ...]
    body: Region
    location: int


@dataclass(frozen=True)
class SourceText:
    path: str
    text: str


@dataclass(frozen=True)
class Location:
    """A place in a source; `parent` is the index of the call that was inlined to get there, -1 for none."""

    source: int
    start: int
    end: int
    parent: int


@dataclass(frozen=True)
class Module:
    name: str
    sources: tuple[SourceText, ...]
    locations: tuple[Location, ...]
    storages: tuple[Storage, ...]
    groups: Mapping[str, tuple[str, ...]]
    functions: tuple[Function, ...]

    @property
    def parameters(self) -> tuple[Storage, ...]:
        return tuple(s for s in self.storages if s.role == "parameter")

    def function(self, name: str) -> Function:
        """The function of that name. Raises F2C5201 where there is none."""
        for function in self.functions:
            if function.name == name:
                return function
        known = ", ".join(function.name for function in self.functions)
        raise HostError("F2C5201", f"the program has no function {name!r}", "fault", f"it has {known}")

    def storages_of(self, function: Function) -> list[str]:
        """The storages that a function reads or writes, alone or in a group, in order of first use."""
        names = []
        for op in function.body.walk():
            if op.op == "state":
                names.append(op.attributes["name"])
            elif op.op == "group":
                names.extend(self.groups[op.attributes["name"]])
        return list(dict.fromkeys(names))

    @cached_property
    def lists(self) -> dict[str, Op]:
        """The lists of numbers in the program, each once, by what they hold."""
        return {list_name(op): op for f in self.functions for op in f.body.walk() if op.op == NUMBERS}

    @cached_property
    def places(self) -> dict[str, int]:
        """Where what a program keeps on the device stands in its list of tensors: the storages, then lists of numbers."""
        return {name: i for i, name in enumerate([*(s.name for s in self.storages), *self.lists])}

    def frames(self, location: int) -> list[Frame]:
        """The place and the calls around it, innermost first."""
        frames = []
        while location >= 0:
            at = self.locations[location]
            frames.append(Frame(self.sources[at.source].path, at.start, at.end))
            location = at.parent
        return frames


def list_name(op: Op) -> str:
    """A name for what an op that is a list of numbers holds; no storage has such a one."""
    shape, values = op.attributes["shape"], op.attributes["values"]
    return f"{op.attributes.get('dtype', 'f32')}{list(shape)} {list(values)}"
