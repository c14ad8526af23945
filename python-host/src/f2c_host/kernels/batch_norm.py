"""`torch.ops.f2c.batch_norm_prelu`, batch normalisation with PReLU behind it, and `torch.ops.f2c.batch_norm` without, whose
arguments are those of aten's.

In training, in f32 on a CPU, both are computed by `normalise.c`, from x alone. Everything else is aten's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .native import library

_library = torch.library.Library("f2c", "FRAGMENT")
_NORM = "Tensor self, Tensor? weight, Tensor? bias, Tensor(a!)? mean, Tensor(b!)? variance"
_HOW = "bool training, float momentum, float eps"
_library.define(f"batch_norm_prelu({_NORM}, Tensor slope, {_HOW}) -> Tensor")
_library.define(f"batch_norm({_NORM}, {_HOW}, bool cudnn_enabled) -> Tensor")


class _Given(NamedTuple):
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    slope: Tensor | None


def _batch_norm_prelu(
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
    if not (training and _is_served(given)):
        y = torch.ops.aten.batch_norm(x, weight, bias, mean, variance, training, momentum, eps, True)
        return y if slope is None else torch.ops.f2c.prelu(y, slope)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given):
        return _Recorded.apply(*given, mean, variance, momentum, eps)
    return _forward(given, mean, variance, momentum, eps)[0]


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
    return _batch_norm_prelu(x, weight, bias, mean, variance, None, training, momentum, eps)


_library.impl("batch_norm_prelu", _batch_norm_prelu, "CompositeImplicitAutograd")
_library.impl("batch_norm", _batch_norm, "CompositeImplicitAutograd")


def _is_served(given: _Given) -> bool:
    """Whether the kernels compute this: real memory, in one of the two layouts."""
    if type(given.x) is not Tensor or library() is None:
        return False
    x, *numbers = given
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and _layout(x) is not None
        and all(t is None or (t.dtype == torch.float32 and t.is_contiguous()) for t in numbers)
    )


def _layout(x: Tensor) -> tuple[int, int, int, int] | None:
    """How many images, channels, values of a channel in an image; whether memory is rows of channels."""
    images, channels = x.shape[:2]
    plane = x.numel() // (images * channels) if x.numel() else 0
    if plane == 0:
        return None
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return images, channels, plane, 1
    return (images, channels, plane, int(plane == 1)) if x.is_contiguous() else None


def _pointer(t: Tensor | None) -> int | None:
    return None if t is None else t.data_ptr()


def _forward(
    given: _Given, running_mean: Tensor | None, running_variance: Tensor | None, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The result, and each channel's mean and 1 / deviation."""
    x, weight, bias, slope = given
    y, statistics = torch.empty_like(x), x.new_empty((2, x.size(1)))
    mean, r = statistics
    _call(
        "f2c_normalise",
        *(x.data_ptr(), y.data_ptr(), *_layout(x)),
        *(_pointer(weight), _pointer(bias), _pointer(slope), 0 if slope is None else slope.numel()),
        *(_pointer(running_mean), _pointer(running_variance), momentum, eps, mean.data_ptr(), r.data_ptr()),
    )
    return y, mean, r


class _Recorded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *operands: Any) -> Tensor:
        x, weight, bias, slope, *moving = operands
        given = _Given(x, weight, bias, slope)
        y, mean, r = _forward(given, *moving)
        ctx.save_for_backward(*given, mean, r)
        ctx.eps = moving[-1]
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        *saved, mean, r = ctx.saved_tensors
        given = _Given(*saved)
        if torch.is_grad_enabled():
            return *_in_plain_ops(given, g, ctx), *_NONE
        x, weight, bias, slope = given
        g = g.contiguous(
            memory_format=torch.channels_last if _layout(x)[3] and x.dim() == 4 else torch.contiguous_format
        )
        wanted = ctx.needs_input_grad
        by_x, *by_numbers = (
            torch.empty_like(t) if i == 0 or (t is not None and wanted[i]) else None
            for i, t in enumerate(given)
        )
        _call(
            "f2c_normalise_back",
            *(x.data_ptr(), g.data_ptr(), by_x.data_ptr(), *_layout(x)),
            *(_pointer(weight), _pointer(bias), _pointer(slope), 0 if slope is None else slope.numel()),
            *(mean.data_ptr(), r.data_ptr(), *map(_pointer, by_numbers)),
        )
        return by_x if wanted[0] else None, *by_numbers, *_NONE


_NONE = (None,) * 4


def _in_plain_ops(given: _Given, g: Tensor, ctx: Any) -> tuple[Tensor | None, ...]:
    """The same where the gradient is itself recorded, to be differentiated once more."""
    wanted = [t for t, w in zip(given, ctx.needs_input_grad, strict=False) if w]
    x, weight, bias, slope = given
    y = torch.ops.aten.batch_norm(x, weight, bias, None, None, True, 0.0, ctx.eps, True)
    if slope is not None:
        y = torch.ops.f2c.prelu(y, slope)
    found = iter(torch.autograd.grad(y, wanted, g, create_graph=True))
    return tuple(next(found) if w else None for w in ctx.needs_input_grad[:4])


def _call(name: str, *arguments: Any) -> None:
    if getattr(library(), name)(*arguments, torch.get_num_threads()):
        raise MemoryError(name)
