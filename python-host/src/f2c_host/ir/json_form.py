"""A module from its JSON form, checked for form on the way in: what was only read is not verified yet."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..errors import HostError
from .module import (
    DTYPES,
    MAX_FLOAT,
    ROLES,
    Function,
    Input,
    Location,
    Module,
    Op,
    Region,
    Result,
    Source,
    SourceText,
    Storage,
    Type,
    Value,
)
from .ops_table import IR_VERSION

_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_DIM = re.compile(r"[A-Za-z0-9_+*-]{1,100}")


def malformed(where: str, what: str) -> HostError:
    """The error for IR that is not of the specified form."""
    hint = "the program was damaged on its way, or made by another version; run it again with this version"
    return HostError("F2C5001", f"malformed IR: {where}: {what}", "fault", hint)


class _Reader:
    """Reads JSON values of the expected kind, or says where they are not."""

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        self.where = where

    def field(self, name: str) -> _Reader:
        if not isinstance(self.value, dict):
            raise malformed(self.where, "not a record")
        if name not in self.value:
            raise malformed(self.where, f"no `{name}`")
        return _Reader(self.value[name], f"{self.where}.{name}")

    def items(self) -> list[_Reader]:
        if not isinstance(self.value, list | tuple):
            raise malformed(self.where, "not a list")
        return [_Reader(v, f"{self.where}[{i}]") for i, v in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise malformed(self.where, "not a text")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            raise malformed(self.where, "half a surrogate pair") from None
        return self.value

    def int(self, low: int = -(2**53), high: int = 2**53) -> int:
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise malformed(self.where, f"not a whole number from {low} to {high}")
        return value

    def real(self) -> float:
        if (
            isinstance(self.value, bool)
            or not isinstance(self.value, int | float)
            or not -MAX_FLOAT <= self.value <= MAX_FLOAT
        ):
            raise malformed(self.where, "not a finite number")
        return float(self.value)


def _type(r: _Reader) -> Type:
    if not isinstance(r.value, dict):
        raise malformed(r.where, "not a type")
    if "tensor" in r.value:
        dtype = r.field("dtype").text()
        if dtype not in DTYPES:
            raise malformed(r.where, f"no dtype {dtype!r}")
        dims: list[int | str] = []
        for d in r.field("tensor").items():
            if isinstance(d.value, str):
                if not _DIM.fullmatch(d.value):
                    raise malformed(d.where, "not a dimension")
                dims.append(d.value)
            else:
                dims.append(d.int(0, 2**40))
        if len(dims) > 16:
            raise malformed(r.where, "more than 16 dimensions")
        return Type("tensor", dims=tuple(dims), dtype=dtype)
    if "scalar" in r.value:
        scalar = r.field("scalar").text()
        if scalar not in ("f64", "i64", "bool"):
            raise malformed(r.where, f"no scalar {scalar!r}")
        return Type("scalar", scalar=scalar)
    return Type("group", group=r.field("group").text())


def _value(r: _Reader) -> Value:
    return Value(r.field("id").int(0, 2**31), r.field("name").text(), _type(r.field("type")))


def _region(r: _Reader, depth: int) -> Region:
    if depth > 40:
        raise malformed(r.where, "regions nest more than 40 deep")
    arguments = tuple(_value(a) for a in r.field("arguments").items())
    return Region(arguments, tuple(_op(o, depth) for o in r.field("ops").items()))


def _op(r: _Reader, depth: int) -> Op:
    attributes = r.field("attributes").value
    if not isinstance(attributes, dict) or not all(
        isinstance(k, str) and k.isidentifier() for k in attributes
    ):
        raise malformed(r.where, "attributes are not a record")
    return Op(
        op=r.field("op").text(),
        operands=tuple(o.int(-1, 2**31) for o in r.field("operands").items()),
        attributes=attributes,
        results=tuple(_value(v) for v in r.field("results").items()),
        regions=tuple(_region(g, depth + 1) for g in r.field("regions").items()),
        location=r.field("location").int(0),
    )


_INITS: dict[str, dict[str, type | tuple[str, ...]]] = {
    "zeros": {},
    "constant": {"value": float},
    "normal": {"mean": float, "std": float},
    "uniform": {"low": float, "high": float},
    "kaiming_normal": {"fan": ("in", "out"), "gain": float},
    "kaiming_uniform": {"fan": ("in", "out"), "gain": float},
    "xavier_uniform": {"gain": float},
    "unit_rows": {"distribution": ("normal", "uniform")},
    "copy": {"of": str},
    "file": {"file": str, "tensor": str},
}


def _init(r: _Reader) -> dict[str, Any]:
    kind = r.field("kind").text()
    if kind not in _INITS:
        raise malformed(r.where, f"no initialiser {kind!r}")
    init: dict[str, Any] = {"kind": kind}
    for name, wanted in _INITS[kind].items():
        field = r.field(name)
        init[name] = field.real() if wanted is float else field.text()
        if isinstance(wanted, tuple) and init[name] not in wanted:
            raise malformed(field.where, f"not one of {', '.join(wanted)}")
    return init


def _storage(r: _Reader, role: str | None = None) -> Storage:
    """A storage; `role` is that of one from before 1.2."""
    if role is None:
        role = r.field("role").text()
        if role not in ROLES:
            raise malformed(r.where, f"no role {role!r}")
    kind = _type(r.field("type"))
    if kind.kind != "tensor" or not all(isinstance(d, int) for d in kind.dims):
        raise malformed(r.where, "storage needs a tensor type of fixed size")
    layout = r.field("layout").text() if "layout" in r.value else "contiguous"
    if layout not in ("contiguous", "channels_last") or (layout == "channels_last" and len(kind.dims) != 4):
        raise malformed(r.where, f"no layout {layout!r} of {kind}")
    trainable, by_rows = r.value.get("trainable", True), r.value.get("byRows", False)
    if not isinstance(trainable, bool) or not isinstance(by_rows, bool):
        raise malformed(r.where, "`trainable` or `byRows` is not true or false")
    return Storage(
        name=r.field("name").text(),
        type=kind,
        init=_init(r.field("init")),
        location=r.field("location").int(0),
        role=role,
        slot_of=r.field("slotOf").text() if "slotOf" in r.value else None,
        twin_of=r.field("twinOf").text() if "twinOf" in r.value else None,
        rows_of=r.field("rowsOf").text() if "rowsOf" in r.value else None,
        trainable=trainable,
        by_rows=by_rows,
        layout=layout,
    )


def _storages(r: _Reader, version: list[int]) -> tuple[Storage, ...]:
    if version[1] >= 2:
        return tuple(_storage(s) for s in r.field("storages").items())
    return _roles_from_names(
        [
            *(_storage(s, "parameter") for s in r.field("parameters").items()),
            *(_storage(s, "state") for s in r.field("states").items()),
        ]
    )


def _roles_from_names(storages: list[Storage]) -> tuple[Storage, ...]:
    """The storages of a module before 1.2 with their roles: what the optimizer kept was told by its name,
    `optimizer.velocity.net.weight`, and what was a twin's by how it started. Nothing else reads a role from these."""
    parameters = {s.name for s in storages if s.role == "parameter"}

    def said(storage: Storage) -> Storage:
        if storage.role == "parameter":
            return storage
        if storage.init["kind"] == "copy":
            return replace(storage, twin_of=storage.init["of"])
        kept, _, rest = storage.name.partition(".")
        if kept not in ("optimizer", "accumulate"):
            return storage
        slot_of = rest.partition(".")[2]
        return replace(storage, role="optimizer", slot_of=slot_of if slot_of in parameters else None)

    return tuple(map(said, storages))


def _input(r: _Reader) -> Input:
    source = r.field("source")
    kind = source.field("kind").text()
    if kind not in ("images", "plan", "argument"):
        raise malformed(source.where, f"no input source {kind!r}")
    value = _value(r)
    if value.type.kind == "group":
        raise malformed(r.where, "an input is a tensor or a scalar")
    return Input(value, Source(kind, source.field("stream").text() if kind == "images" else ""))


def _function(r: _Reader) -> Function:
    name = r.field("name")
    if not _FUNCTION.fullmatch(name.text()):
        raise malformed(name.where, "not a name for a function")
    return Function(
        name=name.value,
        inputs=tuple(_input(i) for i in r.field("inputs").items()),
        results=tuple(
            Result(x.field("name").text(), _type(x.field("type"))) for x in r.field("results").items()
        ),
        body=_region(r.field("body"), 0),
        location=r.field("location").int(0),
    )


def parse_module(data: Any) -> Module:
    """Reads the JSON form. Raises HostError F2C5001 where it is not of that form, F2C5002 for another version."""
    r = _Reader(data, "module")
    version = [v.int(0) for v in r.field("version").items()]
    if len(version) != 2 or version[0] != IR_VERSION[0] or version[1] > IR_VERSION[1]:
        mine = ".".join(map(str, IR_VERSION))
        raise HostError(
            "F2C5002",
            f"the program is IR version {'.'.join(map(str, version))}, this host reads {mine}",
            "host",
            "install the host of the same version as f2c-dsl: f2c-dsl setup",
        )
    sources = tuple(
        SourceText(s.field("path").text(), s.field("text").text()) for s in r.field("sources").items()
    )
    locations = []
    for row in r.field("locations").items():
        numbers = [n.int(-1) for n in row.items()]
        ok = len(numbers) == 4 and 0 <= numbers[0] < len(sources) and -1 <= numbers[3] < len(locations)
        if not ok or not 0 <= numbers[1] <= numbers[2] <= 2 * len(sources[numbers[0]].text) + 2:
            raise malformed(row.where, "not a location")
        locations.append(Location(*numbers))
    for fused in r.field("fused").items() if "fused" in r.value else ():
        row = fused.field("location").int(0, len(locations) - 1)
        for fellow in fused.field("also").items():
            fellow.int(0, row - 1)
    groups: dict[str, tuple[str, ...]] = {}
    for g in r.field("groups").items():
        name = g.field("name").text()
        if name in groups:
            raise malformed(g.where, f"two groups named {name!r}")
        groups[name] = tuple(m.text() for m in g.field("members").items())
    return Module(
        name=r.field("name").text(),
        sources=sources,
        locations=tuple(locations),
        storages=_storages(r, version),
        groups=groups,
        functions=tuple(_function(f) for f in r.field("functions").items()),
    )
