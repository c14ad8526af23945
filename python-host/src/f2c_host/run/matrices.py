"""Matrices that the host keeps for the driver, and what may be asked of them: few reductions, in bounded memory.

Rows are compared by their cosine, in float64. Each reduction is a function here and a request of its own in `wire/protocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import HostError

_PAIRS_AT_ONCE = 4096
# 32 MiB as float64: to take memory from the system takes longer than the sums in it.
_NUMBERS_AT_ONCE = 1 << 22
_QUERIES_AT_ONCE = 256

# Called between two parts of a reduction; may raise.
Pause = Callable[[], None]


@dataclass(frozen=True)
class Matrix:
    """Rows [N, D]: embeddings as float32; sums of such as float64; or raw pixels as bytes, each row of which counts without
    its mean (`centred`)."""

    rows: np.ndarray
    centred: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def at_once(self) -> int:
        """How many rows may be float64 at a time."""
        width = self.rows.shape[1] if self.rows.ndim == 2 else 1
        return max(1, min(_PAIRS_AT_ONCE, _NUMBERS_AT_ONCE // max(1, width)))

    def exact(self, which: np.ndarray | slice) -> np.ndarray:
        """Some of the rows, in float64."""
        part = self.rows[which].astype(np.float64)
        if self.centred:
            part -= part.mean(axis=1, keepdims=True)
        return part


def cosines(matrix: Matrix, pairs: np.ndarray, pause: Pause = lambda: None) -> np.ndarray:
    """f64 [P]: the cosine of rows `pairs[p, 0]` and `pairs[p, 1]`. A row of norm zero has cosine 0 with every other."""
    check_rows(pairs, len(matrix), "pair position")
    return _cosines(matrix, pairs[:, 0], matrix, pairs[:, 1], pause)


def _cosines(left: Matrix, a: np.ndarray, right: Matrix, b: np.ndarray, pause: Pause) -> np.ndarray:
    similarity = np.empty(len(a), np.float64)
    at_once = left.at_once
    for start in range(0, len(a), at_once):
        part = slice(start, start + at_once)
        x, y = left.exact(a[part]), right.exact(b[part])
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        dots = np.einsum("pd,pd->p", x, y)
        with np.errstate(invalid="ignore"):
            similarity[part] = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
        pause()
    return similarity


def top_k(
    matrix: Matrix,
    queries: np.ndarray,
    gallery: Matrix,
    among: np.ndarray,
    k: int,
    pause: Pause = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the rows `queries` the `k` nearest of the gallery's rows `among`: positions in `among`, i32 [Q, k], and
    cosines, f64 [Q, k], the nearest first.

    The cosines are those that `cosines` gives, to the last bit, and of equal ones the lower position stands first, however the
    work is cut: matrix products, whose rounding depends on that, only choose the candidates. A cosine that is no number
    counts as -1."""
    check_rows(queries, len(matrix), "query")
    check_rows(among, len(gallery), "gallery row")
    if k > len(among):
        raise HostError(
            "F2C6506", f"`top_k`: `k` is {k}, and the gallery has {len(among)} rows", "host", "ask for fewer"
        )
    positions = np.full((len(queries), k), -1, np.int32)
    scores = np.full((len(queries), k), -np.inf)
    slack = _slack(matrix)
    for part, first, near in _blocks(matrix, queries, gallery, among, pause):
        bar = scores[part, -1]
        if near.shape[1] >= k:
            bar = np.maximum(bar, np.partition(near, -k, axis=1)[:, -k])
        query, place = np.nonzero(near >= (bar - slack)[:, None])
        row = first + place
        exact = _exactly(matrix, queries[part][query], gallery, among[row], pause)
        positions[part], scores[part] = _best(positions[part], scores[part], query, row, exact)
    return positions, scores


def _blocks(
    matrix: Matrix, queries: np.ndarray, gallery: Matrix, among: np.ndarray, pause: Pause
) -> Iterator[tuple[slice, int, np.ndarray]]:
    """Products of unit rows, [some queries, some of the gallery's rows], in bounded memory: which queries, the first of those
    rows, the products. They choose candidates, whose cosines `_exactly` gives."""
    for first in range(0, len(among), gallery.at_once):
        against = _unit(gallery.exact(among[first : first + gallery.at_once])).T
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(start, start + _QUERIES_AT_ONCE)
            yield part, first, np.nan_to_num(_unit(matrix.exact(queries[part])) @ against, nan=-1.0)
            pause()


def _exactly(left: Matrix, a: np.ndarray, right: Matrix, b: np.ndarray, pause: Pause) -> np.ndarray:
    return np.nan_to_num(_cosines(left, a, right, b, pause), nan=-1.0)


def _slack(matrix: Matrix) -> float:
    """Of unit rows, a product and the exact cosine differ by less, whatever the order of the sum."""
    return 8 * (matrix.rows.shape[1] + 16) * float(np.finfo(np.float64).eps)


def _best(
    positions: np.ndarray, scores: np.ndarray, query: np.ndarray, more: np.ndarray, their: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best of what each query has, [Q, k], and of candidates `more`, one for each entry of `query`."""
    count, k = positions.shape
    whose = np.concatenate([np.repeat(np.arange(count), k), query])
    where = np.concatenate([positions.reshape(-1), more])
    score = np.concatenate([scores.reshape(-1), their])
    order = np.lexsort((where, -score, whose))
    first = np.searchsorted(whose[order], np.arange(count))
    kept = order[first[:, None] + np.arange(k)]
    return where[kept].astype(np.int32), score[kept]


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def means(matrix: Matrix, groups: np.ndarray, count: int, pause: Pause = lambda: None) -> Matrix:
    """A matrix of `count` rows: row g is the mean of the rows whose group is g. -1 is no group; one without rows is zeros."""
    if len(groups) != len(matrix):
        raise HostError(
            "F2C6506", f"`means`: {len(groups)} groups for {len(matrix)} rows", "host", "give one a row"
        )
    if count > len(matrix):
        raise HostError("F2C6506", f"`means`: {count} groups of {len(matrix)} rows", "host", "ask for fewer")
    check_rows(groups[groups != -1], count, "group")
    sums = np.zeros((count, matrix.rows.shape[1]))
    for start in range(0, len(matrix), matrix.at_once):
        part = np.arange(start, min(start + matrix.at_once, len(matrix)))
        part = part[groups[part] >= 0]
        np.add.at(sums, groups[part], matrix.exact(part))
        pause()
    sizes = np.bincount(groups[groups >= 0], minlength=count)
    return Matrix((sums / np.maximum(sizes, 1)[:, None]).astype(np.float32))


def rows_as_f32(matrix: Matrix, first: int, count: int) -> np.ndarray:
    """f32 [count, D]: the rows from `first` on. Raises F2C6314 where there are not so many."""
    last = first + count - 1
    check_rows(np.array([first, last], np.int64) if count else np.zeros(0, np.int64), len(matrix), "row")
    part = slice(first, first + count)
    # A copy: the matrix may be released while the bridge still sends.
    return matrix.exact(part).astype(np.float32) if matrix.centred else matrix.rows[part].astype(np.float32)


def sums(
    matrix: Matrix,
    count: int,
    rows: np.ndarray,
    into: np.ndarray,
    weights: np.ndarray,
    plus: np.ndarray,
    unit: bool,
    pause: Pause = lambda: None,
) -> Matrix:
    """A matrix of `count` rows in float64: row g is the sum of `weights[i]` times row `rows[i]` over all i whose `into[i]` is g,
    plus row g of `plus` where that has rows. `unit`: each row counts at length 1, one of norm zero stays zeros."""
    width = matrix.rows.shape[1]
    _check_parts(len(rows), len(into), len(weights), count)
    check_rows(rows, len(matrix), "row")
    check_rows(into, count, "sum")
    if plus.size and plus.shape != (count, width):
        raise HostError(
            "F2C6506",
            f"`sums`: `plus` is {list(plus.shape)}, the sums are {[count, width]}",
            "host",
            "give as much, or nothing",
        )
    total = plus.astype(np.float64) if plus.size else np.zeros((count, width))
    order = np.argsort(into, kind="stable")
    for start in range(0, len(order), matrix.at_once):
        part = order[start : start + matrix.at_once]
        exact = matrix.exact(rows[part])
        groups, first = np.unique(into[part], return_index=True)
        with np.errstate(invalid="ignore", over="ignore"):
            weighted = (_unit(exact) if unit else exact) * weights[part, None]
            total[groups] += np.add.reduceat(weighted, first, axis=0)
        pause()
    return Matrix(total)


def _check_parts(rows: int, into: int, weights: int, count: int) -> None:
    if not rows == into == weights:
        raise HostError(
            "F2C6506",
            f"`sums`: {rows} rows, {into} sums and {weights} weights",
            "host",
            "give as many of each",
        )
    if count > rows:
        raise HostError("F2C6506", f"`sums`: {count} sums of {rows} rows", "host", "ask for fewer")


def highest(
    matrix: Matrix,
    queries: np.ndarray,
    gallery: Matrix,
    among: np.ndarray,
    k: int,
    pause: Pause = lambda: None,
) -> np.ndarray:
    """f64 [k]: the highest cosines of all pairs of one of the rows `queries` and one of the gallery's rows `among`, falling.

    They are those that `cosines` gives, to the last bit; a cosine that is no number counts as -1. Memory is that of `k` numbers
    and of one part of the work."""
    check_rows(queries, len(matrix), "query")
    check_rows(among, len(gallery), "gallery row")
    if k > len(queries) * len(among):
        pairs = len(queries) * len(among)
        raise HostError(
            "F2C6506", f"`highest`: `k` is {k}, and there are {pairs} pairs", "host", "ask for fewer"
        )
    found = np.full(k, -np.inf)
    slack = _slack(matrix)
    for part, first, near in _blocks(matrix, queries, gallery, among, pause):
        bar = found[-1]
        if near.size >= k:
            bar = max(bar, np.partition(near, near.size - k, axis=None)[near.size - k])
        query, place = np.nonzero(near >= bar - slack)
        exact = _exactly(matrix, queries[part][query], gallery, among[first + place], pause)
        found = -np.sort(-np.concatenate([found, exact]))[:k]
    return found


def check_rows(rows: np.ndarray, limit: int, what: str) -> None:
    """Raises F2C6314 if one of the indices is not in 0..limit - 1."""
    if rows.size and (rows.min() < 0 or rows.max() >= limit):
        wrong = int(rows.min()) if rows.min() < 0 else int(rows.max())
        raise HostError(
            "F2C6314",
            f"{what} {wrong} is out of range: there are {limit}",
            "user",
            "were the pairs made for another data set?",
        )
