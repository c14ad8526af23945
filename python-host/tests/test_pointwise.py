"""Convolutions of single pixels, which a CPU computes as products of matrices: what `aten::conv2d` gives, and its gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ir_examples import ModuleBuilder, tensor
from torch.nn.functional import conv2d

from f2c_host.ir.json_form import parse_module
from f2c_host.lower.text import program_text
from f2c_host.run.program import Program

SIDE = 5


def program_of(
    last: bool,
    bias: bool,
    channels: int = 6,
    out: int = 4,
    kernel: int = 1,
    open: bool = False,
    **places: Any,
) -> dict[str, Any]:
    """step(x [B, channels, SIDE, SIDE], g) = the convolution, and the sum of it times g as a loss, whose gradients are added to
    the weights."""
    m = ModuleBuilder()
    shape = (out, channels // places.get("groups", 1), kernel, kernel)
    m.parameter("weight", tensor(*shape), "kaiming_normal", fan="in", gain=1.0)
    m.parameter("bias", tensor(out), "constant", value=0.5)
    m.group("parameters", ["weight", "bias"])
    f = m.function("step")
    side = (SIDE + 2 * places.get("padding", [0])[0] - kernel) // places.get("stride", [1])[0] + 1
    sides = ("H", "W") if open else (side, side)
    images = tensor("B", channels, *(sides if open else (SIDE, SIDE)))
    maps = tensor("B", out, *sides)
    x, g = f.input("x", images), f.input("g", maps)
    if last:
        x = f.op("channels_last", x, to=images)
    y = f.op("conv2d", x, f.state("weight"), f.state("bias") if bias else -1, to=maps, **places)
    loss = f.op("sum", f.op("mul", y, g, to=maps), to=tensor(), dim=[], keepdim=False)
    group = f.op("group", to={"group": "parameters"}, name="parameters")
    gradients = f.op("gradients", loss, group, to={"group": "parameters"})
    f.op("foreach_add_", group, gradients, f.constant(1.0))
    f.returns(y=(y, maps))
    return m.json


CASES = {
    "of pixels": {},
    "channels": {"channels": 3, "out": 9},
    "one channel": {"channels": 1, "out": 1},
    "larger weights than images": {"channels": 96, "out": 80},
    "a kernel of three": {"kernel": 3},
    "padded": {"padding": [1, 1]},
    "in strides": {"stride": [2, 2]},
    "in groups": {"groups": 2},
}


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "none"])
@pytest.mark.parametrize("last", [True, False], ids=["channels last", "planes"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("images", [3, 1])
def test_it_gives_what_a_convolution_gives(case, last, bias, backend, images):
    places = {k: v for k, v in CASES[case].items() if k not in ("channels", "out", "kernel")}
    program = Program(parse_module(program_of(last, bias, **CASES[case])), backend=backend)
    program.initialise(3)
    weight, shift = (program.storage[name].detach().clone().requires_grad_() for name in ("weight", "bias"))
    chance = torch.Generator().manual_seed(1)
    x = torch.randn(images, CASES[case].get("channels", 6), SIDE, SIDE, generator=chance)
    wanted = conv2d(x, weight, shift if bias else None, **places)
    g = torch.randn(wanted.shape, generator=chance)
    by_weight, by_shift = torch.autograd.grad((wanted * g).sum(), [weight, shift], allow_unused=True)
    y = program.run("step", {"x": x, "g": g})["y"]
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(program.storage["weight"], weight + by_weight, rtol=1e-5, atol=1e-4)
    if bias:
        torch.testing.assert_close(program.storage["bias"], shift + by_shift, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("called", "last", "given"),
    [
        ("linear", True, {}),
        ("bmm", False, {}),
        ("linear", True, CASES["larger weights than images"]),
        ("conv2d", False, CASES["larger weights than images"]),
        ("linear", True, {"open": True}),
        ("conv2d", False, {"open": True}),
        *(
            ("conv2d", last, CASES[case])
            for last in (True, False)
            for case in ("a kernel of three", "padded", "in strides", "in groups")
        ),
    ],
)
def test_those_of_pixels_are_products_and_others_are_not(called, last, given):
    text = program_text(parse_module(program_of(last, True, **given)), "torchscript")
    assert [op for op in ("linear", "bmm", "conv2d") if f"aten__{op}(" in text] == [called]


def test_only_a_cpu_gets_the_product():
    assert "aten__conv2d(" in program_text(parse_module(program_of(True, True)), "inductor")
