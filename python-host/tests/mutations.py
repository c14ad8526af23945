"""Damage to programs and to messages: what a fault of the compiler, another version or a bad peer could send.

Every choice is Hypothesis's, which therefore shrinks what it finds: to few changes, of the first kinds, at the first places.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from hypothesis import strategies as st

from f2c_host.ir.ops_table import OPS
from f2c_host.verify.verifier import _shown

Json = Any
Draw = st.DrawFn
Mutation = Callable[[Json, Draw], None]

_DIFFERENCES_SHOWN = 12
# What a change meets that no longer finds its place, because one before it has taken that away. Hypothesis raises a TypeError
# where there is nothing to choose from.
_NO_PLACE = (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError)


def nested(depth: int) -> Json:
    value: Json = 0
    for _ in range(depth):
        value = [value]
    return value


def pick(draw: Draw, choices: Sequence[Any]) -> Any:
    return draw(st.sampled_from(choices))


def below(draw: Draw, end: int) -> int:
    return draw(st.integers(0, end - 1))


ODD: list[Json] = [
    None, True, False, -1, 0, 1, 2, 7, 10**12, 10**30, 10**400, -(10**400), 10**5000, 0.5, -0.0, float("nan"), float("inf"),
    "", "B", "f32", "nan", "yield", "return", "add", "state", "__class__", "__import__('os').abort()", "a.b", "\ud800", [], {},
    [[]], [0], [-1], [0] * 65, nested(900), nested(20_000), {"tensor": [], "dtype": "f32"}, {"scalar": "bool"},
    {"group": "g"}, {"kind": "copy", "of": "total"},
]  # fmt: skip
TYPES: list[Json] = [
    {"tensor": [], "dtype": "f32"}, {"tensor": [], "dtype": "i64"}, {"tensor": [2], "dtype": "f32"},
    {"tensor": ["B"], "dtype": "i64"}, {"tensor": [10**12], "dtype": "f32"}, {"tensor": [0, 2**40, 2**40], "dtype": "f64"},
    {"tensor": [2**31], "dtype": "u8"}, {"scalar": "f64"}, {"scalar": "i64"}, {"scalar": "bool"}, {"group": "weights"},
    {"group": "none"},
]  # fmt: skip
INITS: list[Json] = [
    {"kind": "constant", "value": 1e300}, {"kind": "constant", "value": -3.0}, {"kind": "normal", "mean": 0.0, "std": -1.0},
    {"kind": "uniform", "low": 1e308, "high": -1e308}, {"kind": "kaiming_normal", "fan": "in", "gain": 1.0},
    {"kind": "kaiming_uniform", "fan": "out", "gain": 1.0}, {"kind": "xavier_uniform", "gain": 1.0},
    {"kind": "unit_rows", "distribution": "normal"}, {"kind": "copy", "of": "w"},
]  # fmt: skip
NAMES = [
    "S", "device", "range", "no_grad", "v0", "step", "embed", "def", "None", "", "a b", "a.b", "..", "x\n", "日本", "print",
    "aten__add__Tensor", "gradients", "__builtins__", "0", "x; import os",
]  # fmt: skip

# Half of them are known to be odd, the others are any that JSON has.
VALUES = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(data: Json) -> list[tuple[Any, str | int]]:
    """Every key and index of a document, with what holds it."""
    found: list[tuple[Any, str | int]] = []
    pending = [data]
    while pending:
        holder = pending.pop()
        keys = (
            list(holder)
            if isinstance(holder, dict)
            else range(len(holder))
            if isinstance(holder, list)
            else []
        )
        for key in keys:
            found.append((holder, key))
            pending.append(holder[key])
    return found


def damage(data: Json, draw: Draw) -> None:
    """One change, deletion, swap or doubling somewhere."""
    spots = places(data)
    holder, key = pick(draw, spots)
    way = below(draw, 4)
    if way == 0:
        holder[key] = fresh(draw(VALUES))
    elif way == 1:
        del holder[key]
    elif way == 2:
        other, other_key = pick(draw, spots)
        values = fresh(other[other_key]), fresh(holder[key])
        holder[key], other[other_key] = values
    elif isinstance(holder, list):
        holder.insert(below(draw, len(holder) + 1), fresh(holder[key]))
    else:
        holder[pick(draw, list(holder))] = fresh(holder[key])


def fresh(value: Json) -> Json:
    """A copy, however deep it nests, so that no example changes what another one is made from."""
    root = [value]
    pending: list[tuple[Any, Any]] = [(root, 0)]
    while pending:
        holder, key = pending.pop()
        found = holder[key]
        if isinstance(found, dict):
            holder[key] = copied = dict(found)
            pending.extend((copied, inner) for inner in copied)
        elif isinstance(found, list):
            holder[key] = copied = list(found)
            pending.extend((copied, n) for n in range(len(copied)))
    return root[0]


# ---- changes that know the form of a module, and so come further than random ones


def regions_of(data: Json) -> list[Json]:
    found = [function["body"] for function in data["functions"]]
    for region in found:
        found.extend(inner for op in region["ops"] for inner in op["regions"])
    return found


def ops_of(data: Json) -> list[Json]:
    return [op for region in regions_of(data) for op in region["ops"]]


def values_of(data: Json) -> list[Json]:
    inputs = [value for function in data["functions"] for value in function["inputs"]]
    arguments = [value for region in regions_of(data) for value in region["arguments"]]
    return inputs + arguments + [value for op in ops_of(data) for value in op["results"]]


def storages_of(data: Json) -> list[Json]:
    return data["storages"]


def drop_op(data: Json, draw: Draw) -> None:
    ops = pick(draw, regions_of(data))["ops"]
    del ops[below(draw, len(ops))]


def double_op(data: Json, draw: Draw) -> None:
    ops = pick(draw, regions_of(data))["ops"]
    twin = fresh(pick(draw, ops))
    for i, result in enumerate(twin["results"]):
        result["id"] = 10_000 + i
    ops.insert(below(draw, len(ops)), twin)


def swap_ops(data: Json, draw: Draw) -> None:
    ops = pick(draw, regions_of(data))["ops"]
    i, j = below(draw, len(ops)), below(draw, len(ops))
    ops[i], ops[j] = ops[j], ops[i]


def move_op(data: Json, draw: Draw) -> None:
    start, end = pick(draw, regions_of(data))["ops"], pick(draw, regions_of(data))["ops"]
    op = start.pop(below(draw, len(start)))
    end.insert(below(draw, len(end) + 1), op)


def rename_op(data: Json, draw: Draw) -> None:
    pick(draw, ops_of(data))["op"] = pick(draw, [*OPS, *NAMES])


def rename_op_within_its_form(data: Json, draw: Draw) -> None:
    """To another op with as many operands, and no attributes that would not fit."""
    op = pick(draw, ops_of(data))
    alike = [s.name for s in OPS.values() if len(s.operands) == len(op["operands"])]
    op.update(op=pick(draw, alike or list(OPS)), attributes={})


def rewire(data: Json, draw: Draw) -> None:
    op = pick(draw, [op for op in ops_of(data) if op["operands"]] or ops_of(data))
    ids = [-1, -5, *(value["id"] for value in values_of(data))]
    if op["operands"]:
        op["operands"][below(draw, len(op["operands"]))] = pick(draw, ids)


def change_arity(data: Json, draw: Draw) -> None:
    operands = pick(draw, ops_of(data))["operands"]
    if operands and draw(st.booleans()):
        operands.pop(below(draw, len(operands)))
    else:
        operands.append(pick(draw, [-1, *(value["id"] for value in values_of(data))]))


def retype(data: Json, draw: Draw) -> None:
    pick(draw, values_of(data))["type"] = fresh(pick(draw, TYPES))


def retype_storage_and_its_readers(data: Json, draw: Draw) -> None:
    if not (storages := storages_of(data)):
        return
    storage, type = pick(draw, storages), pick(draw, TYPES)
    storage["type"] = fresh(type)
    for op in ops_of(data):
        if op["op"] == "state" and op["attributes"].get("name") == storage["name"]:
            op["results"][0]["type"] = fresh(type)


def resize(data: Json, draw: Draw) -> None:
    types = [x["type"] for x in values_of(data) + storages_of(data) if "tensor" in x["type"]]
    dims = pick(draw, types)["tensor"]
    size = pick(draw, [0, 1, 3, 2**20, 2**31, 2**40, 10**12, -1, "B", "2*B+1", "*"])
    if dims and draw(st.booleans()):
        dims[below(draw, len(dims))] = size
    else:
        dims.append(size)


def reidentify(data: Json, draw: Draw) -> None:
    value = pick(draw, values_of(data))
    value["id"] = pick(draw, [-1, 0, 1, 2**31, 2**31 + 1, 77, pick(draw, values_of(data))["id"]])


def change_attribute(data: Json, draw: Draw) -> None:
    op = pick(draw, ops_of(data))
    spec = OPS.get(op["op"])
    names = [a.name for a in spec.attributes] if spec else []
    op["attributes"][pick(draw, [*names, *names, "extra"])] = fresh(draw(VALUES))


def drop_attribute(data: Json, draw: Draw) -> None:
    holders = [op["attributes"] for op in ops_of(data) if op["attributes"]]
    attributes = pick(draw, holders)
    del attributes[pick(draw, list(attributes))]


def attribute_of_its_kind(data: Json, draw: Draw) -> None:
    """A value of the right kind, that makes no sense."""
    op = pick(draw, [op for op in ops_of(data) if op["op"] in OPS and OPS[op["op"]].attributes] or [None])
    if op is None:
        return
    attribute = pick(draw, OPS[op["op"]].attributes)
    kinds: dict[str, list[Json]] = {
        "int": [-(2**50), -1, 0, 3, 99, 2**52, 2.0],
        "float": [-1e308, -1.0, 0, 1e-320, 1e308, float("nan"), float("inf"), 10**400],
        "bool": [True, False],
        "ints": [[], [0], [-1, -1], [2**52], [0] * 64, [2**20, 2**20]],
        "scalar": [-1, 0.5, True, "inf", "-inf", "nan", float("nan"), 2**63, -(2**63) - 1, 10**400, 1e308],
        "dtype": ["f16", "bf16", "f64", "i32", "u8", "bool"],
    }
    op["attributes"][attribute.name] = pick(
        draw, kinds.get(attribute.type, ["w", "total", "weights", *NAMES])
    )


def rename_storage(data: Json, draw: Draw) -> None:
    if storages := storages_of(data):
        pick(draw, storages)["name"] = pick(draw, [*NAMES, pick(draw, storages)["name"]])


def reinitialise(data: Json, draw: Draw) -> None:
    if storages := storages_of(data):
        pick(draw, storages)["init"] = fresh(pick(draw, INITS))


def change_role(data: Json, draw: Draw) -> None:
    """A parameter becomes a state, what is nobody's slot becomes one, and so on."""
    if storages := storages_of(data):
        storage, other = pick(draw, storages), pick(draw, [*storages, {"name": pick(draw, NAMES)}])
        change = pick(
            draw,
            [
                {"role": pick(draw, ["parameter", "state", "optimizer", "scratch", "nobody"])},
                {"slotOf": other["name"]},
                {"twinOf": other["name"]},
                {"rowsOf": other["name"]},
                {"trainable": False},
                {"byRows": True},
            ],
        )
        storage.update(change)


def regroup(data: Json, draw: Draw) -> None:
    if data["groups"] and storages_of(data):
        members = pick(draw, data["groups"])["members"]
        members.insert(below(draw, len(members) + 1), pick(draw, storages_of(data))["name"])
        if draw(st.booleans()):
            members.pop(below(draw, len(members)))


def rename_function(data: Json, draw: Draw) -> None:
    pick(draw, data["functions"])["name"] = pick(draw, NAMES)


def change_regions(data: Json, draw: Draw) -> None:
    op = pick(draw, [op for op in ops_of(data) if op["regions"]] or ops_of(data))
    regions = op["regions"]
    way = below(draw, 4)
    if way == 0 or not regions:
        regions.append(fresh(pick(draw, regions_of(data))))
    elif way == 1:
        regions.pop(below(draw, len(regions)))
    elif way == 2:
        regions[:] = draw(st.permutations(regions))
    else:
        pick(draw, regions)["arguments"].append({"id": 20_000, "name": "a", "type": pick(draw, TYPES)})


def nest(data: Json, draw: Draw) -> None:
    ops = pick(draw, regions_of(data))["ops"]
    i = below(draw, len(ops))
    for _ in range(pick(draw, [1, 5, 39, 41, 2000])):
        ops[i] = {**ops[i], "op": "no_grad", "regions": [{"arguments": [], "ops": [ops[i]]}]}


def wrap_in_no_grad(data: Json, draw: Draw) -> None:
    """A valid nesting: ids stay distinct, types agree."""
    ops = pick(draw, regions_of(data))["ops"]
    i = below(draw, len(ops))
    for turn in range(pick(draw, [1, 5, 25, 39])):
        inner = ops[i]
        outer = [{**r, "id": 30_000 + 100 * turn + n} for n, r in enumerate(inner["results"])]
        end = {
            **inner,
            "op": "yield",
            "operands": [r["id"] for r in inner["results"]],
            "results": [],
            "regions": [],
        }
        region = {"arguments": [], "ops": [inner, {**end, "attributes": {}}]}
        ops[i] = {
            **inner,
            "op": "no_grad",
            "operands": [],
            "attributes": {},
            "results": outer,
            "regions": [region],
        }
    names = {old["id"]: new["id"] for old, new in zip(inner["results"], outer, strict=True)}
    if turn == 0:
        for op in ops[i + 1 :]:
            op["operands"] = [names.get(v, v) for v in op["operands"]]


def relocate(data: Json, draw: Draw) -> None:
    end = 2 * len(data["sources"][0]["text"]) + 2
    places = [[0, 0, end, -1], [0, end, end, 0], [0, end // 2, end, -1], [0, 5, 5, -1], [1, 0, 0, -1]]
    data["locations"].append(pick(draw, places))
    row = len(data["locations"]) - 1
    pick(draw, ops_of(data))["location"] = row
    if draw(st.booleans()):
        data["fused"] = [
            {"location": row + pick(draw, (0, 0, 0, 1)), "also": pick(draw, ([0], [], [row], [-1]))}
        ]


def resource(data: Json, draw: Draw) -> None:
    """Another text or path for a source, or one more of the same path."""
    way = below(draw, 4)
    if way == 0:
        data["sources"][0]["text"] = pick(draw, ["", "\n\n", "\ud83d\n\r\n日本", "x" * 9, "\0", "😀" * 30])
    elif way == 1:
        data["sources"][0]["path"] = pick(draw, NAMES)
    else:
        data["sources"].append({"path": data["sources"][0]["path"], "text": "\n" * 9})
        data["locations"].append([1, 3, 9, -1])
        pick(draw, ops_of(data))["location"] = len(data["locations"]) - 1


MUTATIONS: list[Mutation] = [
    damage, damage, damage, drop_op, double_op, swap_ops, move_op, rename_op, rename_op_within_its_form, rewire, change_arity,
    retype, retype_storage_and_its_readers, resize, reidentify, change_attribute, drop_attribute, attribute_of_its_kind,
    attribute_of_its_kind, rename_storage, reinitialise, change_role, regroup, rename_function, change_regions, nest,
    wrap_in_no_grad, relocate, resource,
]  # fmt: skip


def changed(data: Json, draw: Draw, change: Callable[[Any, Draw], None]) -> bool:
    """Changes a document, unless the change no longer finds its place; whether it did."""
    try:
        change(data, draw)
    except _NO_PLACE:
        return False
    return True


def few(changes: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """Mostly one of them, four at most: what was changed much is refused early."""
    return st.lists(st.sampled_from(changes), min_size=1, max_size=1) | st.lists(
        st.sampled_from(changes), min_size=1, max_size=4
    )


class Damaged:
    """A module that was changed. Where a test fails it shows what became of the original, which is JSON: no dataclass, of which
    Hypothesis would show the fields."""

    def __init__(self, name: str, original: str, data: Json, changes: Sequence[str]) -> None:
        self.name = name
        self.original = original
        self.data = data
        self.changes = changes

    def __repr__(self) -> str:
        found = "; ".join(islice(differences(json.loads(self.original), self.data), _DIFFERENCES_SHOWN))
        return f"<{self.name} after {', '.join(self.changes) or 'nothing'}: {found}>"


@st.composite
def damaged_modules(
    draw: Draw, originals: Mapping[str, str], mutations: Sequence[Mutation] = MUTATIONS
) -> Damaged:
    """One of the originals, given as JSON, after a few changes."""
    name = pick(draw, list(originals))
    data = json.loads(originals[name])
    changes = [change.__name__ for change in draw(few(mutations)) if changed(data, draw, change)]
    return Damaged(name, originals[name], data, changes)


def differences(before: Json, after: Json, at: str = "") -> Iterator[str]:
    """Each place at which two documents differ, and what stands there in either."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys: Sequence[Any] = [*before, *(key for key in after if key not in before)]
        pairs = [(f"{at}/{key}", before.get(key), after.get(key)) for key in keys]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(f"{at}/{n}", *pair) for n, pair in enumerate(zip(before, after, strict=True))]
    else:
        was, is_now = _shown(before), _shown(after)
        if was != is_now:
            yield f"{at or '/'} was {was}, is {is_now}"
        return
    for place, left, right in pairs:
        yield from differences(left, right, place)
