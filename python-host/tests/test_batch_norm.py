"""Batch normalisation with PReLU behind it, in C, against aten in f64."""

from __future__ import annotations

import pytest
import torch
from closeness import close
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import batch_norm, prelu

from f2c_host.kernels import batch_norm as kernels
from f2c_host.kernels.ops import ON_CPU

EPS, MOMENTUM = 1e-5, 0.1

pytestmark = pytest.mark.usefixtures("way")


def drawn(shape, slopes, layout, seed=0):
    """x, weight, bias, slope, running mean and variance, and a gradient."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=chance) * 2 + 30
    channels = shape[1]
    x = x.contiguous(memory_format=layout) if len(shape) == 4 else x
    weight, bias = torch.randn(channels, generator=chance), torch.randn(channels, generator=chance)
    slope = torch.rand(slopes, generator=chance) - 0.3
    mean, variance = torch.randn(channels, generator=chance), torch.rand(channels, generator=chance)
    return x, weight, bias, slope, mean, variance, torch.randn(shape, generator=chance)


def in_f64(x, weight, bias, slope, mean, variance):
    y = batch_norm(x, mean, variance, weight, bias, True, MOMENTUM, EPS)
    return y if slope is None else prelu(y, slope)


LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(6, 5, 7, 3), (3, 16, 1, 1), (2, 1, 40, 60), (37, 64), (1, 20, 5, 5)])
@pytest.mark.parametrize("per_channel", [True, False])
def test_values_gradients_and_statistics_are_those_of_f64(shape, per_channel, layout, threads, cores):
    *given, g = drawn(shape, shape[1] if per_channel else 1, layout)
    wide = [t.double() for t in given]
    leaves = [t.requires_grad_() for t in given[:4]]
    right_leaves = [t.requires_grad_() for t in wide[:4]]
    cores(threads)
    x, weight, bias, slope, mean, variance = given
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    gradients = torch.autograd.grad(y, leaves, g)
    right = in_f64(*wide)
    right_gradients = torch.autograd.grad(right, right_leaves, g.double())
    for found, wanted in zip(
        (y, mean, variance, *gradients), (right, *wide[4:], *right_gradients), strict=True
    ):
        close(found, wanted.detach())
    assert y.stride() == x.stride() and gradients[0].stride() == x.stride()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("absent", ["weight", "bias", "both", "statistics"])
def test_parts_may_be_absent(absent, layout):
    x, weight, bias, _, mean, variance, g = drawn((4, 6, 5, 5), 1, layout)
    weight = None if absent in ("weight", "both") else weight
    bias = None if absent in ("bias", "both") else bias
    if absent == "statistics":
        mean = variance = None
    wide = [None if t is None else t.double() for t in (x, weight, bias, None, mean, variance)]
    leaves = [t for t in (x, weight, bias) if t is not None]
    right_leaves = [t for t in wide[:3] if t is not None]
    for t in (*leaves, *right_leaves):
        t.requires_grad_()
    y = ON_CPU["aten::batch_norm"](x, weight, bias, mean, variance, True, MOMENTUM, EPS, True)
    right = in_f64(*wide)
    close(y, right.detach())
    for found, wanted in zip(
        torch.autograd.grad(y, leaves, g), torch.autograd.grad(right, right_leaves, g.double()), strict=True
    ):
        close(found, wanted)


def test_only_what_is_asked_for_gets_a_gradient():
    x, weight, bias, slope, mean, variance, g = drawn((4, 6, 5, 5), 6, torch.channels_last)
    slope.requires_grad_()
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    (found,) = torch.autograd.grad(y, [slope], g)
    wide = slope.detach().double().requires_grad_()
    right = in_f64(x.double(), weight.double(), bias.double(), wide, None, None)
    close(found, torch.autograd.grad(right, [wide], g.double())[0])


def test_without_history_nothing_is_recorded_and_statistics_move_all_the_same():
    x, weight, bias, slope, mean, variance, _ = drawn((4, 6, 5, 5), 6, torch.channels_last)
    weight.requires_grad_()
    before = mean.clone()
    with torch.no_grad():
        y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    assert not y.requires_grad
    close(mean, torch.lerp(before.double(), x.double().mean((0, 2, 3)), MOMENTUM))


def test_a_channel_without_scale_gets_its_gradients():
    x, weight, bias, slope, mean, variance, g = drawn((4, 6, 5, 5), 6, torch.channels_last)
    weight[2] = 0
    given = [x, weight, bias, slope]
    wide = [t.double().requires_grad_() for t in given]
    leaves = [t.requires_grad_() for t in given]
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    right = in_f64(*wide, None, None)
    for found, wanted in zip(
        torch.autograd.grad(y, leaves, g), torch.autograd.grad(right, wide, g.double()), strict=True
    ):
        close(found, wanted)


def test_a_channel_whose_values_hardly_differ_keeps_its_digits(way):
    """aten, which takes the mean from the product, is off by a thousandth."""
    if way != "in C":
        return
    x = 1000 + torch.linspace(-0.05, 0.05, 4 * 25).reshape(4, 1, 5, 5).repeat(1, 3, 1, 1)
    y = ON_CPU["aten::batch_norm"](x, None, None, None, None, True, MOMENTUM, EPS, True)
    close(y, in_f64(x.double(), *(None,) * 5), 1e-2 / 30)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_spoils_its_channel_and_no_other(bad, layout):
    x, weight, bias, slope, mean, variance, _ = drawn((4, 6, 5, 5), 6, layout)
    x[1, 2, 3, 4] = bad
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    spoiled = ~y.isfinite().all(3).all(2).all(0)
    assert spoiled.tolist() == [False, False, True, False, False, False]
    assert not mean[2].isfinite() and mean[3].isfinite()


def test_gradients_of_gradients_are_those_of_f64():
    x, weight, bias, slope, mean, variance, g = drawn((4, 6, 3, 3), 6, torch.channels_last)
    given, found = [x, weight, bias, slope], []
    for dtype in (torch.float32, torch.float64):
        leaves = [t.to(dtype).requires_grad_() for t in given]
        y = torch.ops.f2c.batch_norm_prelu(
            *leaves[:3], mean.to(dtype), variance.to(dtype), leaves[3], True, MOMENTUM, EPS
        )
        first = torch.autograd.grad(y, leaves, g.to(dtype), create_graph=True)
        found.append(torch.autograd.grad(sum((t**2).sum() for t in first), leaves))
    for narrow, wide in zip(*found, strict=True):
        close(narrow, wide, 1e-3)


def test_a_net_that_is_used_twice_may_move_its_statistics_twice(way, monkeypatch):
    """Also where the first pass is computed by aten, and the second one in C."""
    x, weight, bias, slope, mean, variance, g = drawn((4, 6, 5, 5), 6, torch.channels_last)
    weight.requires_grad_()
    by = (torch.ops.f2c.batch_norm_prelu, x, weight, bias, mean, variance, slope, True, MOMENTUM, EPS)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "library", lambda: None)
        first = by[0](*by[1:])
    second = by[0](*by[1:])
    (found,) = torch.autograd.grad(first + second, [weight], g)
    wide = weight.detach().double().requires_grad_()
    right = in_f64(x.double(), wide, bias.double(), slope.double(), None, None)
    close(found, 2 * torch.autograd.grad(right, [wide], g.double())[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_atens(dtype):
    x, weight, bias, slope, *_ = drawn((4, 6, 5, 5), 6, torch.channels_last)
    x, weight, bias, slope = (t.to(dtype) for t in (x, weight, bias, slope))
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, None, None, slope, True, MOMENTUM, EPS)
    assert torch.equal(y, prelu(batch_norm(x, None, None, weight, bias, True, MOMENTUM, EPS), slope))


@pytest.mark.parametrize("odd", ["mean", "variance"])
def test_running_statistics_of_another_type_are_refused_as_by_aten(odd):
    x, weight, bias, slope, mean, variance, _ = drawn((4, 6, 5, 5), 6, torch.channels_last)
    moved = (mean.double(), variance) if odd == "mean" else (mean, variance.double())
    with pytest.raises(RuntimeError, match=r"[Ee]xpected"):
        torch.ops.f2c.batch_norm_prelu(x, weight, bias, *moved, slope, True, MOMENTUM, EPS)


def test_with_running_statistics_it_is_atens():
    x, weight, bias, slope, mean, variance, _ = drawn((4, 6, 5, 5), 6, torch.channels_last)
    y = torch.ops.f2c.batch_norm_prelu(x, weight, bias, mean, variance, slope, False, MOMENTUM, EPS)
    assert torch.equal(y, prelu(batch_norm(x, mean, variance, weight, bias, False, MOMENTUM, EPS), slope))


def test_a_graph_computes_what_it_was_traced_from(way):
    """In C it is one op each way in the graph; what it writes to, it writes to when it runs."""
    x, weight, bias, slope, mean, variance, g = drawn((4, 6, 5, 5), 6, torch.channels_last)

    def step(x, weight, bias, slope, mean, variance, g):
        leaves = [t.detach().requires_grad_() for t in (x, weight, bias, slope)]
        y = torch.ops.f2c.batch_norm_prelu(*leaves[:3], mean, variance, leaves[3], True, MOMENTUM, EPS)
        return y.detach(), *torch.autograd.grad(y, leaves, g)

    given = (x, weight, bias, slope, mean, variance, g)
    graph = make_fx(step, tracing_mode="fake")(*given)
    ops = {str(node.target) for node in graph.graph.nodes if "f2c" in str(node.target)}
    in_c = {"f2c.normalise.default", "f2c.normalise_back.default"}
    assert ops == (in_c if way == "in C" else set()), ops
    again = [t.clone(memory_format=torch.preserve_format) for t in given]
    for found, wanted in zip((*graph(*given), mean, variance), (*step(*again), *again[4:6]), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-6, atol=1e-6)
