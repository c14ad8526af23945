"""The classes that a head compares features with, a chunk at a time: their cosines, and which of them are no negatives.

A chunk of cosines is [T, N], a line a class: what is asked of a row of the features (its largest, its sum) then runs along
the lines, and T classes are T neighbouring rows of the bank, which the product reads once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

# Classes whose largest cosine is kept for each row of the features: the k nearest lie in the k blocks with the largest.
BLOCK = 32
# Numbers in a chunk. Two CPU cores with 2 MB of second cache each were fastest with 1.5 million, for 96 rows of 128 and of 512.
_CHUNK = 1_500_000
NO_NEGATIVE = -torch.inf


class Given(NamedTuple):
    """What a stream is given, as docs/ops.md says of `negatives_logsumexp`: its operands, in their order, and centres a class."""

    features: Tensor
    rows: Tensor
    target: Tensor
    scale: Tensor
    ids: Tensor | None
    limit: Tensor | None
    bound: Tensor | None
    square: Tensor | None
    slope: Tensor | None
    offset: Tensor | None
    touched: Tensor | None
    centres: int


@dataclass
class Chunk:
    """Classes from `start` on. `rows` [T * centres, D], and their cosines to the features: [T, N], of no negatives -inf."""

    start: int
    rows: Tensor
    cosines: Tensor
    # Of several centres a class, the cosines of all: [T, centres, N].
    by_centre: Tensor | None


def groups(limit: Tensor | None, touched: Tensor | None) -> int:
    """How many parts the rows of the features are in, which leave out classes of their own."""
    return max([t.size(0) for t in (limit, touched) if t is not None], default=1)


class Classes:
    """Features [N, D] and the classes that they are compared with, as `negatives_logsumexp` is given them (docs/ops.md).

    Rows of the features that have a class come first here, in `order`: only they take part in sums.
    """

    def __init__(self, given: Given) -> None:
        features, target, limit, touched = given.features.detach(), given.target, given.limit, given.touched
        self.rows, self.centres = given.rows.detach(), given.centres
        self.count = self.rows.size(0) // self.centres
        self.order = torch.argsort(target < 0, stable=True)
        self.features = features[self.order]
        self.target = target[self.order]
        self.groups = groups(limit, touched)
        every = features.size(0) // self.groups
        self.group = torch.div(self.order, max(every, 1), rounding_mode="floor")
        self.ids = given.ids
        self.limit = None if limit is None else limit.expand(self.groups)
        self.touched = (
            touched.expand(self.groups, -1).sort(1).values
            if touched is not None and touched.numel()
            else None
        )

    @cached_property
    def with_class(self) -> int:
        """Asks the device, and waits for it."""
        return int((self.target >= 0).sum())

    @cached_property
    def limits(self) -> list[int]:
        """Asks the device, and waits for it."""
        return [] if self.limit is None else [max(0, math.ceil(g)) for g in self.limit.tolist()]

    def chunks(self, factor: float) -> Iterator[Chunk]:
        """Chunks from first to last, whose cosines are multiplied by a factor. Each lies in the memory of the one before."""
        factors = self.features if factor == 1 else self.features * factor
        n, centres = factors.size(0), self.centres
        size = max(BLOCK, _CHUNK // max(1, n * centres) // BLOCK * BLOCK)
        size = min(size, -(-self.count // BLOCK) * BLOCK)
        end = self.count if self.limit is None else min(self.count, max(self.limits))
        columns = factors.t().contiguous()
        products = factors.new_empty((size * centres, n))
        left_out = self.left_out(size, end)
        for at, start in enumerate(range(0, end, size)):
            stop = min(start + size, end)
            rows = self.rows[start * centres : stop * centres].to(factors.dtype)
            by_centre = torch.mm(rows, columns, out=products[: rows.size(0)])
            cosines, centred = by_centre, None
            if centres > 1:
                centred = by_centre.view(-1, centres, n)
                cosines = centred.amax(1)
            self.leave_out(cosines, start, *left_out[at])
            yield Chunk(start, rows, cosines, centred)

    def left_out(self, size: int, end: int) -> list[tuple[Tensor, Tensor]]:
        """For each chunk of `size` classes, pairs of a class and a row of the features: where it is no negative of that row
        alone. The row's own class, and what its group leaves out."""
        n = self.features.size(0)
        place = torch.arange(n, device=self.target.device)
        pairs = [(self.target, place)] if self.ids is None else [self.same_ids()]
        if self.touched is not None:
            of_row = self.touched[self.group]
            pairs.append((of_row.reshape(-1), place.repeat_interleave(of_row.size(1))))
        classes = torch.cat([c for c, _ in pairs])
        row = torch.cat([r for _, r in pairs])
        classes, by_class = classes.sort()
        row = row[by_class]
        starts = torch.arange(0, end + size, size, device=classes.device).clamp_(max=end)
        borders = torch.searchsorted(classes, starts).tolist()
        return [(classes[a:b], row[a:b]) for a, b in pairwise(borders)]

    def same_ids(self) -> tuple[Tensor, Tensor]:
        """Pairs of a class and a row that has its id."""
        assert self.ids is not None
        wanted = self.target[: self.with_class].unique()
        if len(wanted) == 0:
            return wanted, wanted
        found = torch.searchsorted(wanted, self.ids).clamp(max=len(wanted) - 1)
        classes = (wanted[found] == self.ids).nonzero().squeeze(1)
        which, row = (self.ids[classes].unsqueeze(1) == self.target).nonzero().unbind(1)
        return classes[which], row

    def leave_out(self, cosines: Tensor, start: int, classes: Tensor, row: Tensor) -> None:
        stop = start + cosines.size(0)
        if len(classes):
            cosines[classes - start, row] = NO_NEGATIVE
        if self.ids is not None:
            cosines.masked_fill_((self.ids[start:stop] < 0).unsqueeze(1), NO_NEGATIVE)
        for group, limit in enumerate(self.limits):
            if limit < stop:
                cosines[max(0, limit - start) :, self.group == group] = NO_NEGATIVE

    def cosines_of(self, classes: Tensor) -> Tensor:
        """The cosines [N, M] of each row to classes of its own [N, M], of no negatives -inf."""
        n, m = classes.shape
        named = classes.clamp(max=self.count - 1)
        dim = self.features.size(1)
        found = self.features.new_empty((n, m))
        for first in range(0, m, BLOCK):
            part = named[:, first : first + BLOCK]
            rows = self.rows.view(self.count, self.centres * dim).index_select(0, part.reshape(-1))
            rows = rows.to(self.features.dtype).view(n, -1, dim)
            products = torch.bmm(rows, self.features.unsqueeze(2)).view(n, -1, self.centres)
            found[:, first : first + BLOCK] = products.amax(2)
        return found.masked_fill_(self.is_left_out(classes), NO_NEGATIVE)

    def is_left_out(self, classes: Tensor) -> Tensor:
        """Which of the classes of each row [N, M] are no negatives of it."""
        none = classes >= self.count
        named = classes.clamp(max=self.count - 1)
        ids = named if self.ids is None else self.ids[named]
        none |= (ids == self.target.unsqueeze(1)) | (ids < 0)
        if self.limit is not None:
            none |= classes >= self.limit[self.group].unsqueeze(1)
        if self.touched is not None:
            of_row = self.touched[self.group].contiguous()
            place = torch.searchsorted(of_row, classes).clamp_(max=of_row.size(1) - 1)
            none |= of_row.gather(1, place) == classes
        return none
