"""The lowering for torch.compile, uncompiled: scalars as tensors give what numbers give."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from unittest.mock import patch

import pytest
import torch
from compiled import FIXTURES, node
from ir_examples import BOOL, F64, I64, ModuleBuilder, tensor
from shares import share
from test_random_programs import difference, outcome
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from f2c_host.ir.json_form import parse_module
from f2c_host.ir.ops_table import OPS
from f2c_host.lower import builders
from f2c_host.lower.builders import DTYPES, overload
from f2c_host.lower.graphs import Graphs
from f2c_host.lower.js_numbers import NUMBERS
from f2c_host.lower.scalar_forms import ScalarForms
from f2c_host.lower.tensor_numbers import TAKES_NUMBER, tensor_scalar
from f2c_host.run.program import Program

PROGRAMS = share(20, of=60)
KINDS = {"f64", "i64"}


@pytest.fixture
def uncompiled(monkeypatch):
    """`inductor` without Inductor: the lowered tree as it is."""
    monkeypatch.setattr(builders, "Graphs", lambda function, text, places: function)


def test_every_torch_call_that_takes_a_number_takes_a_tensor_too():
    takes = {
        call.target
        for spec in OPS.values()
        if spec.scalar_result is None
        for call in spec.calls
        for operand in spec.operands
        if KINDS & set(operand.kinds)
        and operand.name in {a.rpartition("=")[2] for a in call.args}
        and dict(call.when).get(operand.name, "scalar") == "scalar"
    }
    assert takes == set(TAKES_NUMBER)


POINTWISE = sorted(t for t in TAKES_NUMBER if t.endswith("Scalar") and not re.search(r"foreach|where|_\.", t))


@pytest.mark.parametrize("target", POINTWISE)
def test_pointwise_calls_give_the_same_values_and_dtypes(target):
    refused = 0
    for dtype, dims, number in itertools.product(DTYPES.values(), ([], [3]), (0.3, 2, -1.5)):
        x = (torch.arange(3 if dims else 1) % 2).reshape(dims).to(dtype) + (dtype != torch.bool)
        x = x.to(dtype)
        try:
            wanted = overload(target)(x, number)
        except RuntimeError:
            refused += 1
            continue
        got = TAKES_NUMBER[target](
            x, torch.tensor(number, dtype=torch.float64 if number != 2 else torch.int64)
        )
        assert got.dtype == wanted.dtype, (dtype, dims, number)
        assert torch.allclose(got.double(), wanted.double(), 1e-6, 0, equal_nan=True), (dtype, dims, number)
    assert refused < 16


@pytest.mark.parametrize("number", [0.25, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_other_calls_give_the_same_values_and_dtypes(dtype, number):
    given = torch.tensor(number, dtype=torch.float64 if isinstance(number, float) else torch.int64)
    x, y = torch.tensor([[1.0, -2.0]], dtype=dtype), torch.tensor([[0.5, 3.0]], dtype=dtype)
    mask, index = torch.tensor([[True, False]]), torch.tensor([[1, 0]])
    cases: dict[str, list[Any]] = {
        "aten::where.ScalarOther": [mask, x, number],
        "aten::where.ScalarSelf": [mask, number, x],
        "aten::where.Scalar": [mask, number, number],
        "aten::scatter.value": [x, 1, index, number],
        "aten::add_.Scalar": [x.clone(), number],
        "aten::mul_.Scalar": [x.clone(), number],
        "aten::lerp_.Scalar": [x.clone(), y, number],
        "aten::_foreach_mul.Scalar": [[x, y[0, 0]], number],
        "aten::_foreach_div.Scalar": [[x, y[0, 0]], number],
        "aten::_foreach_mul_.Scalar": [[x, y], number],
        "aten::_foreach_lerp_.Scalar": [[x, y], [y, x], number],
    }
    for target, arguments in cases.items():
        changed = "_." in target
        copies = [[_copy(a) for a in arguments] for _ in range(2)]
        wanted = overload(target)(*copies[0])
        got = TAKES_NUMBER[target](*(given if a is number else a for a in copies[1]))
        pairs = zip(
            *(_flat(c[0] if changed else r) for c, r in zip(copies, (wanted, got), strict=True)), strict=True
        )
        for a, b in pairs:
            assert a.dtype == b.dtype, target
            assert torch.allclose(a.double(), b.double(), 1e-2 if dtype == torch.bfloat16 else 1e-6), target


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.bool])
@pytest.mark.parametrize("number", [-3, 300, 2**24 + 1, 2**40])
def test_a_quotient_of_whole_numbers_is_that_of_reals(dtype, number):
    x = torch.tensor([0, 1, 3, 100]).to(dtype)
    wanted = torch.div(x, number)
    got = TAKES_NUMBER["aten::div.Scalar"](x, torch.tensor(number))
    assert got.dtype == wanted.dtype and torch.allclose(got, wanted, 1e-6, 0)


@pytest.mark.parametrize("weight", [0.001, 0.3, 0.5005, 0.7, 0.999])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_move_by_the_weight_itself_not_by_its_rounding(dtype, weight):
    draw = torch.Generator().manual_seed(0)
    x, end = (torch.randn(1000, generator=draw).to(dtype) for _ in range(2))
    wanted, one, many = x.clone().lerp_(end, weight), x.clone(), [x.clone()]
    given = torch.tensor(weight, dtype=torch.float64)
    TAKES_NUMBER["aten::lerp_.Scalar"](one, end, given)
    TAKES_NUMBER["aten::_foreach_lerp_.Scalar"](many, [end], given)
    assert torch.equal(one, wanted) and torch.equal(many[0], wanted)


def test_a_choice_between_numbers_makes_both_on_the_device():
    """One that came from the CPU by a copy would keep a CUDA graph from being captured."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        condition = torch.empty(2, dtype=torch.bool, device="cuda")
        graph = make_fx(lambda c: TAKES_NUMBER["aten::where.Scalar"](c, 1.5, 0.0))(condition).graph
    aten = torch.ops.aten
    calls = [node for node in graph.nodes if node.op == "call_function"]
    assert [call.target for call in calls] == [aten.full.default, aten.full.default, aten.where.self]
    assert all(call.kwargs["device"].type == "cuda" for call in calls[:2])


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [v.clone() for v in value]
    return value.clone() if isinstance(value, torch.Tensor) else value


def _flat(value: Any) -> list[torch.Tensor]:
    return list(value) if isinstance(value, list | tuple) else [value]


def test_scaled_sums_of_groups_are_the_same():
    x, y = [torch.randn(3), torch.randn(())], [torch.randn(3), torch.randn(())]
    scale = torch.tensor(0.3, dtype=torch.float64)
    for a, b in zip(
        torch._foreach_add(x, y, alpha=0.3),
        TAKES_NUMBER["aten::_foreach_add.List"](x, y, alpha=scale),
        strict=True,
    ):
        assert torch.allclose(a, b) and a.dtype == b.dtype
    wanted, got = [t.clone() for t in x], [t.clone() for t in x]
    torch._foreach_add_(wanted, y, alpha=0.3)
    TAKES_NUMBER["aten::_foreach_add_.List"](got, y, alpha=scale)
    assert all(torch.allclose(a, b) for a, b in zip(wanted, got, strict=True))


@pytest.mark.parametrize("op", sorted(o for o in OPS if OPS[o].scalar_result not in (None, "bool")))
def test_scalar_ops_compute_what_they_do_with_numbers(op):
    (call,) = OPS[op].calls
    count = len(OPS[op].operands)
    family, _, symbol = call.target.partition(":")
    operators = {
        "+": lambda x, y: x + y,
        "-": lambda x, y=None: -x if y is None else x - y,
        "*": lambda x, y: x * y,
        "float": float,
        "int": int,
    }
    calculate = NUMBERS[f"math_{symbol}"] if family == "math" else operators[symbol]
    for values in itertools.product((0.7, 2.5, 3, 5), repeat=count):
        wanted = calculate(*values)
        kind = (
            "i64"
            if call.target == "cast:int" or all(isinstance(v, int) for v in (*values, wanted))
            else "f64"
        )
        for forms in itertools.product((False, True), repeat=count):
            if not any(forms):
                continue
            given = [
                torch.tensor(v, dtype=torch.int64 if isinstance(v, int) else torch.float64) if t else v
                for v, t in zip(values, forms, strict=True)
            ]
            got = tensor_scalar(call.target, kind, torch.device("cpu"), *given)
            assert got.item() == pytest.approx(wanted, rel=1e-15), (values, forms)


def test_random_programs_give_what_eager_gives(uncompiled):
    wrong, tensors = [], 0
    for line in node(FIXTURES / "random-programs.mjs", PROGRAMS, 1).splitlines():
        program = json.loads(line)
        for stage in (program["stages"][0], program["stages"][-1]):
            found = difference(outcome(stage["ir"], "inductor"), outcome(stage["ir"], "eager"), 1e-5)
            tensors += bool(ScalarForms(parse_module(stage["ir"]).functions[0]).tensors)
            if found:
                wrong.append((program["name"], stage["name"], found))
    assert not wrong
    assert tensors > PROGRAMS / 2


def deciding_program() -> Any:
    """loss = the sum of x a, times (if a > 2: a, else 0.5), times b to the power `rounds` by a loop; total += loss a."""
    m = ModuleBuilder()
    m.state("total", tensor())
    f = m.function("step")
    x, a, b, rounds = (f.input("x", tensor(4)), f.input("a", F64), f.input("b", F64), f.input("rounds", I64))
    summed = f.op("sum", f.op("mul", x, a, to=tensor(4)), to=tensor(), dim=[0], keepdim=False)
    large = f.op("scalar_gt", a, f.constant(2.0), to=BOOL)
    with f.region() as (yes, _):
        f.op("yield", a)
    with f.region() as (no, _):
        f.op("yield", f.constant(0.5))
    factor = f.op("if", large, to=F64, regions=[yes, no])
    with f.region(I64, F64) as (turn, (_, product)):
        f.op("yield", f.op("scalar_mul", product, b, to=F64))
    power = f.op("for", rounds, f.constant(1.0), to=[F64], regions=[turn])[0]
    loss = f.op("mul", summed, f.op("scalar_mul", factor, power, to=F64), to=tensor())
    total = f.state("total")
    f.op("copy_", total, f.op("add", total, f.op("mul", loss, a, to=tensor()), to=tensor()))
    f.returns(loss=(loss, tensor()))
    return m.json


def compared_with_eager(module: Any, inputs: list[dict[str, Any]]) -> tuple[int, list[Program]]:
    """Runs a program on Inductor and eager, the losses of each step being equal: the graphs that it took, both programs."""
    programs = [Program(parse_module(module), backend=b) for b in ("inductor", "eager")]
    for program in programs:
        program.initialise(0)
    with patch.object(Graphs, "_made", autospec=True, side_effect=Graphs._made) as made:
        for given in inputs:
            got, wanted = (p.run("step", given)["loss"] for p in programs)
            assert torch.allclose(got, wanted, 1e-5), given
    return made.call_count, programs


X = torch.tensor([1.0, -2.0, 3.5, 0.25])


def test_a_graph_is_compiled_for_each_outcome_and_not_for_each_value():
    steps = [{"x": X, "a": 0.5 + 0.2 * i, "b": 1 + 0.01 * i, "rounds": i % 2} for i in range(20)]
    graphs, (inductor, eager) = compared_with_eager(deciding_program(), steps)
    assert torch.allclose(inductor.storage["total"], eager.storage["total"], 1e-5)
    assert graphs == 4


def nested_program() -> Any:
    """loss = the sum of x, doubled if (a > 0.5 and exp(b) % 3 > 1), for which b is asked only if a is large; and as
    often as a loop counts b down to 1."""
    m = ModuleBuilder()
    f = m.function("step")
    x, a, b = f.input("x", tensor(4)), f.input("a", F64), f.input("b", F64)
    summed = f.op("sum", x, to=tensor(), dim=[0], keepdim=False)
    large = f.op("scalar_gt", a, f.constant(0.5), to=BOOL)
    with f.region() as (ask, _):
        rest = f.op("scalar_mod", f.op("scalar_exp", b, to=F64), f.constant(3.0), to=F64)
        f.op("yield", f.op("scalar_gt", rest, f.constant(1.0), to=BOOL))
    with f.region() as (no, _):
        f.op("yield", f.constant(False, BOOL))
    both = f.op("if", large, to=BOOL, regions=[ask, no])
    with f.region(F64, F64) as (condition, (left, _count)):
        f.op("yield", f.op("scalar_gt", left, f.constant(1.0), to=BOOL))
    with f.region(F64, F64) as (turn, (left, count)):
        less = f.op("scalar_mul", left, f.constant(0.5), to=F64)
        f.op("yield", less, f.op("scalar_add", count, f.constant(1.0), to=F64))
    _, halvings = f.op("while", b, f.constant(0.0), to=[F64, F64], regions=[condition, turn])
    turns = f.op("scalar_to_i64", halvings, to=I64)
    with f.region() as (doubled, _):
        f.op("yield", f.op("mul", summed, f.constant(2.0), to=tensor()))
    with f.region() as (plain, _):
        f.op("yield", summed)
    chosen = f.op("if", both, to=tensor(), regions=[doubled, plain])
    with f.region(I64, tensor()) as (again, (_, value)):
        f.op("yield", f.op("mul", value, a, to=tensor()))
    loss = f.op("for", turns, chosen, to=[tensor()], regions=[again])[0]
    f.returns(loss=(loss, tensor()))
    return m.json


def test_decisions_within_decisions_are_made_before_the_graph_too():
    steps = [{"x": X, "a": 0.3 + 0.4 * (i % 2) + 0.001 * i, "b": 1.0 + 0.12 * i} for i in range(24)]
    graphs, _ = compared_with_eager(nested_program(), steps)
    # Twice or once, after 0, 1 or 2 halvings.
    assert graphs <= 6
