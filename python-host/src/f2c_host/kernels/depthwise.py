"""`torch.ops.f2c.norm_depthwise_norm`: batch normalisation with PReLU, a depthwise convolution, and both once more.

In training, in f32 on a CPU with channels last, `depthwise.c` computes all of it, and keeps less for the backward. Elsewhere,
and where that would take longer, it is the three ops, one after the other. What a graph is traced with has no memory; in it
stand `torch.ops.f2c.depthwise` and `depthwise_back`, which are the two functions of `depthwise.c`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import native
from .batch_norm import batch_norm_prelu, is_f32_on_cpu, is_list, recorded_gradients
from .native import Window

_library = torch.library.Library("f2c", "FRAGMENT")


# What is given of each normalisation, and all of it.
_GIVEN = "Tensor? weight, Tensor? bias, Tensor? slope"
_GIVEN_2 = "Tensor? weight_2, Tensor? bias_2, Tensor? slope_2"
_FIRST = "Tensor? weight, Tensor? bias, Tensor(a!)? mean, Tensor(b!)? variance, Tensor? slope"
_SECOND = "Tensor? weight_2, Tensor? bias_2, Tensor(c!)? mean_2, Tensor(d!)? variance_2, Tensor? slope_2"
_PLACES = "int[2] stride, int[2] padding"
_library.define(
    f"norm_depthwise_norm(Tensor x, {_FIRST}, Tensor kernel, {_SECOND}, {_PLACES}, bool training, float momentum, float eps) "
    "-> Tensor"
)
# The result, what the convolution gave, and of each normalisation the mean and 1 / deviation of channels [2, C].
_library.define(
    f"depthwise(Tensor x, {_FIRST}, Tensor kernel, {_SECOND}, {_PLACES}, float momentum, float eps) "
    "-> (Tensor, Tensor, Tensor, Tensor)"
)
# The gradients by x, weight, bias, slope, kernel, weight_2, bias_2 and slope_2, of which those that are not wanted are empty.
_library.define(
    f"depthwise_back(Tensor gradient, Tensor between, Tensor statistics, Tensor statistics_2, Tensor x, {_GIVEN}, "
    f"Tensor kernel, {_GIVEN_2}, {_PLACES}, bool[] wanted) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)


class _Norm(NamedTuple):
    weight: Tensor | None
    bias: Tensor | None
    mean: Tensor | None
    variance: Tensor | None
    slope: Tensor | None

    @property
    def given(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.weight, self.bias, self.slope

    @property
    def running(self) -> tuple[Tensor | None, Tensor | None]:
        return self.mean, self.variance


class _Places(NamedTuple):
    stride: Sequence[int]
    padding: Sequence[int]


_NORM = len(_Norm._fields)
# `LANES` of `depthwise.c`.
_LANES = 16
# An image is one thread's. With fewer, threads that have none wait longer than one kernel saves.
_IMAGES_A_THREAD = 0.5


def _norm_depthwise_norm(x: Tensor, *rest: Any) -> Tensor:
    first, kernel, second = _Norm(*rest[:_NORM]), rest[_NORM], _Norm(*rest[_NORM + 1 : 2 * _NORM + 1])
    stride, padding, training, momentum, eps = rest[2 * _NORM + 1 :]
    places = _Places(stride, padding)
    if not (training and _is_served(x, kernel, places, (*first, *second))):
        return _in_three(x, first, kernel, second, places, training, momentum, eps)
    operands = (x, *first.given, kernel, *second.given)
    how = (*first.running, *second.running, places, momentum, eps)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in operands):
        return _NormDepthwiseNorm.apply(*operands, *how)
    return _forward(operands, *how, recorded=False)[0]


_library.impl("norm_depthwise_norm", _norm_depthwise_norm, "CompositeImplicitAutograd")


def _in_three(
    x: Tensor,
    first: _Norm,
    kernel: Tensor,
    second: _Norm,
    places: _Places,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    inner = batch_norm_prelu(x, *first, training, momentum, eps)
    between = torch.ops.aten.conv2d(inner, kernel, None, *places, [1, 1], x.size(1))
    return batch_norm_prelu(between, *second, training, momentum, eps)


def _is_served(x: Tensor, kernel: Tensor, places: _Places, numbers: Sequence[Tensor | None]) -> bool:
    """Whether the kernels compute this, and faster than three ops: channels last and no fewer than they take at a time, images
    for the threads, and windows that lie within the images and margins narrower than they are."""
    if not (x.dim() == 4 and is_f32_on_cpu(x) and all(t is None or is_list(t) for t in (kernel, *numbers))):
        return False
    return (
        x.numel() > 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.size(1) >= _LANES
        and _IMAGES_A_THREAD * native.threads(x.numel()) <= x.size(0)
        and all(
            p < k <= size + 2 * p
            for p, k, size in zip(places.padding, kernel.shape[2:], x.shape[2:], strict=True)
        )
    )


def _out(x: Tensor, kernel: Tensor, stride: Sequence[int], padding: Sequence[int]) -> tuple[int, int]:
    height = (x.size(2) + 2 * padding[0] - kernel.size(2)) // stride[0] + 1
    return height, (x.size(3) + 2 * padding[1] - kernel.size(3)) // stride[1] + 1


def _window(x: Tensor, kernel: Tensor, stride: Sequence[int], padding: Sequence[int]) -> Window:
    return _made_window(
        x.shape, kernel.shape[2:], tuple(stride), tuple(padding), _out(x, kernel, stride, padding)
    )


@lru_cache(4096)
def _made_window(
    shape: torch.Size,
    kernel: torch.Size,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    out: tuple[int, int],
) -> Window:
    sizes = (shape[2:], out, kernel, stride, padding)
    return Window(shape[0], shape[1], *((height, width) for height, width in sizes))


def _shapes(x: Tensor, *rest: Any, recorded: bool = True) -> tuple[Tensor, ...]:
    """Where nothing is recorded, the result takes the place of what the convolution gave."""
    stride, padding = rest[2 * _NORM + 1 : 2 * _NORM + 3]
    shape = (x.size(0), x.size(1), *_out(x, rest[_NORM], stride, padding))
    between = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    statistics = x.new_empty((2, x.size(1)))
    y = torch.empty_like(between) if recorded else between
    return y, between, statistics, torch.empty_like(statistics)


def _depthwise(x: Tensor, *rest: Any, recorded: bool = True) -> tuple[Tensor, ...]:
    first, kernel, second = _Norm(*rest[:_NORM]), rest[_NORM], _Norm(*rest[_NORM + 1 : 2 * _NORM + 1])
    stride, padding, *how = rest[2 * _NORM + 1 :]
    y, between, *statistics = _shapes(x, *rest, recorded=recorded)
    native.call(
        "f2c_depthwise",
        x.numel(),
        *(x, between, y, _window(x, kernel, stride, padding), kernel),
        native.norm(first.given, statistics[0], first.running, how),
        native.norm(second.given, statistics[1], second.running, how),
    )
    return y, between, *statistics


# How many operands have gradients, and which they are of a normalisation.
_OPERANDS = 8
_FIRST_NORM, _KERNEL, _SECOND_NORM = slice(1, 4), 4, slice(5, 8)


def _gradient_shapes(*given: Any) -> tuple[Tensor, ...]:
    operands, wanted = given[4 : 4 + _OPERANDS], given[-1]
    return tuple(
        operands[0].new_empty((0,)) if t is None or not (w or i in (0, _KERNEL)) else torch.empty_like(t)
        for i, (t, w) in enumerate(zip(operands, wanted, strict=True))
    )


def _depthwise_back(*given: Any) -> tuple[Tensor, ...]:
    g, between, *statistics = given[:4]
    operands, places = given[4 : 4 + _OPERANDS], given[4 + _OPERANDS : -1]
    x, kernel = operands[0], operands[_KERNEL]
    gradients = _gradient_shapes(*given)
    native.call(
        "f2c_depthwise_back",
        x.numel(),
        *(x, between, g.contiguous(memory_format=torch.channels_last), gradients[0], gradients[_KERNEL]),
        *(_window(x, kernel, *places), kernel),
        native.norm(operands[_FIRST_NORM], statistics[0], gradients=gradients[_FIRST_NORM]),
        native.norm(operands[_SECOND_NORM], statistics[1], gradients=gradients[_SECOND_NORM]),
    )
    return gradients


for _name, _compute, _empty in (
    ("depthwise", _depthwise, _shapes),
    ("depthwise_back", _depthwise_back, _gradient_shapes),
):
    _library.impl(_name, _compute, "CPU")
    torch.library.register_fake(f"f2c::{_name}", _empty, lib=_library)


def _forward(operands: Sequence[Tensor | None], *how: Any, recorded: bool = True) -> tuple[Tensor, ...]:
    """`how`: the running statistics of both, the places of the kernel, momentum and eps."""
    x, weight, bias, slope, kernel, weight_2, bias_2, slope_2 = operands
    mean, variance, mean_2, variance_2, places, *rest = how
    compute = partial(_depthwise, recorded=recorded) if type(x) is Tensor else torch.ops.f2c.depthwise
    first, second = (
        (weight, bias, mean, variance, slope),
        (weight_2, bias_2, mean_2, variance_2, slope_2),
    )
    return compute(x, *first, kernel, *second, *places, *rest)


class _NormDepthwiseNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        y, between, *statistics = _forward(given[:_OPERANDS], *given[_OPERANDS:])
        ctx.save_for_backward(*given[:_OPERANDS], between, *statistics)
        ctx.places, ctx.eps = given[-3], given[-1]
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        operands, made = saved[:_OPERANDS], saved[_OPERANDS:]
        wanted = ctx.needs_input_grad[:_OPERANDS]
        if torch.is_grad_enabled():
            found = _in_plain_ops(operands, g, ctx, wanted)
        else:
            compute = _depthwise_back if type(g) is Tensor else torch.ops.f2c.depthwise_back
            found = compute(g, *made, *operands, *ctx.places, wanted)
        return *(t if w else None for t, w in zip(found, wanted, strict=True)), *_NONE


_NONE = (None,) * 7


def _in_plain_ops(
    operands: Sequence[Tensor | None], g: Tensor, ctx: Any, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The same where the gradient is itself recorded, to be differentiated once more."""
    x, weight, bias, slope, kernel, weight_2, bias_2, slope_2 = operands
    first = _Norm(weight, bias, None, None, slope)
    second = _Norm(weight_2, bias_2, None, None, slope_2)
    y = _in_three(x, first, kernel, second, ctx.places, True, 0.0, ctx.eps)
    return recorded_gradients(y, operands, wanted, g)
