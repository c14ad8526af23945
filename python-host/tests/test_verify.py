"""The verifier on the programs of test/fixtures/constraints.json, which the compiler's reads too."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from compiled import FIXTURES
from ir_examples import ModuleBuilder, conv_net_module, tensor

from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.ops_table import CONSTRAINTS
from f2c_host.verify.verifier import verify

Json = Any
FIXTURE = json.loads((FIXTURES / "constraints.json").read_text())


def example() -> Json:
    """Parameters `w` and `b`, states `total` (a copy of `w`) and `count`, group `weights`; step(n i64, x f32 [2]) with a loop, a
    choice, a condition that is asked, a gradient and two writes."""
    return copy.deepcopy(FIXTURE["program"])


def walk(region: Json) -> Iterator[Json]:
    for op in region["ops"]:
        yield op
        for inner in op["regions"]:
            yield from walk(inner)


def first(data: Json, kind: str) -> Json:
    """The first op of a name, in program order."""
    return next(op for op in walk(data["functions"][0]["body"]) if op["op"] == kind)


def spot(data: Json, path: str) -> tuple[Json, Any]:
    """What holds the value at a path, and under which key; `@sum` is the first op called so."""
    holder = data
    *keys, last = path[1:].split("/")
    for key in keys:
        if key.startswith("@"):
            holder = first(data, key[1:])
            continue
        holder = holder[int(key)] if isinstance(holder, list) else holder[key]
    return holder, int(last) if last.isdigit() else last


def patched(patch: list[Json]) -> Json:
    data = example()
    for change in patch:
        source, name = spot(data, change["from"]) if "from" in change else (change, "value")
        holder, key = spot(data, change["path"])
        if change["op"] == "remove":
            del holder[key]
            continue
        value = copy.deepcopy(source[name])
        if key == "-":
            holder.append(value)
        elif change["op"] == "add" and isinstance(holder, list):
            holder.insert(key, value)
        else:
            holder[key] = value
    return data


@pytest.mark.parametrize("case", FIXTURE["valid"], ids=[c["what"] for c in FIXTURE["valid"]])
def test_a_valid_program_breaks_nothing(case):
    verify(parse_module(patched(case["patch"])))


@pytest.mark.parametrize(
    "case", FIXTURE["broken"], ids=[f"{c['constraint']}-{c['what']}" for c in FIXTURE["broken"]]
)
def test_a_module_that_breaks_a_constraint_is_refused_by_its_name(case):
    with pytest.raises(HostError) as caught:
        verify(parse_module(patched(case["patch"])))
    assert caught.value.code == "F2C5003" and caught.value.kind == "fault"
    assert f"breaks {case['constraint']}:" in caught.value.message


def test_every_constraint_of_the_table_is_broken():
    assert {case["constraint"] for case in FIXTURE["broken"]} == set(CONSTRAINTS)


def test_the_conv_net_breaks_nothing():
    verify(parse_module(conv_net_module()))


@pytest.mark.parametrize("operand", ["mean", "variance"])
def test_running_statistics_must_be_storage(operand):
    data = conv_net_module()
    op = first(data, "batch_norm")
    op["operands"][{"mean": 3, "variance": 4}[operand]] = op["operands"][0]
    with pytest.raises(HostError, match="breaks V6"):
        verify(parse_module(data))


def test_the_place_of_the_broken_op_is_named():
    data = example()
    data["locations"].append([0, 2, 5, 0])
    first(data, "sum").update(operands=[0], location=1)
    with pytest.raises(HostError) as caught:
        verify(parse_module(data))
    assert [(f.start, f.end) for f in caught.value.frames] == [(2, 5), (0, 7)]


def added(other: list[int | str]) -> Json:
    """x + y as f32 [B, 3], where x is [B, 3] and y of another shape."""
    m = ModuleBuilder()
    f = m.function("step")
    x, y = f.input("x", tensor("B", 3)), f.input("y", tensor(*other))
    f.returns(z=(f.op("add", x, y, to=tensor("B", 3)), tensor("B", 3)))
    return m.json


@pytest.mark.parametrize("other", [["B", 3], [3], [1, 3], ["B", 1], []])
def test_an_open_size_broadcasts_as_a_size_does(other):
    verify(parse_module(added(other)))


@pytest.mark.parametrize("other", [["N", 3], [2, 3], ["2*B", 3], ["B"], [10_007, 3]])
def test_an_open_size_is_no_other_size(other):
    with pytest.raises(HostError, match="breaks V11"):
        verify(parse_module(added(other)))
