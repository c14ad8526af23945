"""`torch.ops.f2c.batch_norm_prelu`, batch normalisation with PReLU behind it, and `torch.ops.f2c.batch_norm` without, whose
arguments are those of aten's.

In training, in f32 on a CPU, both are computed by `normalise.c`, from x alone. Everything else is aten's. What a graph is traced
with has no memory; in it stand `torch.ops.f2c.normalise` and `normalise_back`, which are the two functions of `normalise.c`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses import FakeTensor

from . import native
from .native import Layout, library

_library = torch.library.Library("f2c", "FRAGMENT")
_NORM = "Tensor x, Tensor? weight, Tensor? bias, Tensor(a!)? mean, Tensor(b!)? variance"
_HOW = "bool training, float momentum, float eps"
_library.define(f"batch_norm_prelu({_NORM}, Tensor slope, {_HOW}) -> Tensor")
_library.define(f"batch_norm({_NORM}, {_HOW}, bool cudnn_enabled) -> Tensor")
_GIVEN = "Tensor x, Tensor? weight, Tensor? bias, Tensor? slope"
# The result, and of each channel the mean and 1 / deviation [2, C].
_library.define(
    f"normalise({_GIVEN}, Tensor(a!)? mean, Tensor(b!)? variance, float momentum, float eps) -> (Tensor, Tensor)"
)
# The gradients by x, weight, bias and slope, of which those that are not wanted are empty.
_library.define(
    f"normalise_back(Tensor gradient, Tensor statistics, {_GIVEN}, bool[] wanted) -> (Tensor, Tensor, Tensor, Tensor)"
)


class _Given(NamedTuple):
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    slope: Tensor | None


def batch_norm_prelu(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    slope: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    given = _Given(x, weight, bias, slope)
    if not (training and _is_served(x, (*given[1:], mean, variance))):
        y = torch.ops.aten.batch_norm(x, weight, bias, mean, variance, training, momentum, eps, True)
        if slope is None:
            return y
        own = type(x) is Tensor and x.device.type == "cpu"
        return (torch.ops.f2c if own else torch.ops.aten).prelu(y, slope)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given):
        return _BatchNormPReLU.apply(*given, mean, variance, momentum, eps)
    return _forward(*given, mean, variance, momentum, eps)[0]


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    _cudnn_enabled: bool,
) -> Tensor:
    return batch_norm_prelu(x, weight, bias, mean, variance, None, training, momentum, eps)


_library.impl("batch_norm_prelu", batch_norm_prelu, "CompositeImplicitAutograd")
_library.impl("batch_norm", _batch_norm, "CompositeImplicitAutograd")


def _is_served(x: Tensor, numbers: Sequence[Tensor | None]) -> bool:
    """Whether the kernels compute this: memory in one of the two layouts, or what stands for it in a graph."""
    return is_f32_on_cpu(x) and layout(x) is not None and all(t is None or is_list(t) for t in numbers)


def is_f32_on_cpu(x: Tensor) -> bool:
    """And whether there are kernels for it."""
    return (
        (type(x) is Tensor or isinstance(x, FakeTensor))
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and library() is not None
    )


def is_list(numbers: Tensor) -> bool:
    return numbers.dtype == torch.float32 and numbers.is_contiguous()


def layout(x: Tensor) -> Layout | None:
    """None where it is neither rows of channels nor planes."""
    images, channels = x.shape[:2]
    plane = x.numel() // (images * channels) if x.numel() else 0
    if plane == 0:
        return None
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return Layout(images, channels, plane, True)
    return Layout(images, channels, plane, plane == 1) if x.is_contiguous() else None


def _format(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.dim() == 4 and layout(x).in_rows else torch.contiguous_format


def _normalise(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    slope: Tensor | None,
    running_mean: Tensor | None,
    running_variance: Tensor | None,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor]:
    y, statistics = _shapes(x)
    norm = native.norm((weight, bias, slope), statistics, (running_mean, running_variance), (momentum, eps))
    native.call("f2c_normalise", x.numel(), x, y, layout(x), norm)
    return y, statistics


def _shapes(x: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), x.new_empty((2, x.size(1)))


def _normalise_back(
    g: Tensor,
    statistics: Tensor,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    slope: Tensor | None,
    wanted: Sequence[bool],
) -> tuple[Tensor, ...]:
    by_x, *by_numbers = gradients = _gradient_shapes(g, statistics, x, weight, bias, slope, wanted)
    g = g.contiguous(memory_format=_format(x))
    norm = native.norm((weight, bias, slope), statistics, gradients=by_numbers)
    native.call("f2c_normalise_back", x.numel(), x, g, by_x, layout(x), norm)
    return gradients


def _gradient_shapes(g: Tensor, _: Tensor, x: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    *numbers, wanted = rest
    return torch.empty_like(x), *(
        x.new_empty((0,)) if t is None or not w else torch.empty_like(t)
        for t, w in zip(numbers, wanted[1:], strict=True)
    )


for _name, _compute, _empty in (
    ("normalise", _normalise, _shapes),
    ("normalise_back", _normalise_back, _gradient_shapes),
):
    _library.impl(_name, _compute, "CPU")
    torch.library.register_fake(f"f2c::{_name}", _empty, lib=_library)


def _forward(x: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return (_normalise if type(x) is Tensor else torch.ops.f2c.normalise)(x, *rest)


def _backward(g: Tensor, statistics: Tensor, given: _Given, wanted: Sequence[bool]) -> Sequence[Tensor]:
    compute = _normalise_back if type(g) is Tensor else torch.ops.f2c.normalise_back
    return compute(g, statistics, *given, wanted)


class _BatchNormPReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *operands: Any) -> Tensor:
        y, statistics = _forward(*operands)
        ctx.save_for_backward(*operands[:4], statistics)
        ctx.eps = operands[-1]
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        *saved, statistics = ctx.saved_tensors
        given, wanted = _Given(*saved), ctx.needs_input_grad[:4]
        found: Sequence[Tensor | None] = (
            _in_plain_ops(given, g, ctx)
            if torch.is_grad_enabled()
            else _backward(g, statistics, given, wanted)
        )
        return *(t if w else None for t, w in zip(found, wanted, strict=True)), *_NONE


_NONE = (None,) * 4


def _in_plain_ops(given: _Given, g: Tensor, ctx: Any) -> tuple[Tensor | None, ...]:
    """The same where the gradient is itself recorded, to be differentiated once more."""
    x, weight, bias, slope = given
    y = torch.ops.aten.batch_norm(x, weight, bias, None, None, True, 0.0, ctx.eps, True)
    if slope is not None:
        y = torch.ops.f2c.prelu(y, slope)
    return recorded_gradients(y, given, ctx.needs_input_grad[:4], g)


def recorded_gradients(
    y: Tensor, operands: Sequence[Tensor | None], wanted: Sequence[bool], g: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of y by the operands that are wanted, which have gradients in turn."""
    by = [t for t, w in zip(operands, wanted, strict=True) if w]
    found = iter(torch.autograd.grad(y, by, g, create_graph=True))
    return tuple(next(found) if w else None for w in wanted)
