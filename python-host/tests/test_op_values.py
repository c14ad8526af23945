"""Ops against torch's public functions, on every backend: arguments arrive where torch has them, and gradients come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from ir_examples import F64, I64, ModuleBuilder, tensor
from torch import Tensor
from torch.nn import functional

from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.ops_table import OPS
from f2c_host.run.program import BACKENDS, Program

NAMES = {torch.float32: "f32", torch.int64: "i64", torch.bool: "bool", torch.float64: "f64"}

chance = torch.Generator().manual_seed(3)
ROWS = torch.randn(4, 6, generator=chance)
IMAGES = torch.randn(2, 3, 7, 5, generator=chance)
INDEX = torch.tensor([[1, 1, 0], [3, 0, 1]])
SOURCE = torch.randn(2, 3, generator=chance)
QUERY, KEY, VALUE = (torch.randn(2, n, d, generator=chance) for n, d in ((3, 4), (5, 4), (5, 6)))
MASK = torch.rand(3, 5, generator=chance) > 0.3
TIED = torch.tensor([[2.0, 1.0, 2.0, 1.0, 2.0, 1.0]])

Call = Callable[..., Any]
# op, attributes, operands, and what torch's own function gives.
CASES: list[tuple[str, dict[str, Any], list[Tensor], Call]] = [
    ("std", {"dim": [1]}, [ROWS], lambda x: torch.std(x, 1)),
    ("std", {"correction": 0, "keepdim": True}, [ROWS], lambda x: torch.std(x, correction=0, keepdim=True)),
    ("var", {"dim": [0, 1]}, [ROWS], lambda x: torch.var(x)),
    ("cumsum", {"dim": 1}, [ROWS], lambda x: torch.cumsum(x, 1)),
    ("sort", {"dim": 0, "descending": True}, [ROWS], lambda x: torch.sort(x, 0, descending=True)),
    ("sort", {}, [TIED], lambda x: torch.sort(x, stable=True)),
    ("argsort", {"descending": True}, [TIED], lambda x: torch.argsort(x, descending=True, stable=True)),
    ("floor", {}, [ROWS * 3], torch.floor),
    ("remainder", {}, [ROWS, ROWS.flip(0) + 3], torch.remainder),
    ("chunk", {"chunks": 4, "dim": 1}, [ROWS], lambda x: torch.chunk(x, 4, 1)),
    ("chunk", {"chunks": 3}, [ROWS], lambda x: torch.chunk(x, 3)),
    ("scatter_add", {"dim": 0}, [ROWS, INDEX, SOURCE], lambda x, i, s: torch.scatter_add(x, 0, i, s)),
    ("pad", {"pad": [1, 2, -1, 0], "value": 0.5}, [ROWS], lambda x: functional.pad(x, [1, 2, -1, 0], value=0.5)),
    *(
        ("pad", {"pad": [2, 1, 1, 0], "mode": mode}, [IMAGES], lambda x, m=mode: functional.pad(x, [2, 1, 1, 0], m))
        for mode in ("reflect", "replicate", "circular")
    ),
    *(
        ("interpolate", {"size": [4, 9], "mode": mode}, [IMAGES], lambda x, m=mode: functional.interpolate(x, (4, 9), mode=m))
        for mode in ("nearest", "nearest-exact", "area")
    ),
    *(
        (
            "interpolate",
            {"size": [3, 8], "mode": mode, "align_corners": corners, "antialias": anti},
            [IMAGES],
            lambda x, m=mode, c=corners, a=anti: functional.interpolate(
                x, (3, 8), mode=m, align_corners=c, antialias=a
            ),
        )
        for mode in ("bilinear", "bicubic")
        for corners in (False, True)
        for anti in (False, True)
    ),
    ("scaled_dot_product_attention", {}, [QUERY, KEY, VALUE], functional.scaled_dot_product_attention),
    ("scaled_dot_product_attention", {}, [QUERY, KEY, VALUE, MASK], functional.scaled_dot_product_attention),
    (
        "scaled_dot_product_attention",
        {"is_causal": True, "scale": 0.3},
        [QUERY, KEY, VALUE],
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
    ),
]  # fmt: skip


def type_of(value: Tensor) -> Any:
    return tensor(*value.shape, dtype=NAMES[value.dtype])


def as_list(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ops_give_what_torchs_own_functions_give_and_their_gradients(backend):
    """All in one program, whose first operands are parameters: each is set to its gradient of the sum of squares of results."""
    m = ModuleBuilder()
    f = m.function("step")
    loss = f.op("full", to=tensor(), shape=[], value=0, dtype="f32")
    inputs: dict[str, Tensor] = {}
    returned: dict[str, tuple[int, Any]] = {}
    wanted: dict[str, Tensor] = {}
    slopes: dict[str, Tensor] = {}
    for i, (op, attributes, (first, *others), public) in enumerate(CASES):
        name = f"{op}_{i}"
        x = first.clone().requires_grad_()
        results = as_list(public(x, *others))
        m.parameter(name, type_of(first))
        stored = f.op("state", to=type_of(first), name=name)
        copied = f.op("mul", stored, f.constant(1.0), to=type_of(first))  # no view of what is written below
        operands = [copied]
        for j, other in enumerate(others):
            inputs[f"{name}_{j}"] = other
            operands.append(f.input(f"{name}_{j}", type_of(other), "argument"))
        operands += [-1] * sum(o.optional for o in OPS[op].operands[len(operands) :])
        made = f.op(op, *operands, to=[type_of(t) for t in results], **attributes)
        for j, (value, result) in enumerate(zip(made, results, strict=True)):
            returned[f"{name}_r{j}"] = value, type_of(result)
            wanted[f"{name}_r{j}"] = result.detach()
            if result.is_floating_point():
                square = f.op("pow", value, f.constant(2.0), to=type_of(result))
                loss = f.op("add", loss, f.op("sum", square, to=tensor()), to=tensor())
        squares = [t.pow(2).sum() for t in results if t.is_floating_point()]
        slopes[name] = torch.autograd.grad(sum(squares), x)[0] if squares else torch.zeros_like(first)
    m.group("parameters", list(slopes))
    group = f.op("group", to={"group": "parameters"}, name="parameters")
    f.op("foreach_copy_", group, f.op("gradients", loss, group, to={"group": "parameters"}))
    f.returns(**returned)
    program = Program(parse_module(m.json), backend=backend)
    for name, (_, _, (first, *_), _) in zip(slopes, CASES, strict=True):
        program.storage[name].data.copy_(first)
    got = program.run("step", inputs)
    for name, value in wanted.items():
        torch.testing.assert_close(
            got[name], value, rtol=1e-5, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}"
        )
    for name, slope in slopes.items():
        found = program.storage[name].detach()
        torch.testing.assert_close(
            found, slope, rtol=1e-4, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}"
        )


def of_numbers() -> ModuleBuilder:
    m = ModuleBuilder()
    m.state("count", tensor(2, dtype="f64"))
    f = m.function("step")
    x = f.input("x", tensor(2, 3), "argument")
    rows = f.op("tensor", to=tensor(2, 3), values=[0.5, -1, 2, 3, 1e-7, 5], shape=[2, 3], dtype="f32")
    again = f.op("tensor", to=tensor(2, 3), values=[0.5, -1, 2, 3, 1e-7, 5], shape=[2, 3], dtype="f32")
    places = f.op("tensor", to=tensor(3, dtype="i64"), values=[2, 0, 2**40], shape=[3], dtype="i64")
    mask = f.op("tensor", to=tensor(1, 3, dtype="bool"), values=[1, 0, 1], shape=[1, 3], dtype="bool")
    total = f.op("add", f.op("mul", x, rows, to=tensor(2, 3)), again, to=tensor(2, 3))
    chosen = f.op("where", mask, total, x, to=tensor(2, 3))
    f.returns(chosen=(chosen, tensor(2, 3)), places=(places, tensor(3, dtype="i64")))
    return m


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_lists_of_numbers_are_tensors_that_a_program_makes_once(backend):
    program = Program(parse_module(of_numbers().json), backend=backend)
    rows = torch.tensor([[0.5, -1, 2], [3, 1e-7, 5]])
    for x in (torch.ones(2, 3), -rows):
        got = program.run("step", {"x": x})
        assert torch.equal(got["chosen"], torch.where(torch.tensor([True, False, True]), x * rows + rows, x))
        assert got["places"].tolist() == [2, 0, 2**40]
    assert len(program._list) == 1 + 3  # the state, and the lists that differ


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": [1, 2]}, "invalid for input"),
        ({"values": [1, 2, 300]}, "300 is no value of u8"),
        ({"values": [1, 2, 0.5]}, "0.5 is no value"),
    ],
)  # fmt: skip
def test_a_list_that_is_no_tensor_of_its_type_is_refused(change, says):
    m = ModuleBuilder()
    f = m.function("step")
    made = f.op(
        "tensor", to=tensor(3, dtype="u8"), **{"values": [1, 2, 3], "shape": [3], "dtype": "u8"} | change
    )
    f.returns(y=(made, tensor(3, dtype="u8")))
    with pytest.raises(HostError, match=says):
        Program(parse_module(m.json), backend="eager")


@pytest.mark.parametrize("backend", BACKENDS)
def test_storage_is_changed_in_place_by_tensors_and_by_numbers_of_the_plan(backend):
    m = ModuleBuilder()
    for name, dtype in (("mean", "f32"), ("half", "bf16"), ("count", "i64")):
        m.state(name, tensor(2, 2, dtype=dtype))
    f = m.function("step")
    row, by, many = f.input("row", tensor(2), "argument"), f.input("by", F64), f.input("many", I64)
    for name in ("mean", "half"):
        f.op("add_", f.state(name), row)
        f.op("mul_", f.state(name), by)
    f.op("add_", f.state("count"), many)
    f.op("mul_", f.state("count"), f.constant(3, I64))
    f.returns(mean=(f.state("mean"), tensor(2, 2)))
    program = Program(parse_module(m.json), backend=backend)
    start, given = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.3, -0.7])
    for tensor_ in program.storage.values():
        tensor_.copy_(start)
    program.run("step", {"row": given, "by": 0.3, "many": 5})
    wanted = start.add(given).mul(0.3)
    torch.testing.assert_close(program.storage["mean"], wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(program.storage["half"], wanted.bfloat16(), rtol=2**-7, atol=0)
    assert program.storage["count"].tolist() == [[18, 21], [24, 27]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("of", ["images", "features"])
def test_a_gradient_is_a_value_that_has_a_gradient_itself(backend, of):
    """Double backward: the loss has a penalty on its own derivative, by what a plan gives and by what a net makes."""
    m = ModuleBuilder()
    m.parameter("w", tensor(6, 6))
    m.group("parameters", ["w"])
    f = m.function("step")
    x = f.input("x", tensor(4, 6), "argument")
    w = f.state("w")

    def layer(value: int) -> int:
        return f.op("tanh", f.op("matmul", value, w, to=tensor(4, 6)), to=tensor(4, 6))

    def squares(value: int) -> int:
        return f.op("sum", f.op("pow", value, f.constant(2.0), to=tensor(4, 6)), to=tensor())

    given = f.op("tracked", x if of == "images" else layer(x), to=tensor(4, 6))
    loss = squares(layer(layer(given)))
    (slope,) = f.op("gradient_of", loss, given, to=[tensor(4, 6)])
    total = f.op("add", loss, squares(slope), to=tensor())
    group = f.op("group", to={"group": "parameters"}, name="parameters")
    f.op("foreach_copy_", group, f.op("gradients", total, group, to={"group": "parameters"}))
    f.returns(total=(total, tensor()), slope=(slope, tensor(4, 6)))
    program = Program(parse_module(m.json), backend=backend)
    weights = torch.randn(6, 6, generator=torch.Generator().manual_seed(1)) / 3
    program.storage["w"].data.copy_(weights)
    got = program.run("step", {"x": ROWS})

    w = weights.clone().requires_grad_()
    start = ROWS.clone().requires_grad_() if of == "images" else (ROWS @ w).tanh()
    wanted = ((start @ w).tanh() @ w).tanh().pow(2).sum()
    (by,) = torch.autograd.grad(wanted, start, create_graph=True)
    whole = wanted + by.pow(2).sum()
    torch.testing.assert_close(got["slope"], by.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(got["total"], whole.detach(), rtol=1e-5, atol=1e-6)
    (outer,) = torch.autograd.grad(whole, w)
    torch.testing.assert_close(program.storage["w"].detach(), outer, rtol=1e-4, atol=1e-5)
