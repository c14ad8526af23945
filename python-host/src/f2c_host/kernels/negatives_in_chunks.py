"""The stream over the classes of a head in aten, a chunk of classes after the other.

A chunk's cosines stay in the cache while they become exponentials, sums and the second product. The classes that are nearest to a
row are found by blocks: each block's largest cosine is kept, and the cosines in the best blocks are computed once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .classes import BLOCK, NO_NEGATIVE, Chunk, Classes, Given

# The logarithm where there are no negatives: finite, and so far below all others that it counts for nothing beside them.
NONE = -1e30


def forward(given: Given, nearest: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The logarithm [N], the nearest classes [N, nearest], and the derivatives by the features [N, D] and by the slope [N]."""
    classes = Classes(given)
    rule = _Rule.of(given, classes)
    sums = _Sums(classes, rule)
    features = classes.features
    blocks = features.new_full((-(-classes.count // BLOCK), len(features)), NO_NEGATIVE)
    for chunk in classes.chunks(rule.factor):
        lines = blocks[chunk.start // BLOCK :]
        sums.add(chunk, _largest_of_blocks(chunk.cosines, lines))
    lse, by_features, by_slope = sums.results()
    return lse, nearest_of_blocks(classes, blocks, nearest), by_features, by_slope


def rows_gradient(weight: Tensor, lse: Tensor, given: Given) -> Tensor:
    """The derivative by the rows of the sum of the logarithms [N], each times its weight."""
    classes, centres = Classes(given), given.centres
    rule = _Rule.of(given, classes)
    lse, weight = lse[rule.rows], weight[rule.rows] * rule.scale
    gradient = torch.zeros_like(given.rows)
    for chunk in classes.chunks(rule.factor):
        cosines = chunk.cosines[:, : classes.with_class]
        shares = rule.logits(cosines).sub_(lse).exp_().mul_(weight)
        spread = rule.spread(shares, cosines, chunk)
        into = gradient[chunk.start * centres : chunk.start * centres + len(spread)]
        into.copy_(torch.mm(spread, classes.features[: classes.with_class]))
    return gradient


@dataclass
class _Rule:
    """Logits are scale * rule(c): a negative whose cosine c is above `bound` counts as square * c^2 + slope * c + offset."""

    scale: Tensor
    bound: Tensor | None
    square: Tensor | None
    slope: Tensor | None
    offset: Tensor | None
    # Of the features: those that have a class, in the order of `Classes`.
    rows: Tensor

    @classmethod
    def of(cls, given: Given, classes: Classes) -> _Rule:
        rows = classes.order[: classes.with_class]
        return cls(given.scale, given.bound, given.square, given.slope, given.offset, rows)

    def __post_init__(self) -> None:
        if self.bound is not None:
            self.bound = self.bound.detach()[self.rows]
        # Without a rule the scale is in the product already, where it leaves the order of the cosines as it is.
        self.is_folded = self.bound is None and bool(self.scale > 0)
        self.factor = float(self.scale) if self.is_folded else 1.0

    def logits(self, cosines: Tensor) -> Tensor:
        """A tensor of its own."""
        if self.is_folded:
            return cosines.clone()
        ruled = (
            cosines if self.bound is None else torch.where(self.hard(cosines), self.bent(cosines), cosines)
        )
        return (ruled * self.scale).masked_fill_(cosines == NO_NEGATIVE, NO_NEGATIVE)

    def hard(self, cosines: Tensor) -> Tensor:
        assert self.bound is not None
        return cosines > self.bound

    def bent(self, cosines: Tensor) -> Tensor:
        assert self.square is not None and self.slope is not None and self.offset is not None
        return cosines * (cosines * self.square + self.slope) + self.offset

    def spread(self, shares: Tensor, cosines: Tensor, chunk: Chunk) -> Tensor:
        """What is due to each row of the bank, of what is due to each logit: times rule'(c), and to the nearest centre of
        the class. Centres that are equally near get equal parts."""
        if self.bound is not None:
            assert self.square is not None and self.slope is not None
            slopes = cosines * (2 * self.square) + self.slope
            shares = shares * torch.where(self.hard(cosines), slopes, torch.ones_like(slopes))
        if chunk.by_centre is None:
            return shares
        is_nearest = chunk.by_centre[..., : shares.size(1)] == cosines.unsqueeze(1)
        each = shares / is_nearest.sum(1).clamp_(min=1)
        return (is_nearest * each.unsqueeze(1)).flatten(0, 1)


class _Sums:
    """The running maximum of the logits of each row that has a class, and relative to it the sums over the classes so far."""

    def __init__(self, classes: Classes, rule: _Rule) -> None:
        self.classes, self.rule = classes, rule
        n, features = classes.with_class, classes.features
        self.most = features.new_full((n,), NONE)
        self.total = features.new_zeros((n,))
        self.by_features = features.new_zeros((n, features.size(1)))
        self.by_slope = features.new_zeros((n,))

    def add(self, chunk: Chunk, largest: Tensor) -> None:
        """`largest` cosines of the chunk, a row each."""
        n, rule = len(self.most), self.rule
        if n == 0:
            return
        cosines = chunk.cosines[:, :n]
        plain = rule.is_folded and chunk.by_centre is None
        logits = cosines if plain else rule.logits(cosines)
        most = torch.maximum(self.most, largest[:n] if plain else logits.amax(0))
        fall = torch.exp(self.most - most)
        self.most = most
        shares = logits.sub_(most).exp_()
        self.total.mul_(fall).add_(shares.sum(0))
        spread = shares if plain else rule.spread(shares, cosines, chunk)
        self.by_features.mul_(fall.unsqueeze(1)).addmm_(spread.t(), chunk.rows)
        if rule.bound is not None:
            bent = torch.where(rule.hard(cosines), cosines, torch.zeros_like(cosines))
            self.by_slope.mul_(fall).add_((shares * bent).sum(0))

    def results(self) -> tuple[Tensor, Tensor, Tensor]:
        """The logarithm, and its derivatives by the features and the slope, for all rows in their own order."""
        order, features = self.classes.order[: len(self.most)], self.classes.features
        is_none = self.total == 0
        per_share = self.rule.scale / self.total.masked_fill(is_none, 1)
        lse = (self.most + self.total.log()).masked_fill(is_none, NONE)
        every = features.size(0)
        return (
            features.new_full((every,), NONE).index_copy_(0, order, lse),
            torch.zeros_like(features).index_copy_(0, order, self.by_features * per_share.unsqueeze(1)),
            features.new_zeros((every,)).index_copy_(0, order, self.by_slope * per_share),
        )


def _largest_of_blocks(cosines: Tensor, lines: Tensor) -> Tensor:
    """Writes the largest cosine in each block of the chunk to the first of the lines; returns the largest of the chunk."""
    whole, n = cosines.size(0) // BLOCK, cosines.size(1)
    if whole:
        torch.amax(cosines[: whole * BLOCK].view(whole, BLOCK, n), 1, out=lines[:whole])
    if rest := cosines.size(0) - whole * BLOCK:
        lines[whole] = cosines[-rest:].amax(0)
    return lines[: whole + (rest > 0)].amax(0)


def nearest_of_blocks(classes: Classes, blocks: Tensor, count: int) -> Tensor:
    """The negatives with the largest cosines, the largest first; -1 where there are fewer. The k largest numbers lie in
    those k blocks whose largest numbers are the largest."""
    best = blocks.t().topk(min(count, len(blocks)), 1).indices
    within = torch.arange(BLOCK, device=best.device)
    candidates = (best.unsqueeze(2) * BLOCK + within).flatten(1)
    cosines, place = classes.cosines_of(candidates).topk(count, 1)
    found = candidates.gather(1, place).masked_fill_(cosines == NO_NEGATIVE, -1)
    return torch.empty_like(found).index_copy_(0, classes.order, found)
