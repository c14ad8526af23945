"""Reading the JSON form: what is of the form is read, what is not is refused with its place, and nothing else happens."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from ir_examples import I64, NUMBER, ModuleBuilder, conv_net_module, tensor
from mutations import Damaged, damage, damaged_modules
from shares import share

from f2c_host.errors import Frame, HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import Type
from f2c_host.verify.verifier import verify

DAMAGED = share(150, of=500)


def regions_module() -> dict[str, Any]:
    """Every op with regions, scalars of every kind, storage that is written, and a call that was inlined."""
    m = ModuleBuilder("let é = f(日本);\nfor (i < n) g(é);")
    m.place("g(é)", parent=m.place("for"))
    m.state("total", NUMBER)
    f = m.function("step")
    f.location = 2
    count, x = f.input("n", I64), f.input("x.images", tensor("B", 2), "images")
    with f.region() as (quiet, _):
        f.op("yield", f.op("sum", x, to=NUMBER))
    start = f.op("no_grad", to=NUMBER, regions=[quiet])
    with f.region(I64, NUMBER) as (turn, (_, carried)):
        f.op("yield", f.op("add", carried, f.constant("inf"), to=NUMBER))
    looped = f.op("for", count, start, to=[NUMBER], regions=[turn])[0]
    f.op("copy_", f.state("total"), looped)
    f.returns(total=(looped, NUMBER))
    return m.json


def at(data: Any, path: str) -> tuple[Any, str | int]:
    *way, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    for step in way:
        data = data[step]
    return data, last


STEP = "functions.0.body.ops"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", [1], "version 1"),
        ("version", [2, 0], "version 2.0"),
        ("version", [1, 9], "version 1.9"),
        ("name", 3, "module.name: not a text"),
        ("sources.0.text", None, "module.sources[0].text"),
        ("locations.0", [0, 0, 10**6, -1], "module.locations[0]: not a location"),
        ("locations.0", [0, 5, 3, -1], "not a location"),
        ("locations.0", [1, 0, 1, -1], "not a location"),
        ("locations.1", [0, 0, 1, 1], "not a location"),
        ("locations.0", [0, 0, 1], "not a location"),
        ("fused", [{"location": 99, "also": [0]}], "module.fused[0].location: not a whole number"),
        ("fused", [{"location": 1, "also": [1]}], "module.fused[0].also[0]: not a whole number"),
        ("fused", [{"location": 1}], "no `also`"),
        ("storages.0.type", {"tensor": ["B"], "dtype": "f32"}, "fixed size"),
        ("storages.0.type", {"scalar": "f64"}, "fixed size"),
        ("storages.0.type.tensor", [-1], "whole number"),
        ("storages.0.type.tensor", [1] * 17, "16 dimensions"),
        ("storages.0.type.tensor", [1.5], "whole number"),
        ("storages.0.type.dtype", "f8", "no dtype 'f8'"),
        ("storages.0.role", "buffer", "no role 'buffer'"),
        ("storages.0.trainable", 1, "not true or false"),
        ("storages.0.twinOf", 1, "not a text"),
        ("storages.0.init", {"kind": "glorot"}, "no initialiser 'glorot'"),
        ("storages.0.init", {"kind": "normal", "mean": 0.0}, "no `std`"),
        ("storages.0.init", {"kind": "normal", "mean": float("nan"), "std": 1.0}, "finite"),
        ("storages.0.init", {"kind": "normal", "mean": 10**400, "std": 1.0}, "finite"),
        ("storages.0.init", {"kind": "normal", "mean": True, "std": 1.0}, "finite"),
        ("storages.0.init", {"kind": "kaiming_normal", "fan": "both", "gain": 1.0}, "in, out"),
        ("functions.0.inputs.0.source", {"kind": "disk"}, "no input source 'disk'"),
        ("functions.0.inputs.1.source", {"kind": "images"}, "no `stream`"),
        ("functions.0.inputs.0.type", {"scalar": "f16"}, "no scalar 'f16'"),
        ("functions.0.inputs.1.type.tensor", ["B; import os"], "not a dimension"),
        (f"{STEP}.0.operands", "x", "not a list"),
        (f"{STEP}.0.operands", [True], "whole number"),
        (f"{STEP}.0.attributes", [], "not a record"),
        (f"{STEP}.0.regions.0.ops.0.location", -1, "regions[0].ops[0].location"),
        (f"{STEP}.0.results.0.id", 2**40, "whole number"),
        ("groups", [{"name": "a", "members": []}] * 2, "two groups named 'a'"),
    ],
)
def test_what_is_not_of_the_form_is_refused_with_its_place(path, value, says):
    data = regions_module()
    parse_module(copy.deepcopy(data))
    holder, key = at(data, path)
    holder[key] = value
    with pytest.raises(HostError) as caught:
        parse_module(data)
    assert caught.value.code == ("F2C5002" if path == "version" else "F2C5001")
    assert says in caught.value.message


@pytest.mark.parametrize("data", [None, [], "module", 3, {}, {"version": "1.0"}])
def test_what_is_no_module_at_all_is_refused(data):
    with pytest.raises(HostError):
        parse_module(data)


def test_regions_that_nest_too_deep_are_refused_and_do_not_exhaust_the_stack():
    data = regions_module()
    op = data["functions"][0]["body"]["ops"][0]
    for _ in range(200):
        op = copy.copy(op) | {"regions": [{"arguments": [], "ops": [op]}]}
    data["functions"][0]["body"]["ops"][0] = op
    with pytest.raises(HostError, match="40 deep"):
        parse_module(data)


def test_whole_floats_are_taken_as_ints_since_javascript_has_one_kind_of_number():
    data = regions_module()
    data["storages"][0]["type"] = {"tensor": [4.0, 2.0], "dtype": "f32"}
    assert parse_module(data).storages[0].type.dims == (4, 2)


def test_frames_go_from_the_place_to_the_calls_around_it():
    module = parse_module(regions_module())
    # "let é = f(日本);\n" is 15 units, "for" stands after it, and "g(é)" 12 units further.
    assert module.frames(2) == [Frame("program.ts", 27, 31), Frame("program.ts", 15, 18)]


def test_types_print_as_in_the_text_form():
    assert str(Type("tensor", ("B", 3), "f32")) == "f32[B, 3]"
    assert str(Type("scalar", scalar="i64")) == "i64"
    assert str(Type("group", group="net.parameters")) == "group<net.parameters>"


# ---- damage


@pytest.mark.parametrize("make", [regions_module, conv_net_module])
def test_damaged_modules_are_refused_or_verify_and_nothing_else_is_raised(make):
    verify(parse_module(make()))
    refused: list[str] = []

    @settings(max_examples=DAMAGED)
    @given(damaged_modules({make.__name__: json.dumps(make())}, [damage]))
    def refused_or_verifies(damaged: Damaged) -> None:
        try:
            verify(parse_module(damaged.data))
        except HostError as error:
            assert error.code in ("F2C5001", "F2C5002", "F2C5003")
            refused.append(error.code)

    refused_or_verifies()
    assert len(refused) > DAMAGED / 2
