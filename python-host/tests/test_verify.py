"""The verifier: for each constraint of docs/ir.md, programs that break it and the place that is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ir_examples import BOOL, F64, I64, NUMBER, ModuleBuilder, conv_net_module, group, tensor

from f2c_host.errors import HostError
from f2c_host.ir import parse_module
from f2c_host.verify import verify

Json = dict[str, Any]
PAIR = tensor(2)


def example() -> Json:
    """Parameter `w`, states `total` and `count`, group `weights`; step(n i64, x f32 [2]) with a loop, a choice, a gradient
    and a write."""
    m = ModuleBuilder()
    m.parameter("w", PAIR)
    m.parameter("b", PAIR)
    m.state("total", PAIR, "copy", of="w")
    m.state("count", tensor(dtype="i64"))
    m.group("weights", ["w", "b"])
    f = m.function("step")
    n, x = f.input("n", I64), f.input("x", PAIR)
    w = f.state("w")
    with f.region(I64, PAIR) as (turn, (_, carried)):
        f.op("yield", f.op("mul", carried, w, to=PAIR))
    looped = f.op("for", n, x, to=PAIR, regions=[turn])
    many = f.op("scalar_gt", n, f.constant(3, I64), to=BOOL)
    arms = []
    for kind in ("exp", "neg"):
        with f.region() as (arm, _):
            f.op("yield", f.op(kind, looped, to=PAIR))
        arms.append(arm)
    chosen = f.op("if", many, to=PAIR, regions=arms)
    with f.region(I64) as (ask, (i,)):
        f.op("yield", f.op("scalar_lt", i, n, to=BOOL))
    with f.region(I64) as (body, (i,)):
        f.op("yield", f.op("scalar_add", i, f.constant(1, I64), to=I64))
    f.op("while", n, to=I64, regions=[ask, body])
    loss = f.op("sum", chosen, to=NUMBER)
    weights = f.op("group", to=group("weights"), name="weights")
    gradients = f.op("gradients", loss, weights, to=group("weights"))
    f.op("foreach_add_", weights, gradients, f.constant(-0.1))
    f.op("copy_", f.state("total"), chosen)
    f.returns(loss=(loss, NUMBER))
    return m.json


def stored(data: Json, name: str) -> Json:
    return next(s for s in data["storages"] if s["name"] == name)


def ops(data: Json, kind: str) -> list[Json]:
    found: list[Json] = []

    def walk(region: Json) -> None:
        for op in region["ops"]:
            if op["op"] == kind:
                found.append(op)
            for inner in op["regions"]:
                walk(inner)

    for function in data["functions"]:
        walk(function["body"])
    return found


def first(data: Json, kind: str) -> Json:
    return ops(data, kind)[0]


def body(data: Json) -> list[Json]:
    return data["functions"][0]["body"]["ops"]


def set_in(kind: str, key: str, value: Any) -> Callable[[Json], None]:
    return lambda data: first(data, kind).update({key: value})


def set_attribute(kind: str, key: str, value: Any) -> Callable[[Json], None]:
    return lambda data: first(data, kind)["attributes"].update({key: value})


def double_function(data: Json) -> None:
    data["functions"].append(data["functions"][0])


def double_input(data: Json) -> None:
    data["functions"][0]["inputs"][1]["name"] = "n"


def double_result(data: Json) -> None:
    data["functions"][0]["results"] *= 2
    body(data)[-1]["operands"] *= 2


def whole_of_a_real(data: Json) -> None:
    """i + 1 as i64 where 1 is f64."""
    added = first(data, "scalar_add")["operands"][1]
    (constant,) = (op for op in ops(data, "constant") if op["results"][0]["id"] == added)
    constant["results"][0]["type"] = F64


def set_result(kind: str, type: Json) -> Callable[[Json], None]:
    return lambda data: first(data, kind)["results"][0].update(type=type)


def region_of(kind: str) -> Callable[[Json], None]:
    def change(data: Json) -> None:
        end = {**first(data, "yield"), "operands": []}
        first(data, kind)["regions"] = [{"arguments": [], "ops": [end]}]

    return change


def huge(data: Json) -> None:
    stored(data, "count")["type"]["tensor"] = [2**30, 2**30]


def copy_of(name: str) -> Callable[[Json], None]:
    return lambda data: stored(data, "total")["init"].update(of=name)


def members(*names: str) -> Callable[[Json], None]:
    return lambda data: data["groups"][0].update(members=list(names))


def use_from_inside(data: Json) -> None:
    inner = first(data, "mul")["results"][0]["id"]
    first(data, "sum")["operands"] = [inner]


def use_early(data: Json) -> None:
    first(data, "mul")["operands"] = [first(data, "sum")["results"][0]["id"]] * 2


def define_twice(data: Json) -> None:
    first(data, "sum")["results"][0]["id"] = 0


def define_twice_in_the_arms(data: Json) -> None:
    exp, neg = first(data, "exp"), first(data, "neg")
    arm = first(data, "if")["regions"][1]
    neg["results"][0]["id"] = exp["results"][0]["id"]
    arm["ops"][-1]["operands"] = [exp["results"][0]["id"]]


def end_with(kind: str) -> Callable[[Json], None]:
    def change(data: Json) -> None:
        body(data)[-1]["op"] = kind

    return change


def yield_early(data: Json) -> None:
    region = first(data, "for")["regions"][0]
    region["ops"].insert(0, {**region["ops"][-1], "operands": []})


def return_inside(data: Json) -> None:
    first(data, "for")["regions"][0]["ops"][-1]["op"] = "return"


def empty_region(data: Json) -> None:
    first(data, "for")["regions"][0]["ops"] = []


def write_to_a_result(data: Json) -> None:
    first(data, "copy_")["operands"][0] = first(data, "if")["results"][0]["id"]


def write_to_an_input(data: Json) -> None:
    first(data, "copy_")["operands"][0] = data["functions"][0]["inputs"][1]["id"]


def write_to_gradients(data: Json) -> None:
    first(data, "foreach_add_")["operands"][0] = first(data, "gradients")["results"][0]["id"]


def one_arm(data: Json) -> None:
    first(data, "if")["regions"].pop()


def region_of_a_plain_op(data: Json) -> None:
    first(data, "sum")["regions"] = [{"arguments": [], "ops": first(data, "for")["regions"][0]["ops"]}]


def yield_another_type(data: Json) -> None:
    first(data, "if")["regions"][1]["ops"][-1]["operands"] = [0]


def argument_of_another_type(data: Json) -> None:
    first(data, "for")["regions"][0]["arguments"][0]["type"] = F64


def while_asks_for_a_number(data: Json) -> None:
    region = first(data, "while")["regions"][0]
    region["ops"][-1]["operands"] = [region["arguments"][0]["id"]]


def carries_another_type(data: Json) -> None:
    first(data, "while")["operands"] = [1]


def return_more(data: Json) -> None:
    body(data)[-1]["operands"] *= 2


def declare_another_type(data: Json) -> None:
    data["functions"][0]["results"][0]["type"] = tensor(1)


def return_a_scalar(data: Json) -> None:
    data["functions"][0]["results"][0]["type"] = I64
    body(data)[-1]["operands"] = [0]


def gradient_of_a_vector(data: Json) -> None:
    first(data, "gradients")["operands"][0] = first(data, "if")["results"][0]["id"]


def gradient_twice(data: Json) -> None:
    again = first(data, "gradients")
    fresh = [{**again["results"][0], "id": 900}]
    body(data).insert(body(data).index(again) + 1, {**again, "results": fresh})


def gradient_in_a_region(data: Json) -> None:
    ops_ = body(data)
    place = next(i for i, op in enumerate(ops_) if op["op"] == "gradients")
    taken = ops_[place]
    inner = {**taken, "results": [{**taken["results"][0], "id": 901}]}
    end = {**body(data)[-1], "op": "yield", "operands": [901]}
    ops_[place] = {
        **taken,
        "op": "no_grad",
        "operands": [],
        "regions": [{"arguments": [], "ops": [inner, end]}],
    }


BREAKS: list[tuple[str, Callable[[Json], None]]] = [
    ("V1", lambda data: stored(data, "total").update(name="w")),
    ("V1", double_function),
    ("V1", double_input),
    ("V1", double_result),
    ("V1", huge),
    ("V2", copy_of("nothing")),
    ("V2", copy_of("total")),
    ("V2", copy_of("count")),
    ("V2", members("w", "nothing")),
    ("V2", members("w", "w")),
    ("V2", set_attribute("state", "name", "nothing")),
    ("V2", set_attribute("state", "name", "count")),
    ("V2", set_attribute("group", "name", "nothing")),
    ("V3", use_from_inside),
    ("V3", use_early),
    ("V3", define_twice),
    ("V3", define_twice_in_the_arms),
    ("V4", set_in("sum", "op", "summ")),
    ("V4", set_in("sum", "operands", [])),
    ("V4", set_in("sum", "operands", [-1])),
    ("V4", set_in("sum", "operands", [0])),
    ("V4", set_in("sum", "results", [])),
    ("V4", set_attribute("sum", "dim", [0.5])),
    ("V4", set_attribute("sum", "dims", [0])),
    ("V4", set_attribute("sum", "keepdim", 1)),
    ("V4", set_in("state", "attributes", {})),
    ("V4", set_attribute("constant", "value", 0.5)),
    ("V4", set_attribute("constant", "value", "huge")),
    ("V4", whole_of_a_real),
    ("V4", set_result("scalar_add", F64)),
    ("V4", set_result("scalar_gt", I64)),
    ("V5", end_with("yield")),
    ("V5", yield_early),
    ("V5", return_inside),
    ("V5", empty_region),
    ("V6", write_to_a_result),
    ("V6", write_to_an_input),
    ("V6", write_to_gradients),
    ("V7", set_in("sum", "location", 7)),
    ("V7", lambda data: data["functions"][0].update(location=7)),
    ("V7", lambda data: stored(data, "w").update(location=7)),
    ("V8", one_arm),
    ("V8", region_of_a_plain_op),
    *(("V8", region_of(kind)) for kind in ("constant", "state", "group", "gradients")),
    ("V8", yield_another_type),
    ("V8", argument_of_another_type),
    ("V8", while_asks_for_a_number),
    ("V8", carries_another_type),
    ("V9", return_more),
    ("V9", declare_another_type),
    ("V9", return_a_scalar),
    ("V10", lambda data: stored(data, "b").update(trainable=False)),
    ("V12", lambda data: stored(data, "total").update(trainable=False)),
    ("V12", lambda data: stored(data, "total").update(slotOf="w")),
    ("V12", lambda data: stored(data, "count").update(role="optimizer", slotOf="w")),
    ("V12", lambda data: stored(data, "total").update(role="optimizer", slotOf="nothing")),
    ("V12", lambda data: stored(data, "total").update(role="optimizer", slotOf="count")),
    ("V12", lambda data: stored(data, "total").update(twinOf="count")),
    ("V12", lambda data: stored(data, "total").update(twinOf="nothing")),
    ("V12", lambda data: stored(data, "w").update(twinOf="b")),
    ("V10", gradient_of_a_vector),
    ("V10", gradient_twice),
    ("V10", gradient_in_a_region),
    ("V10", members("w", "total")),
    ("V10", members()),
]


def test_the_example_and_the_conv_net_break_nothing():
    verify(parse_module(example()))
    verify(parse_module(conv_net_module()))


@pytest.mark.parametrize(("constraint", "change"), BREAKS)
def test_a_module_that_breaks_a_constraint_is_refused_by_its_name(constraint, change):
    data = example()
    change(data)
    with pytest.raises(HostError) as caught:
        verify(parse_module(data))
    assert caught.value.code == "F2C5003" and caught.value.kind == "fault"
    assert f"breaks {constraint}:" in caught.value.message


def test_every_constraint_of_the_specification_is_tested():
    assert {constraint for constraint, _ in BREAKS} == {f"V{i}" for i in (*range(1, 11), 12)}


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


def test_sibling_regions_may_not_use_each_others_values():
    data = example()
    then, other = first(data, "if")["regions"]
    other["ops"][-1]["operands"] = then["ops"][-1]["operands"]
    with pytest.raises(HostError, match="breaks V3"):
        verify(parse_module(data))
