"""`torch.ops.f2c.negatives_logsumexp`: the stream over the classes of a head, defined in docs/ops.md.

For a row with the features x and the classes w_j that are its negatives, c_j = x . w_j and z_j = scale * rule(c_j):

    lse = log sum_j exp z_j,     d lse / d x = sum_j p_j * scale * rule'(c_j) * w_j,     p_j = exp(z_j - lse)

Both are sums over j, so one pass gives both, with a running maximum; the sums so far are scaled when it rises (Milakov and
Gimelshein 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135, whose values are our w_j once more). That is two
products, and no matrix of features and classes. `d lse / d x` is a result of the op, and the gradient a product with it.
Rows of the bank that take a gradient themselves need p_j again: a second pass, with the logarithm known.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from . import negatives_in_chunks
from .classes import Given

_GIVEN = (
    "Tensor features, Tensor rows, Tensor target, Tensor scale, Tensor? ids, Tensor? limit, Tensor? bound, "
    "Tensor? square, Tensor? slope, Tensor? offset, Tensor? touched, int centres"
)
_FEATURES, _ROWS, _SLOPE = (Given._fields.index(name) for name in ("features", "rows", "slope"))

_library = torch.library.Library("f2c", "DEF")
# The logarithm, the nearest classes, and what the logarithm's derivatives by the features and the slope are, a row each.
_library.define(f"negatives_logsumexp({_GIVEN}, int nearest) -> (Tensor, Tensor, Tensor, Tensor)")
_library.define(f"negatives_rows_gradient(Tensor weight, Tensor lse, {_GIVEN}) -> Tensor")


def way_on_cuda(given: Given) -> ModuleType:
    """Where a stream is computed on CUDA: in Triton's kernels, where Triton works and they know such a stream."""
    if find_spec("triton") is not None:
        from . import negatives_triton

        if negatives_triton.is_usable() and negatives_triton.serves(given):
            return negatives_triton
    return negatives_in_chunks


def computed_by(way: Callable[[Given], ModuleType]) -> dict[str, Callable[..., Any]]:
    """Each op, as the module computes it that `way` picks for what is given."""

    def forward(*operands: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        *stream, nearest = operands
        given = Given(*stream)
        return way(given).forward(given, nearest)

    def rows_gradient(weight: Tensor, lse: Tensor, *stream: Any) -> Tensor:
        given = Given(*stream)
        return way(given).rows_gradient(weight, lse, given)

    return {"negatives_logsumexp": forward, "negatives_rows_gradient": rows_gradient}


for _device, _way in (("CPU", lambda _: negatives_in_chunks), ("CUDA", way_on_cuda)):
    for _op, _compute in computed_by(_way).items():
        _library.impl(_op, _compute, _device)


def _shapes(features: Tensor, *given: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n, nearest = features.size(0), given[-1]
    column = features.new_empty((n,))
    classes = torch.empty((n, nearest), dtype=torch.int64, device=features.device)
    return column, classes, torch.empty_like(features), torch.empty_like(column)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *given, _ = inputs
    lse, _, by_features, by_slope = output
    ctx.rows_move = ctx.needs_input_grad[_ROWS]
    kept = [by_features, by_slope, lse]
    if ctx.rows_move:
        kept += [g if isinstance(g, Tensor) else None for g in given]
        ctx.centres = given[-1]
    ctx.save_for_backward(*kept)


def _gradients(ctx: Any, weight: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    by_features, by_slope, lse, *given = ctx.saved_tensors
    found: list[Tensor | None] = [None] * len(ctx.needs_input_grad)
    if ctx.needs_input_grad[_FEATURES]:
        found[_FEATURES] = by_features * weight.unsqueeze(1)
    if ctx.rows_move:
        given[-1] = ctx.centres
        found[_ROWS] = torch.ops.f2c.negatives_rows_gradient(weight, lse, *given)
    if ctx.needs_input_grad[_SLOPE]:
        found[_SLOPE] = (by_slope * weight).sum()
    return tuple(found)


torch.library.register_fake("f2c::negatives_logsumexp", _shapes, lib=_library)
torch.library.register_fake(
    "f2c::negatives_rows_gradient",
    lambda _weight, _lse, _features, rows, *_given: torch.empty_like(rows),
    lib=_library,
)
torch.library.register_autograd("f2c::negatives_logsumexp", _gradients, setup_context=_remember, lib=_library)
