"""The verifier: nothing is executed that breaks a constraint of the table (`CONSTRAINTS`, which docs/ir.md lists).

The compiler checks the same ones by code of its own; what there is to check of an op stands in its entry of the table.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import NoReturn

from ..errors import HostError
from ..ir.module import DTYPES, FLOATS, LITERAL, MAX_FLOAT, Function, Module, Op, Region, Storage, Type, Value
from ..ir.ops_table import CONSTRAINTS, OPS, Derivative, OpSpec
from ..ir.regions import CONDITION, argument_types, initial
from ..ir.storages import names_storage
from .result_types import Refused, ResultTypes

_HINT = "this is a fault of the compiler, or the program was damaged on its way; please report it with its ir.json"

_BY_FAN = ("kaiming_normal", "kaiming_uniform", "xavier_uniform")


class _Verifier:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.storages = {s.name: s for s in module.storages}
        self.result_types = ResultTypes(
            {
                name: [self.storages[m].type for m in members if m in self.storages]
                for name, members in module.groups.items()
            }
        )

    def refuse(self, constraint: str, message: str, location: int = -1) -> NoReturn:
        assert constraint in CONSTRAINTS
        frames = self.module.frames(location) if 0 <= location < len(self.module.locations) else []
        raise HostError("F2C5003", f"the IR breaks {constraint}: {message}", "fault", _HINT, frames)

    def module_tables(self) -> None:
        module = self.module
        if len(self.storages) != len(module.storages):
            self.refuse("V1", "two storages have one name")
        if len({f.name for f in module.functions}) != len(module.functions):
            self.refuse("V1", "two functions have one name")
        elements = 0
        for storage in self.storages.values():
            elements += math.prod(max(int(d), 1) for d in storage.type.dims)
            if elements > 2**40:
                self.refuse("V1", "the storage has more than 2^40 elements")
            self.location(storage.location)
            if storage.init["kind"] == "copy":
                of = self.storages.get(storage.init["of"])
                if of is None or of.init["kind"] == "copy" or of.type != storage.type:
                    self.refuse("V2", f"{storage.name} cannot start as a copy of {storage.init['of']}")
            if storage.init["kind"] in _BY_FAN and not (storage.type.dims and all(storage.type.dims)):
                self.refuse("V2", f"{storage.name}, {storage.type}, has no fan to draw by", storage.location)
            self.role(storage)
        for parameter in module.parameters:
            if parameter.type.dtype not in FLOATS:
                self.refuse("V10", f"the parameter {parameter.name} is {parameter.type}", parameter.location)
        if len({s.path for s in module.sources}) != len(module.sources):
            self.refuse("V7", "two sources have one path")
        for name, members in module.groups.items():
            missing = [m for m in members if m not in self.storages]
            if missing or len(set(members)) != len(members):
                self.refuse("V2", f"group {name} is not of distinct storages")

    def role(self, storage: Storage) -> None:
        slot_of, twin_of, dims = storage.slot_of, storage.twin_of, storage.type.dims
        if storage.by_rows and (storage.role != "parameter" or not storage.trainable or not dims):
            self.refuse("V12", f"{storage.name} has no rows that are trained", storage.location)
        if not storage.trainable and storage.role != "parameter":
            self.refuse("V12", f"{storage.name} is frozen and no parameter", storage.location)
        if slot_of is not None:
            of = self.storages.get(slot_of)
            by_rows = of is not None and of.by_rows and storage.role == "optimizer"
            fits = of is not None and (dims == of.type.dims or (by_rows and dims == of.type.dims[:1]))
            kept = {"optimizer": "parameter", "scratch": "scratch"}.get(storage.role)
            if storage.role == "scratch" and storage.rows_of is None:
                kept = None
            if not of or not fits or of.role != kept or not (of.trained or by_rows):
                self.refuse(
                    "V12", f"{storage.name} cannot be the optimizer's slot of {slot_of}", storage.location
                )
        if storage.rows_of is not None:
            of = self.storages.get(storage.rows_of)
            parameter = self.storages.get(of.slot_of) if of and of.slot_of else of
            alike = of is not None and (of.type.dims[1:], of.type.dtype) == (dims[1:], storage.type.dtype)
            real = storage.type.dtype in FLOATS
            if storage.role != "scratch" or not parameter or not parameter.by_rows or not alike or not real:
                self.refuse("V12", f"{storage.name} cannot hold rows of {storage.rows_of}", storage.location)
        if twin_of is not None:
            of = self.storages.get(twin_of)
            if storage.role != "state" or not of or of.twin_of is not None or of.type != storage.type:
                self.refuse("V12", f"{storage.name} cannot be the twin of {twin_of}", storage.location)

    def location(self, index: int) -> None:
        if not 0 <= index < len(self.module.locations):
            self.refuse("V7", f"there is no location {index}")

    def function(self, function: Function) -> None:
        self.location(function.location)
        seen: dict[int, Value] = {}
        origins: dict[int, Op] = {}
        self.defined: set[int] = set()
        for entry in function.inputs:
            self.define(entry.value, seen, function.location)
        if len({i.name for i in function.inputs}) != len(function.inputs):
            self.refuse("V1", f"two inputs of {function.name} have one name")
        if len({r.name for r in function.results}) != len(function.results):
            self.refuse("V1", f"two results of {function.name} have one name")
        self.region(function.body, seen, origins, "function", top=True, derivatives=True)
        returned = self.types(function.body.ops[-1], seen)
        if returned != [r.type for r in function.results] or any(t.kind != "tensor" for t in returned):
            self.refuse("V9", f"{function.name} does not return what it declares", function.location)

    def define(self, value: Value, seen: dict[int, Value], location: int) -> None:
        if value.id in self.defined:
            self.refuse("V3", f"value {value.id} is defined twice", location)
        self.defined.add(value.id)
        seen[value.id] = value

    def types(self, op: Op, seen: Mapping[int, Value]) -> list[Type]:
        return [seen[i].type for i in op.operands if i >= 0]

    def region(
        self,
        region: Region,
        around: dict[int, Value],
        origins: dict[int, Op],
        end: str,
        top: bool = False,
        derivatives: bool = False,
    ) -> list[Type]:
        """The types of what a region yields. `derivatives`: those by parameters are taken in it."""
        seen = dict(around)
        for argument in region.arguments:
            self.define(argument, seen, -1)
        if not region.ops:
            self.refuse("V5", "a region is empty")
        for i, op in enumerate(region.ops):
            self.location(op.location)
            ends = OPS[op.op].ends if op.op in OPS else None
            if ends != (end if i == len(region.ops) - 1 else None):
                self.refuse("V5", f"a {end} must have one end, and have it last", op.location)
            self.op(op, seen, origins, top, derivatives)
            for result in op.results:
                self.define(result, seen, op.location)
                origins[result.id] = op
        if top:
            around.update(seen)
        return self.types(region.ops[-1], seen)

    def op(
        self, op: Op, seen: dict[int, Value], origins: dict[int, Op], top: bool, derivatives: bool
    ) -> None:
        spec = OPS.get(op.op)
        if spec is None:
            self.refuse("V4", f"there is no op {op.op!r}", op.location)
        for operand in op.operands:
            if operand >= 0 and operand not in seen:
                self.refuse("V3", f"{op.op} uses value {operand} before its definition", op.location)
        self.operands(op, spec, seen)
        self.attributes(op, spec)
        self.kinds(op, spec, seen)
        for name in spec.writes:
            if op.operands[spec.place(name)] >= 0:
                self.storage_origin(op, op.operands[spec.place(name)], origins)
        if len(op.regions) != (len(spec.control.regions) if spec.control else 0):
            self.refuse("V8", f"{op.op} has {len(op.regions)} regions", op.location)
        if spec.control:
            self.regions(op, spec, seen, origins, derivatives=top and spec.control.concurrent)
        elif spec.declared:
            self.named(op, spec)
        elif spec.derives:
            self.derivative_by_values(op, spec.derives, seen, origins, top)
            self.results(op, spec, seen)
        elif spec.differentiates:
            self.derivative(op, spec.differentiates, seen, origins, derivatives)
        elif layout := next((a for a in spec.attributes if a.type == "layout"), None):
            self.members(op, op.attributes[layout.name], seen)
        else:
            self.results(op, spec, seen)

    def kinds(self, op: Op, spec: OpSpec, seen: Mapping[int, Value]) -> None:
        """The kinds of an op's results; of one that says itself what they are, the types that it may say."""
        kinds = [r.type.operand_kind for r in op.results]
        wanted = list(spec.results)
        if spec.scalar_result:
            whole = all(seen[v].type.scalar == "i64" for v in op.operands)
            wanted = [("i64" if whole else "f64") if spec.scalar_result == "joined" else spec.scalar_result]
        if op.op == LITERAL:
            if not _spells(op.attributes["value"], kinds):
                self.refuse("V4", f"constant {_shown(op.attributes['value'])} as {kinds}", op.location)
        elif spec.results != ("*",) and kinds != wanted:
            self.refuse("V4", f"{op.op} has results {kinds}, not {wanted}", op.location)

    def named(self, op: Op, spec: OpSpec) -> None:
        """The storage or the group that an op names."""
        for attribute in spec.attributes:
            name = op.attributes.get(attribute.name)
            storage = self.storages.get(name) if attribute.type == "storage" else None
            if attribute.type == "storage" and (storage is None or op.results[0].type != storage.type):
                self.refuse("V2", f"there is no storage {name!r} of type {op.results[0].type}", op.location)
            if attribute.type == "group" and name not in self.module.groups:
                self.refuse("V2", f"there is no group {name!r}", op.location)

    def members(self, op: Op, name: str, seen: Mapping[int, Value]) -> None:
        """The members of a group, taken out of lists, must be in these."""
        there = {member for v in op.operands for member in self.module.groups.get(seen[v].type.group, ())}
        if name not in self.module.groups or not there.issuperset(self.module.groups[name]):
            self.refuse("V2", f"{op.op} takes {name!r} out of lists that do not have it", op.location)
        if op.results[0].type.group != name:
            self.refuse("V11", f"{op.op} of {name!r} gives {op.results[0].type}", op.location)

    def results(self, op: Op, spec: OpSpec, seen: Mapping[int, Value]) -> None:
        """The types of an op's results, by torch; those of scalars are their kinds."""
        operands = [seen[v].type if v >= 0 else None for v in op.operands]
        if spec.history == "leaf":
            if op.results[0].type != operands[0] or op.results[0].type.dtype not in FLOATS:
                self.refuse("V11", "a leaf has the floating-point type of its operand", op.location)
        elif not spec.scalar_result:
            self.counts(op, spec, operands[0] if operands else None)
            groups = {t for t in (*operands, *(r.type for r in op.results)) if t and t.kind == "group"}
            if len(groups) > 1:
                self.refuse(
                    "V11",
                    f"{op.op}: groups with other members: {', '.join(sorted(map(str, groups)))}",
                    op.location,
                )
            try:
                self.result_types.check(op, operands)
            except Refused as why:
                self.refuse("V11", f"{op.op}: {why}", op.location)

    def counts(self, op: Op, spec: OpSpec, first: Type | None) -> None:
        """What an op says of how many members its list has."""
        for attribute in spec.attributes:
            members = self.module.groups.get(first.group, ()) if first else ()
            if attribute.type == "count" and op.attributes[attribute.name] != len(members):
                self.refuse("V11", f"{op.op} counts other members than {len(members)}", op.location)

    def storage_origin(self, op: Op, operand: int, origins: Mapping[int, Op]) -> None:
        origin = origins.get(operand)
        if origin is None or not names_storage(origin):
            self.refuse("V6", f"{op.op} would change something that is no storage", op.location)

    def operands(self, op: Op, spec: OpSpec, seen: Mapping[int, Value]) -> None:
        variadic = bool(spec.operands) and spec.operands[-1].variadic
        if len(op.operands) != len(spec.operands) and not (
            variadic and len(op.operands) >= len(spec.operands) - 1
        ):
            self.refuse("V4", f"{op.op} has {len(op.operands)} operands", op.location)
        for i, operand in enumerate(op.operands):
            wanted = spec.operands[min(i, len(spec.operands) - 1)]
            if operand < 0:
                if not wanted.optional:
                    self.refuse("V4", f"{op.op} lacks `{wanted.name}`", op.location)
            elif seen[operand].type.operand_kind not in wanted.kinds:
                self.refuse("V4", f"{op.op}: `{wanted.name}` is {seen[operand].type}", op.location)

    def attributes(self, op: Op, spec: OpSpec) -> None:
        known = {a.name: a for a in spec.attributes}
        for name, value in op.attributes.items():
            if name not in known or not _fits(known[name].type, value):
                self.refuse("V4", f"{op.op}: attribute {name} = {_shown(value)}", op.location)
        for attribute in spec.attributes:
            if attribute.required and attribute.name not in op.attributes:
                self.refuse("V4", f"{op.op} lacks attribute {attribute.name}", op.location)

    def derivative_by_values(
        self, op: Op, of: Derivative, seen: Mapping[int, Value], origins: Mapping[int, Op], top: bool
    ) -> None:
        spec = OPS[op.op]
        loss = seen[op.operands[spec.place(of.loss)]].type  # type: ignore[arg-type]
        values = op.operands[spec.place(of.by) :]
        tracked = all((made := origins.get(v)) is not None and made.op == "tracked" for v in values)
        if not top or loss.dims != () or loss.dtype not in FLOATS or not values or not tracked:
            self.refuse(
                "V10",
                f"{op.op} is taken at the top level, of one real number, by tracked values",
                op.location,
            )

    def derivative(
        self, op: Op, of: Derivative, seen: Mapping[int, Value], origins: Mapping[int, Op], allowed: bool
    ) -> None:
        spec = OPS[op.op]
        by = op.operands[spec.place(of.by)]
        origin = origins.get(by)
        if not allowed or origin is None or not names_storage(origin) or not self.trains(origin):
            self.refuse(
                "V10",
                f"{op.op} is taken at the top level or in a branch, by a group of trained parameters",
                op.location,
            )
        leaves: Sequence[int] = ()
        by_nothing = not self.module.groups[origin.attributes["name"]]
        if of.loss and by_nothing:
            self.refuse("V10", f"{op.op} is taken by nothing", op.location)
        if of.loss:
            loss = seen[op.operands[spec.place(of.loss)]].type
            if loss.dims != () or loss.dtype not in FLOATS:
                self.refuse("V10", f"{op.op} is taken of one real number, not of {loss}", op.location)
        if of.products:
            outputs, values = int(op.attributes["outputs"]), op.operands[spec.place(of.products) :]
            types = [seen[v].type for v in values]
            leaves = values[2 * outputs :]
            if (
                outputs < 1
                or (by_nothing and not leaves)
                or len(values) < 2 * outputs
                or types[:outputs] != types[outputs : 2 * outputs]
                or any(t.dtype not in FLOATS for t in types)
                or any((made := origins.get(v)) is None or OPS[made.op].history != "leaf" for v in leaves)
            ):
                self.refuse(
                    "V10",
                    f"{op.op} takes outputs, cotangents of their types, and leaves or parameters",
                    op.location,
                )
        if [r.type for r in op.results] != [seen[v].type for v in (by, *leaves)]:
            self.refuse("V11", f"{op.op} gives a derivative of another type than it is taken by", op.location)

    def trains(self, group: Op) -> bool:
        """Whether a group is of trained floating-point parameters only."""
        members = self.module.groups.get(group.attributes["name"], ())
        return all(self.storages[m].trained and self.storages[m].type.dtype in FLOATS for m in members)

    def regions(
        self, op: Op, spec: OpSpec, seen: dict[int, Value], origins: dict[int, Op], derivatives: bool
    ) -> None:
        results = [r.type for r in op.results]
        carried = [seen[v].type for v in initial(op)]
        if spec.control.carries and carried != results:
            self.refuse("V8", f"{op.op} carries other types than it begins with", op.location)
        for wanted, region in zip(spec.control.regions, op.regions, strict=True):
            yields = [CONDITION] if wanted.yields == "condition" else results
            if [a.type for a in region.arguments] != argument_types(wanted, carried) or self.region(
                region, seen, origins, "region", derivatives=derivatives
            ) != yields:
                self.refuse(
                    "V8",
                    f"{wanted.name} of {op.op} has other arguments or yields than it should",
                    op.location,
                )


def _spells(value: object, kinds: list[str]) -> bool:
    """Whether a constant is one of its kind."""
    integral = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    fits = {
        "f64": not isinstance(value, bool),
        "i64": integral and not isinstance(value, bool) and abs(value) < 2**63,  # type: ignore[arg-type]
        "bool": isinstance(value, bool),
    }
    return len(kinds) == 1 and fits.get(kinds[0], False)


def _shown(value: object) -> str:
    """A value in a message, however deep or long it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python does not write out an integer of more than 4300 digits
        return "a very long number"


def _fits(kind: str, value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    number = number and not (isinstance(value, int) and abs(value) > MAX_FLOAT)
    whole = number and float(value) == int(value) if number and abs(value) < 2**53 else False
    if kind in ("int", "count"):
        return whole
    if kind == "ints":
        return isinstance(value, list | tuple) and len(value) <= 64 and all(_fits("int", v) for v in value)
    if kind == "floats":
        return (
            isinstance(value, list | tuple) and len(value) <= 65_536 and all(_fits("float", v) for v in value)
        )
    if kind == "float":
        return number
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "dtype":
        return value in DTYPES
    if kind == "scalar":
        whole = isinstance(value, int) and abs(value) < 2**63  # a bool too
        return whole or isinstance(value, float) or value in ("inf", "-inf", "nan")
    return isinstance(value, str)


def verify(module: Module) -> None:
    """Raises HostError F2C5003 naming the constraint that the module breaks."""
    verifier = _Verifier(module)
    verifier.module_tables()
    for function in module.functions:
        verifier.function(function)
