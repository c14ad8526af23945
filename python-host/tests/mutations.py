"""Damage to programs and to messages: what a fault of the compiler, another version or a bad peer could send."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from f2c_host.ir.ops_table import OPS

Json = Any
Mutation = Callable[[Json, random.Random], None]


def nested(depth: int) -> Json:
    value: Json = 0
    for _ in range(depth):
        value = [value]
    return value


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


def damage(data: Json, draw: random.Random) -> None:
    """One change, deletion, swap or doubling somewhere."""
    spots = places(data)
    holder, key = draw.choice(spots)
    way = draw.randrange(4)
    if way == 0:
        holder[key] = _fresh(draw.choice(ODD))
    elif way == 1:
        del holder[key]
    elif way == 2:
        other, other_key = draw.choice(spots)
        values = _fresh(other[other_key]), _fresh(holder[key])
        holder[key], other[other_key] = values
    elif isinstance(holder, list):
        holder.insert(draw.randrange(len(holder) + 1), _fresh(holder[key]))
    else:
        holder[draw.choice(list(holder))] = _fresh(holder[key])


def _fresh(value: Json) -> Json:
    """A copy, but of what is nested too deep for copying: that is nobody's to change."""
    try:
        return copy.deepcopy(value)
    except RecursionError:
        return value


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


def drop_op(data: Json, draw: random.Random) -> None:
    ops = draw.choice(regions_of(data))["ops"]
    del ops[draw.randrange(len(ops))]


def double_op(data: Json, draw: random.Random) -> None:
    ops = draw.choice(regions_of(data))["ops"]
    twin = copy.deepcopy(draw.choice(ops))
    for i, result in enumerate(twin["results"]):
        result["id"] = 10_000 + i
    ops.insert(draw.randrange(len(ops)), twin)


def swap_ops(data: Json, draw: random.Random) -> None:
    ops = draw.choice(regions_of(data))["ops"]
    i, j = draw.randrange(len(ops)), draw.randrange(len(ops))
    ops[i], ops[j] = ops[j], ops[i]


def move_op(data: Json, draw: random.Random) -> None:
    start, end = draw.choice(regions_of(data))["ops"], draw.choice(regions_of(data))["ops"]
    op = start.pop(draw.randrange(len(start)))
    end.insert(draw.randrange(len(end) + 1), op)


def rename_op(data: Json, draw: random.Random) -> None:
    draw.choice(ops_of(data))["op"] = draw.choice([*OPS, *NAMES])


def rename_op_within_its_form(data: Json, draw: random.Random) -> None:
    """To another op with as many operands, and no attributes that would not fit."""
    op = draw.choice(ops_of(data))
    alike = [s.name for s in OPS.values() if len(s.operands) == len(op["operands"])]
    op.update(op=draw.choice(alike or list(OPS)), attributes={})


def rewire(data: Json, draw: random.Random) -> None:
    op = draw.choice([op for op in ops_of(data) if op["operands"]] or ops_of(data))
    ids = [-1, -5, *(value["id"] for value in values_of(data))]
    if op["operands"]:
        op["operands"][draw.randrange(len(op["operands"]))] = draw.choice(ids)


def change_arity(data: Json, draw: random.Random) -> None:
    operands = draw.choice(ops_of(data))["operands"]
    if operands and draw.random() < 0.5:
        operands.pop(draw.randrange(len(operands)))
    else:
        operands.append(draw.choice([-1, *(value["id"] for value in values_of(data))]))


def retype(data: Json, draw: random.Random) -> None:
    draw.choice(values_of(data))["type"] = copy.deepcopy(draw.choice(TYPES))


def retype_storage_and_its_readers(data: Json, draw: random.Random) -> None:
    if not (storages := storages_of(data)):
        return
    storage, type = draw.choice(storages), draw.choice(TYPES)
    storage["type"] = copy.deepcopy(type)
    for op in ops_of(data):
        if op["op"] == "state" and op["attributes"].get("name") == storage["name"]:
            op["results"][0]["type"] = copy.deepcopy(type)


def resize(data: Json, draw: random.Random) -> None:
    types = [x["type"] for x in values_of(data) + storages_of(data) if "tensor" in x["type"]]
    dims = draw.choice(types)["tensor"]
    size = draw.choice([0, 1, 3, 2**20, 2**31, 2**40, 10**12, -1, "B", "2*B+1", "*"])
    if dims and draw.random() < 0.7:
        dims[draw.randrange(len(dims))] = size
    else:
        dims.append(size)


def reidentify(data: Json, draw: random.Random) -> None:
    value = draw.choice(values_of(data))
    value["id"] = draw.choice([-1, 0, 1, 2**31, 2**31 + 1, 77, draw.choice(values_of(data))["id"]])


def change_attribute(data: Json, draw: random.Random) -> None:
    op = draw.choice(ops_of(data))
    spec = OPS.get(op["op"])
    names = [a.name for a in spec.attributes] if spec else []
    op["attributes"][draw.choice([*names, *names, "extra"])] = _fresh(draw.choice(ODD))


def drop_attribute(data: Json, draw: random.Random) -> None:
    holders = [op["attributes"] for op in ops_of(data) if op["attributes"]]
    attributes = draw.choice(holders)
    del attributes[draw.choice(list(attributes))]


def attribute_of_its_kind(data: Json, draw: random.Random) -> None:
    """A value of the right kind, that makes no sense."""
    op = draw.choice([op for op in ops_of(data) if op["op"] in OPS and OPS[op["op"]].attributes] or [None])
    if op is None:
        return
    attribute = draw.choice(OPS[op["op"]].attributes)
    kinds: dict[str, list[Json]] = {
        "int": [-(2**50), -1, 0, 3, 99, 2**52, 2.0],
        "float": [-1e308, -1.0, 0, 1e-320, 1e308, float("nan"), float("inf"), 10**400],
        "bool": [True, False],
        "ints": [[], [0], [-1, -1], [2**52], [0] * 64, [2**20, 2**20]],
        "scalar": [-1, 0.5, True, "inf", "-inf", "nan", float("nan"), 2**63, -(2**63) - 1, 10**400, 1e308],
        "dtype": ["f16", "bf16", "f64", "i32", "u8", "bool"],
    }
    op["attributes"][attribute.name] = draw.choice(
        kinds.get(attribute.type, ["w", "total", "weights", *NAMES])
    )


def rename_storage(data: Json, draw: random.Random) -> None:
    if storages := storages_of(data):
        draw.choice(storages)["name"] = draw.choice([*NAMES, draw.choice(storages)["name"]])


def reinitialise(data: Json, draw: random.Random) -> None:
    if storages := storages_of(data):
        draw.choice(storages)["init"] = copy.deepcopy(draw.choice(INITS))


def change_role(data: Json, draw: random.Random) -> None:
    """A parameter becomes a state, what is nobody's slot becomes one, and so on."""
    if storages := storages_of(data):
        storage, other = draw.choice(storages), draw.choice([*storages, {"name": draw.choice(NAMES)}])
        change = draw.choice(
            [
                {"role": draw.choice(["parameter", "state", "optimizer", "nobody"])},
                {"slotOf": other["name"]},
                {"twinOf": other["name"]},
                {"trainable": False},
            ]
        )
        storage.update(change)


def regroup(data: Json, draw: random.Random) -> None:
    if data["groups"] and storages_of(data):
        members = draw.choice(data["groups"])["members"]
        members.insert(draw.randrange(len(members) + 1), draw.choice(storages_of(data))["name"])
        if draw.random() < 0.5:
            members.pop(draw.randrange(len(members)))


def rename_function(data: Json, draw: random.Random) -> None:
    draw.choice(data["functions"])["name"] = draw.choice(NAMES)


def change_regions(data: Json, draw: random.Random) -> None:
    op = draw.choice([op for op in ops_of(data) if op["regions"]] or ops_of(data))
    regions = op["regions"]
    way = draw.randrange(4)
    if way == 0 or not regions:
        regions.append(copy.deepcopy(draw.choice(regions_of(data))))
    elif way == 1:
        regions.pop(draw.randrange(len(regions)))
    elif way == 2:
        draw.shuffle(regions)
    else:
        draw.choice(regions)["arguments"].append({"id": 20_000, "name": "a", "type": draw.choice(TYPES)})


def nest(data: Json, draw: random.Random) -> None:
    ops = draw.choice(regions_of(data))["ops"]
    i = draw.randrange(len(ops))
    for _ in range(draw.choice([1, 5, 39, 41, 2000])):
        ops[i] = {**ops[i], "op": "no_grad", "regions": [{"arguments": [], "ops": [ops[i]]}]}


def wrap_in_no_grad(data: Json, draw: random.Random) -> None:
    """A valid nesting: ids stay distinct, types agree."""
    ops = draw.choice(regions_of(data))["ops"]
    i = draw.randrange(len(ops))
    for turn in range(draw.choice([1, 5, 25, 39])):
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


def relocate(data: Json, draw: random.Random) -> None:
    end = 2 * len(data["sources"][0]["text"]) + 2
    places = [[0, 0, end, -1], [0, end, end, 0], [0, end // 2, end, -1], [0, 5, 5, -1], [1, 0, 0, -1]]
    data["locations"].append(draw.choice(places))
    row = len(data["locations"]) - 1
    draw.choice(ops_of(data))["location"] = row
    if draw.random() < 0.5:
        data["fused"] = [
            {"location": row + draw.choice((0, 0, 0, 1)), "also": draw.choice(([0], [], [row], [-1]))}
        ]


def resource(data: Json, draw: random.Random) -> None:
    """Another text or path for a source, or one more of the same path."""
    way = draw.randrange(4)
    if way == 0:
        data["sources"][0]["text"] = draw.choice(["", "\n\n", "\ud83d\n\r\n日本", "x" * 9, "\0", "😀" * 30])
    elif way == 1:
        data["sources"][0]["path"] = draw.choice(NAMES)
    else:
        data["sources"].append({"path": data["sources"][0]["path"], "text": "\n" * 9})
        data["locations"].append([1, 3, 9, -1])
        draw.choice(ops_of(data))["location"] = len(data["locations"]) - 1


MUTATIONS: list[Mutation] = [
    damage, damage, damage, drop_op, double_op, swap_ops, move_op, rename_op, rename_op_within_its_form, rewire, change_arity,
    retype, retype_storage_and_its_readers, resize, reidentify, change_attribute, drop_attribute, attribute_of_its_kind,
    attribute_of_its_kind, rename_storage, reinitialise, change_role, regroup, rename_function, change_regions, nest,
    wrap_in_no_grad, relocate, resource,
]  # fmt: skip


def mutate(data: Json, draw: random.Random) -> list[str]:
    """One to four changes of a module; their names. A change that no longer finds its place is left out."""
    done = []
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        change = draw.choice(MUTATIONS)
        try:
            change(data, draw)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError):
            continue
        done.append(change.__name__)
    return done
