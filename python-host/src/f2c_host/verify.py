"""The verifier: nothing is executed that breaks one of these.

V1  storage names are unique; function names too, and those of a function's inputs and of its results; the storage fits
    into memory (2^40 elements)
V2  every storage and group that is named exists; a group has distinct members; a copy starts from a storage that is drawn,
    and what is drawn by its fans has some
V3  every value is defined once, before its uses, in its region or one around it
V4  every op is in the registry, with the operands, attributes and result kinds that it says
V5  a region ends with `yield`, a function with `return`, and neither stands elsewhere
V6  what a `write` op changes, and the running statistics of an `update` op, come straight from `state` or `group`
V7  every location exists; each source has a path of its own
V8  regions have the arguments and yields that their op asks for
V9  a function returns what it declares, tensors only
V10 parameters are floating point; `gradients` is taken of a loss of shape [] by trained parameters, at the top level, once
V12 only a parameter is frozen; a slot is the optimizer's, of a trained parameter of its shape; a twin's storage is a state, of
    the type of the original's
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import NoReturn

from .errors import HostError
from .ir import DTYPES, FLOATS, MAX_FLOAT, Function, Module, Op, Region, Storage, Type, Value
from .ops_table import OPS, OpSpec

_HINT = "this is a fault of the compiler, or the program was damaged on its way; please report it with its ir.json"

_NESTS = ("if", "for", "while", "no_grad", "remat")
# The registry says f64 of these; of whole numbers they are whole.
_JOINED = ("scalar_add", "scalar_sub", "scalar_mul", "scalar_neg", "scalar_min", "scalar_max")

_BY_FAN = ("kaiming_normal", "kaiming_uniform", "xavier_uniform")


class _Verifier:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.storages = {s.name: s for s in module.storages}

    def refuse(self, constraint: str, message: str, location: int = -1) -> NoReturn:
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
        slot_of, twin_of = storage.slot_of, storage.twin_of
        if not storage.trainable and storage.role != "parameter":
            self.refuse("V12", f"{storage.name} is frozen and no parameter", storage.location)
        if slot_of is not None:
            of = self.storages.get(slot_of)
            if storage.role != "optimizer" or not of or not of.trained or of.type.dims != storage.type.dims:
                self.refuse(
                    "V12", f"{storage.name} cannot be the optimizer's slot of {slot_of}", storage.location
                )
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
        self.taken = False
        self.region(function.body, seen, origins, "return", top=True)
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
        self, region: Region, around: dict[int, Value], origins: dict[int, Op], end: str, top: bool = False
    ) -> list[Type]:
        seen = dict(around)
        for argument in region.arguments:
            self.define(argument, seen, -1)
        if not region.ops:
            self.refuse("V5", "a region is empty")
        for i, op in enumerate(region.ops):
            self.location(op.location)
            if (op.op == end) != (i == len(region.ops) - 1) or (
                op.op in ("yield", "return") and op.op != end
            ):
                self.refuse("V5", f"a region must end with {end}, and only there", op.location)
            self.op(op, seen, origins, top)
            for result in op.results:
                self.define(result, seen, op.location)
                origins[result.id] = op
        if top:
            around.update(seen)
        return self.types(region.ops[-1], seen)

    def op(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], top: bool) -> None:
        spec = OPS.get(op.op)
        if spec is None:
            self.refuse("V4", f"there is no op {op.op!r}", op.location)
        for operand in op.operands:
            if operand >= 0 and operand not in seen:
                self.refuse("V3", f"{op.op} uses value {operand} before its definition", op.location)
        self.operands(op, spec, seen)
        self.attributes(op, spec)
        kinds = [r.type.operand_kind for r in op.results]
        wanted = list(spec.results)
        if op.op in _JOINED and all(seen[v].type.scalar == "i64" for v in op.operands):
            wanted = ["i64"]
        if op.op != "constant" and spec.results != ("*",) and kinds != wanted:
            self.refuse("V4", f"{op.op} has results {kinds}, not {wanted}", op.location)
        if op.regions and op.op not in _NESTS:
            self.refuse("V8", f"{op.op} has no regions", op.location)
        if spec.effect == "write":
            self.storage_origin(op, op.operands[0], origins)
        if spec.effect == "update":
            for i, operand in enumerate(spec.operands):
                if operand.name in ("mean", "variance") and op.operands[i] >= 0:
                    self.storage_origin(op, op.operands[i], origins)
        check = getattr(self, f"check_{op.op}", None)
        if check is not None:
            check(op, seen, origins, top)

    def storage_origin(self, op: Op, operand: int, origins: Mapping[int, Op]) -> None:
        origin = origins.get(operand)
        if origin is None or origin.op not in ("state", "group"):
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

    # ---- ops that the lowering knows by name

    def check_constant(self, op: Op, *_: object) -> None:
        value = op.attributes["value"]
        kind = op.results[0].type.operand_kind if len(op.results) == 1 else ""
        integral = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        fits = {
            "f64": not isinstance(value, bool),
            "i64": integral and not isinstance(value, bool) and abs(value) < 2**63,
            "bool": isinstance(value, bool),
        }
        if not fits.get(kind, False):
            self.refuse("V4", f"constant {_shown(value)} as {kind or 'nothing'}", op.location)

    def check_state(self, op: Op, *_: object) -> None:
        storage = self.storages.get(op.attributes["name"])
        if storage is None or op.results[0].type != storage.type:
            self.refuse(
                "V2",
                f"there is no storage {op.attributes['name']!r} of type {op.results[0].type}",
                op.location,
            )

    def check_group(self, op: Op, *_: object) -> None:
        if op.attributes["name"] not in self.module.groups:
            self.refuse("V2", f"there is no group {op.attributes['name']!r}", op.location)

    def check_gradients(
        self, op: Op, seen: Mapping[int, Value], origins: Mapping[int, Op], top: bool
    ) -> None:
        loss = seen[op.operands[0]].type
        origin = origins.get(op.operands[1])
        trained = origin is not None and origin.op == "group" and self.trains(origin)
        if loss.dims != () or loss.dtype not in FLOATS or not trained or not top or self.taken:
            self.refuse(
                "V10", "gradients need one loss of shape [] and floating-point parameters, once", op.location
            )
        self.taken = True

    def check_leaf(self, op: Op, seen: Mapping[int, Value], *_: object) -> None:
        if op.results[0].type != seen[op.operands[0]].type or op.results[0].type.dtype not in FLOATS:
            self.refuse("V10", "a leaf has the floating-point type of its operand", op.location)

    def check_vjp(self, op: Op, seen: Mapping[int, Value], origins: Mapping[int, Op], top: bool) -> None:
        outputs = int(op.attributes["outputs"])
        values = self.types(op, seen)[1:]
        products, leaves = values[: 2 * outputs], values[2 * outputs :]
        origin = origins.get(op.operands[0])
        fits = (
            outputs > 0
            and len(products) == 2 * outputs
            and products[:outputs] == products[outputs:]
            and all(t.kind == "tensor" and t.dtype in FLOATS for t in values)
            and all(
                (made := origins.get(v)) is not None and made.op == "leaf"
                for v in op.operands[1 + 2 * outputs :]
            )
            and [r.type for r in op.results] == [seen[op.operands[0]].type, *leaves]
        )
        if not (fits and top and origin is not None and origin.op == "group" and self.trains(origin)):
            self.refuse(
                "V10",
                "vjp takes outputs, cotangents of their types and leaves, at the top level",
                op.location,
            )

    def trains(self, group: Op) -> bool:
        """Whether a group is of trained floating-point parameters only."""
        members = self.module.groups[group.attributes["name"]]
        return bool(members) and all(
            self.storages[m].trained and self.storages[m].type.dtype in FLOATS for m in members
        )

    def check_remat(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], top: bool) -> None:
        self.check_no_grad(op, seen, origins, top)

    def check_no_grad(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], _top: bool) -> None:
        self.regions(op, seen, origins, [[]], [[r.type for r in op.results]])

    def check_if(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], _top: bool) -> None:
        results = [r.type for r in op.results]
        self.regions(op, seen, origins, [[], []], [results, results])

    def check_for(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], _top: bool) -> None:
        carried = [r.type for r in op.results]
        if self.types(op, seen)[1:] != carried:
            self.refuse("V8", "for carries other types than it begins with", op.location)
        self.regions(op, seen, origins, [[Type("scalar", scalar="i64"), *carried]], [carried])

    def check_while(self, op: Op, seen: dict[int, Value], origins: dict[int, Op], _top: bool) -> None:
        carried = [r.type for r in op.results]
        if self.types(op, seen) != carried:
            self.refuse("V8", "while carries other types than it begins with", op.location)
        self.regions(op, seen, origins, [carried, carried], [[Type("scalar", scalar="bool")], carried])

    def regions(
        self,
        op: Op,
        seen: dict[int, Value],
        origins: dict[int, Op],
        arguments: list[list[Type]],
        yields: list[list[Type]],
    ) -> None:
        if len(op.regions) != len(arguments):
            self.refuse("V8", f"{op.op} has {len(op.regions)} regions", op.location)
        for region, wanted, given in zip(op.regions, arguments, yields, strict=True):
            if [a.type for a in region.arguments] != wanted or self.region(
                region, seen, origins, "yield"
            ) != given:
                self.refuse(
                    "V8", f"a region of {op.op} has other arguments or yields than it should", op.location
                )


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
    if kind == "int":
        return whole
    if kind == "ints":
        return isinstance(value, list | tuple) and len(value) <= 64 and all(_fits("int", v) for v in value)
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
