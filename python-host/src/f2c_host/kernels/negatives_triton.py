"""The stream over the classes of a head as Triton kernels, for CUDA: what it computes stands in negatives.py.

A program takes a block of rows of the features and the classes of its split, a tile at a time. Of a tile it needs the product
with the features, c = x . w, then z = scale * rule(c) and, with the largest z so far,

    most' = max(most, max_j z_j),   p_j = exp(z_j - most'),   fall = exp(most - most')
    total' = fall * total + sum_j p_j,   sums' = fall * sums + sum_j p_j * rule'(c_j) * w_j

as FlashAttention does (Dao et al. 2022, arXiv 2205.14135), whose keys and values both are our w. What the splits found is put
together as two tiles are. `sums` is a [rows of a block, D] tile in registers, which bounds the other tiles: see `tiles`.

Products are those of IEEE's f32; rows of the bank that are narrower are widened. Nothing here waits for the device.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from .classes import BLOCK, NO_NEGATIVE, Classes, Given, groups
from .negatives_in_chunks import NONE, nearest_of_blocks

# A class has a word of bits that says which groups leave it out.
_GROUPS = 31
# The sums of a program lie in registers.
_DIM = 512
# Nothing is compiled anew where a batch has another size.
_SIZES = ["N", "COUNT", "SPLITS"]


@cache
def is_usable() -> bool:
    """Whether Triton makes kernels for the device that is used. It needs a C compiler, too."""
    try:
        target = triton.runtime.driver.active.get_current_target()
    except Exception as error:
        warnings.warn(
            f"Triton makes no kernels here, so that heads are computed in aten: {error}", stacklevel=2
        )
        return False
    return target.backend == "cuda" and target.arch >= 80


def serves(given: Given) -> bool:
    """Whether these kernels compute such a stream."""
    features, rows = given.features, given.rows
    return (
        given.centres == 1
        and features.dtype == torch.float32
        and rows.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and 0 < features.size(1) <= _DIM
        and min(features.size(0), rows.size(0)) > 0
        and groups(given.limit, given.touched) <= _GROUPS
    )


def forward(given: Given, nearest: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of what negatives_in_chunks.forward is given, what it gives: the logarithm [N], the nearest classes [N, nearest], and the
    derivatives by the features [N, D] and by the slope [N]."""
    stream = _Stream.of(given)
    classes, tiles, features = stream.classes, stream.tiles, stream.classes.features
    n, dim = features.shape
    row_blocks = triton.cdiv(n, tiles.kept)
    splits = _splits(features.device, row_blocks, triton.cdiv(classes.count, tiles.passing))
    blocks = features.new_full((triton.cdiv(classes.count, BLOCK), n), NO_NEGATIVE, dtype=torch.float32)
    most, total, by_slope = (blocks.new_empty((splits, n)) for _ in range(3))
    by_features = blocks.new_empty((splits, n, dim))
    with torch.cuda.device_of(features):
        sums_of_split[(row_blocks, splits)](
            **stream.given,
            blocks=blocks,
            most_found=most,
            total_found=total,
            by_features=by_features,
            by_slope=by_slope,
            SPLITS=splits,
            BLOCK=BLOCK,
            NONE=NONE,
            **tiles.options("ROWS", "CLASSES"),
        )
    results = _together(stream, most, total, by_features, by_slope)
    lse, by_features, by_slope = (stream.in_order(result) for result in results)
    return lse, nearest_of_blocks(classes, blocks, nearest), by_features, by_slope


def rows_gradient(weight: Tensor, lse: Tensor, given: Given) -> Tensor:
    """The derivative by the rows of the sum of the logarithms [N], each times its weight."""
    stream = _Stream.of(given)
    classes, tiles = stream.classes, stream.tiles
    gradient = torch.empty_like(classes.rows)
    with torch.cuda.device_of(classes.rows):
        rows_gradient_of_tile[(triton.cdiv(classes.count, tiles.kept),)](
            **stream.given,
            lse=lse[classes.order],
            weight=weight[classes.order] * stream.scale,
            gradient=gradient,
            **tiles.options("CLASSES", "ROWS"),
        )
    return gradient


@dataclass
class Tiles:
    """What a program holds: `kept` lines with their sums, beside which it goes through the others, `passing` at a time. Of those
    two the first product takes `depth` dimensions at a time."""

    kept: int
    passing: int
    dims: int
    depth: int
    warps: int
    stages: int

    def options(self, kept: str, passing: str) -> dict[str, int]:
        """The constants of a kernel that keeps sums for its ROWS, or for its CLASSES."""
        return {
            kept: self.kept,
            passing: self.passing,
            "DIMS": self.dims,
            "DEPTH": self.depth,
            "num_warps": self.warps,
            "num_stages": self.stages,
        }


def tiles(dim: int) -> Tiles:
    """For the registers and the shared memory of an H100: `python bench/kernels.py` shows what each variant takes."""
    dims = max(16, triton.next_power_of_2(dim))
    return Tiles(64, 64, dims, 16, 8, 2) if dims <= 128 else Tiles(32, 32, dims, 32, 8, 2)


def _splits(device: torch.device, row_blocks: int, tiles: int) -> int:
    """Parts of the classes. A multiprocessor takes two programs, one after the other: those without sums are done sooner."""
    processors = 2
    if device.type == "cuda":
        processors = torch.cuda.get_device_properties(device).multi_processor_count
    return max(1, min(tiles, 2 * processors // row_blocks))


@dataclass
class _Stream:
    """What both kernels are given: rows of the features in the order of `classes`, those that have a class first."""

    classes: Classes
    given: dict[str, Any]
    tiles: Tiles
    scale: Tensor

    @classmethod
    def of(cls, of: Given) -> _Stream:
        classes = Classes(of._replace(rows=of.rows.contiguous()))
        device, ids, bound = of.features.device, of.ids, of.bound
        nought = of.scale.new_zeros(())
        numbers = [of.scale, *(nought if t is None else t for t in (of.square, of.slope, of.offset))]
        numbers = torch.stack([t.detach().to(device, torch.float32).reshape(()) for t in numbers])
        n, dim = classes.features.shape
        given = {
            "features": classes.features.contiguous(),
            "rows": classes.rows,
            "target": classes.target,
            "numbers": numbers,
            "ids": None if ids is None else ids.contiguous(),
            "bound": None if bound is None else bound.detach()[classes.order],
            "left_out": _left_out(classes),
            "group": classes.group,
            "extent": _extent(classes),
            "N": n,
            "D": dim,
            "COUNT": classes.count,
        }
        return cls(classes, given, tiles(dim), numbers[0])

    def in_order(self, found: Tensor) -> Tensor:
        """Rows of the features as they came."""
        return torch.empty_like(found).index_copy_(0, self.classes.order, found)


def _left_out(classes: Classes) -> Tensor | None:
    """For each class a word, of which bit g says that it is no negative for the rows of group g."""
    if classes.touched is None and classes.limit is None:
        return None
    count, device = classes.count, classes.rows.device
    place = torch.arange(count, device=device)
    words = torch.zeros(count, dtype=torch.int32, device=device)
    for group in range(classes.groups):
        is_out = torch.zeros(count + 1, dtype=torch.bool, device=device)
        if classes.touched is not None:
            touched = classes.touched[group]
            is_out.index_fill_(0, touched.where((touched >= 0) & (touched < count), count), True)
        if classes.limit is not None:
            is_out[:count] |= place >= classes.limit[group]
        words |= is_out[:count].int() << group
    return words


def _extent(classes: Classes) -> Tensor:
    """Two numbers that the host does not know: rows that have a class, and classes before the furthest limit."""
    with_class = (classes.target >= 0).sum()
    if classes.limit is None:
        most = torch.full_like(with_class, classes.count)
    else:
        most = classes.limit.amax().ceil().clamp(0, classes.count).to(with_class.dtype)
    return torch.stack([with_class, most])


def _together(
    stream: _Stream, most: Tensor, total: Tensor, by_features: Tensor, by_slope: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The logarithm and its derivatives, of what each split found. [S, N] and [S, N, D] become [N] and [N, D]."""
    has_class = stream.classes.target >= 0
    largest = most.amax(0)
    falls = torch.exp(most - largest)
    sums = (total * falls).sum(0)
    is_none = (sums == 0) | ~has_class
    falls *= (stream.scale / sums).masked_fill_(is_none, 0)
    lse = (largest + sums.log()).masked_fill_(is_none, NONE)
    return lse, by_features.mul_(falls.unsqueeze(2)).sum(0), (by_slope * falls).sum(0)


@triton.jit
def _lines(tensor, line, is_line, D, first, DIMS: tl.constexpr):
    """Lines of a tensor [., D], from a dimension on: [lines, DIMS] in f32."""
    d = first + tl.arange(0, DIMS)
    found = tl.load(
        tensor + line[:, None] * D + d[None, :], mask=is_line[:, None] & (d < D)[None, :], other=0
    )
    return found.to(tl.float32)


@triton.jit
def _cosines(features, rows, n, is_row, c, is_class, D, DIMS: tl.constexpr, DEPTH: tl.constexpr):
    """The products [ROWS, CLASSES] of features and classes, some dimensions at a time: what is multiplied lies in registers."""
    found = tl.zeros((n.shape[0], c.shape[0]), tl.float32)
    for first in range(0, DIMS, DEPTH):
        x = _lines(features, n, is_row, D, first, DEPTH)
        w = _lines(rows, c, is_class, D, first, DEPTH)
        found = tl.dot(x, tl.trans(w), found, input_precision="ieee")
    return found


@triton.jit
def _is_out(n, is_row, c, is_class, target, ids, left_out, group):
    """Which classes [CLASSES] are no negatives of which rows [ROWS]."""
    own = tl.load(target + n, mask=is_row, other=-1)
    names = c if ids is None else tl.load(ids + c, mask=is_class, other=-1)
    is_out = (own[:, None] == names[None, :]) | (~is_class | (names < 0))[None, :]
    if left_out is not None:
        groups = tl.load(group + n, mask=is_row, other=0).to(tl.int32)
        words = tl.load(left_out + c, mask=is_class, other=-1)
        is_out |= ((words[None, :] >> groups[:, None]) & 1) != 0
    return is_out


@triton.jit
def _logits(cosines, is_out, n, is_row, numbers, bound):
    """scale * rule(c), of no negatives -inf; rule'(c); and c where the slope of the rule counts."""
    scale = tl.load(numbers)
    if bound is None:
        return tl.where(is_out, float("-inf"), cosines * scale), 1.0, 0.0
    else:
        square, slope, offset = tl.load(numbers + 1), tl.load(numbers + 2), tl.load(numbers + 3)
        is_hard = cosines > tl.load(bound + n, mask=is_row, other=0)[:, None]
        ruled = tl.where(is_hard, cosines * (cosines * square + slope) + offset, cosines)
        rise = tl.where(is_hard, cosines * (2 * square) + slope, 1.0)
        return tl.where(is_out, float("-inf"), ruled * scale), rise, tl.where(is_hard, cosines, 0.0)


@triton.jit
def _store_largest(blocks, cosines, is_out, n, is_row, start, N, COUNT, BLOCK: tl.constexpr):
    """The largest cosine of each block of classes, to [blocks, N]."""
    IN_TILE: tl.constexpr = cosines.shape[1] // BLOCK
    negatives = tl.reshape(tl.where(is_out, float("-inf"), cosines), (cosines.shape[0], IN_TILE, BLOCK))
    block = start // BLOCK + tl.arange(0, IN_TILE)
    into = blocks + block[None, :] * N + n[:, None]
    tl.store(into, tl.max(negatives, 2), mask=is_row[:, None] & (block * BLOCK < COUNT)[None, :])


@triton.jit(do_not_specialize=_SIZES)
def sums_of_split(
    features,
    rows,
    target,
    numbers,
    ids,
    bound,
    left_out,
    group,
    extent,
    blocks,
    most_found,
    total_found,
    by_features,
    by_slope,
    N,
    D,
    COUNT,
    SPLITS,
    BLOCK: tl.constexpr,
    NONE: tl.constexpr,
    ROWS: tl.constexpr,
    CLASSES: tl.constexpr,
    DIMS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """A block of rows and a split of the classes: the largest cosine of each block of classes, and the sums over all of them."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    is_row = n < N
    split = tl.program_id(1)
    end = tl.load(extent + 1)
    size = tl.cdiv(tl.cdiv(end, CLASSES), SPLITS) * CLASSES
    first = split * size
    last = tl.minimum(first + size, end)

    most = tl.full((ROWS,), NONE, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    sums = tl.zeros((ROWS, DIMS), tl.float32)
    slopes = tl.zeros((ROWS,), tl.float32)
    if tl.program_id(0) * ROWS < tl.load(extent):
        for start in range(first, last, CLASSES):
            c = start + tl.arange(0, CLASSES)
            is_class = c < COUNT
            cosines = _cosines(features, rows, n, is_row, c, is_class, D, DIMS, DEPTH)
            is_out = _is_out(n, is_row, c, is_class, target, ids, left_out, group)
            _store_largest(blocks, cosines, is_out, n, is_row, start, N, COUNT, BLOCK)
            logits, rise, bent = _logits(cosines, is_out, n, is_row, numbers, bound)
            larger = tl.maximum(most, tl.max(logits, 1))
            fall = tl.exp(most - larger)
            shares = tl.exp(logits - larger[:, None])
            most = larger
            total = total * fall + tl.sum(shares, 1)
            slopes = slopes * fall + tl.sum(shares * bent, 1)
            w = _lines(rows, c, is_class, D, 0, DIMS)
            sums = tl.dot(shares * rise, w, sums * fall[:, None], input_precision="ieee")
    else:
        # Rows without a class take no part in sums.
        for start in range(first, last, CLASSES):
            c = start + tl.arange(0, CLASSES)
            is_class = c < COUNT
            cosines = _cosines(features, rows, n, is_row, c, is_class, D, DIMS, DEPTH)
            is_out = _is_out(n, is_row, c, is_class, target, ids, left_out, group)
            _store_largest(blocks, cosines, is_out, n, is_row, start, N, COUNT, BLOCK)

    line = split * N + n
    tl.store(most_found + line, most, mask=is_row)
    tl.store(total_found + line, total, mask=is_row)
    tl.store(by_slope + line, slopes, mask=is_row)
    d = tl.arange(0, DIMS)
    tl.store(by_features + line[:, None] * D + d[None, :], sums, mask=is_row[:, None] & (d < D)[None, :])


@triton.jit(do_not_specialize=_SIZES)
def rows_gradient_of_tile(
    features,
    rows,
    target,
    numbers,
    ids,
    bound,
    left_out,
    group,
    extent,
    lse,
    weight,
    gradient,
    N,
    D,
    COUNT,
    ROWS: tl.constexpr,
    CLASSES: tl.constexpr,
    DIMS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """A tile of classes, and every row that has a class: sum over n of weight_n * p_nj * rule'(c_nj) * x_n."""
    start = tl.program_id(0).to(tl.int64) * CLASSES
    c = start + tl.arange(0, CLASSES)
    is_class = c < COUNT
    sums = tl.zeros((CLASSES, DIMS), tl.float32)
    last = tl.where(start < tl.load(extent + 1), tl.load(extent), 0)
    for first in range(0, last, ROWS):
        n = first + tl.arange(0, ROWS)
        is_row = n < last
        cosines = _cosines(features, rows, n, is_row, c, is_class, D, DIMS, DEPTH)
        is_out = _is_out(n, is_row, c, is_class, target, ids, left_out, group)
        logits, rise, _ = _logits(cosines, is_out, n, is_row, numbers, bound)
        shares = tl.exp(logits - tl.load(lse + n, mask=is_row, other=0)[:, None])
        due = shares * rise * tl.load(weight + n, mask=is_row, other=0)[:, None]
        x = _lines(features, n, is_row, D, 0, DIMS)
        sums = tl.dot(tl.trans(due), x, sums, input_precision="ieee")
    d = tl.arange(0, DIMS)
    into = gradient + c[:, None] * D + d[None, :]
    tl.store(into, sums.to(gradient.dtype.element_ty), mask=is_class[:, None] & (d < D)[None, :])
