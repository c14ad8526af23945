"""The state of a program as it is at one moment, read while plans go on changing it.

A pool of a gigabyte is not copied for that. Of a storage that functions write only by rows which their plans name, a plan's rows
are put aside before it runs, and whoever reads a piece of the storage later takes them from there. Everything else is copied at
once: it is the net and what belongs to it, which every plan changes as a whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..ir.module import Module, Op
from ..ir.ops_table import OPS
from ..ir.storages import names_storage

if TYPE_CHECKING:
    from .executor import Plan

_COPIED = 2**24
"""Bytes: a tensor of no more is copied."""
_PIECE = 2**20
"""Bytes that are read at once: they are hashed and written while the cache holds them."""
_PIECE_OF_GPU = 2**26
"""The same on a GPU, where each piece waits for the plans that were launched before."""

Rest = Callable[[float], None]
"""Lets whoever reads pieces rest, who has worked for so many seconds since the last time."""

WrittenRows = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By storage and function: the inputs that name the rows which the function writes."""


def written_rows(module: Module) -> WrittenRows:
    """The storages that nothing writes but by rows which a plan names, and what names them."""
    rows: dict[str, dict[str, tuple[str, ...]]] = {s.name: {} for s in module.storages}
    for function in module.functions:
        inputs = {i.value.id: i.name for i in function.inputs if i.source.kind != "images"}
        naming: dict[int, Op] = {}
        for op in function.body.walk():
            if names_storage(op):
                naming.update({result.id: op for result in op.results})
            spec = OPS[op.op]
            for name in spec.writes:
                source = naming.get(op.operands[spec.place(name)])
                index = inputs.get(_row_index(op))
                for storage in (
                    _named(source, module) if source else ()
                ):  # statistics that are only read may be computed
                    if index is None:
                        rows.pop(storage, None)
                    elif storage in rows:
                        rows[storage][function.name] = (*rows[storage].get(function.name, ()), index)
    return rows


def _row_index(op: Op) -> int:
    """The value that names the rows which an op writes, -1 where it writes otherwise."""
    by_rows = op.op == "index_copy_" and op.attributes.get("dim", 0) == 0
    return op.operands[OPS[op.op].place("index")] if by_rows else -1


def _named(op: Op, module: Module) -> tuple[str, ...]:
    return module.groups[op.attributes["name"]] if op.op == "group" else (op.attributes["name"],)


@dataclass(frozen=True)
class _Aside:
    """Rows, in rising order, and what stood in them: valid once `done` has passed."""

    rows: np.ndarray
    values: Tensor
    done: torch.cuda.Event | None

    @staticmethod
    def of(tensor: Tensor, rows: np.ndarray) -> _Aside:
        """On a GPU nobody waits for it."""
        index = torch.from_numpy(rows).to(tensor.device, non_blocking=True)
        values = tensor.index_select(0, index)
        if not tensor.is_cuda:
            return _Aside(rows, values, None)
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        host.copy_(values, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        return _Aside(rows, host, done)

    def restore(self, piece: Tensor, first: int) -> None:
        """Writes what stood in those of the rows that are in a piece, which begins at `first`."""
        low, high = np.searchsorted(self.rows, (first, first + len(piece)))
        if low == high:
            return
        if self.done is not None:
            self.done.synchronize()
        piece.index_copy_(0, torch.from_numpy(self.rows[low:high] - first), self.values[low:high])


class EarlierRows:
    """A tensor as it was when this was made, in pieces of rows, on the CPU. Each piece is valid until the next one is asked for;
    there is one reader. `before` must be called before each plan that may write to the tensor."""

    def __init__(
        self, tensor: Tensor, written: Mapping[str, tuple[str, ...]], rest: Rest = lambda _: None
    ) -> None:
        self.dtype, self.shape = tensor.dtype, tensor.shape
        self._tensor = tensor.detach()
        self._written = written
        self._rest = rest
        self._lock = threading.Lock()
        self._read = 0  # rows that need not be put aside any more
        self._aside: list[_Aside] = []
        self._is_aside = np.zeros(len(tensor), np.bool_)

    def before(self, plan: Plan) -> None:
        """Puts the rows aside that the plan will write, unless they were read or put aside before."""
        for name in self._written.get(plan.function, ()):
            array = plan.arrays.get(name)
            if array is None or array.dtype.kind not in "iu":
                continue  # the plan will be refused
            rows = np.unique(array)
            with self._lock:
                rows = rows[(rows >= self._read) & (rows < len(self._is_aside))]
                rows = rows[~self._is_aside[rows]].astype(np.int64)
                if len(rows) > 0:
                    self._aside.append(_Aside.of(self._tensor, rows))
                    self._is_aside[rows] = True

    def __iter__(self) -> Iterator[Tensor]:
        count = len(self._tensor)
        at_most = _PIECE_OF_GPU if self._tensor.is_cuda else _PIECE
        at_once = max(1, at_most * count // (self._tensor.numel() * self.dtype.itemsize))
        buffer = torch.empty((min(at_once, count), *self.shape[1:]), dtype=self.dtype)
        for first in range(0, count, at_once):
            begun = time.thread_time()
            end = min(first + at_once, count)
            piece = buffer[: end - first]
            # A plan may write meanwhile, but to no row that is not put aside.
            piece.copy_(self._tensor[first:end])
            with self._lock:
                aside = [*self._aside]
                self._read = end
            for rows in aside:
                rows.restore(piece, first)
            yield piece
            self._rest(time.thread_time() - begun)


class Snapshot:
    """The tensors of a program as they are when this is made, by name."""

    def __init__(
        self, tensors: Mapping[str, Tensor], written: WrittenRows, rest: Rest = lambda _: None
    ) -> None:
        self.tensors: Mapping[str, Tensor | EarlierRows] = {
            name: EarlierRows(tensor, written[name], rest)
            if name in written and tensor.nbytes > _COPIED
            else tensor.detach().to("cpu", copy=True)
            for name, tensor in tensors.items()
        }
        self._rows = [tensor for tensor in self.tensors.values() if isinstance(tensor, EarlierRows)]

    def before(self, plan: Plan) -> None:
        """Must be called before each plan that runs until all is read."""
        for rows in self._rows:
            rows.before(plan)
