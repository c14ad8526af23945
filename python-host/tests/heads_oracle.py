"""Banks and margins as their papers and codes define them: row by row, class by class, with dictionaries and lists.

Nothing here knows plans, slots or patches: a bank hears features and labels, and says for each row the centre of its own
class and the other centres; a margin hears cosines and lengths.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Row = tuple[Tensor, list[Tensor]]


def unit(v: Tensor) -> Tensor:
    return v / v.norm()


# ---- banks: rows of (own centre, other centres); then what they keep


@dataclass
class Full:
    """A centre for every identity, or several, of which the nearest to a row counts. Of a sample: no others are there."""

    centres: Tensor
    each: int = 1
    sample: set[int] | None = None

    def rows(self, keys: Tensor, labels: Sequence[int]) -> list[Row]:
        rows = [unit(c) for c in self.centres]
        classes = [rows[i : i + self.each] for i in range(0, len(rows), self.each)]
        found = []
        for key, label in zip(keys, labels, strict=True):
            nearest = [max(c, key=lambda row: float((row * key).sum().detach())) for c in classes]
            there = range(len(nearest)) if self.sample is None else self.sample
            found.append((nearest[label], [nearest[j] for j in there if j != label]))
        return found

    def absorb(self, keys: Tensor, labels: Sequence[int]) -> None:
        pass


@dataclass
class Queue:
    """The newest keys; the positive is the row's own key, keys of its identity do not count."""

    size: int
    kept: list[tuple[int, Tensor]] = field(default_factory=list)

    def rows(self, keys: Tensor, labels: Sequence[int]) -> list[Row]:
        return [
            (key, [k for who, k in self.kept if who != label])
            for key, label in zip(keys, labels, strict=True)
        ]

    def absorb(self, keys: Tensor, labels: Sequence[int]) -> None:
        self.kept.extend(zip(labels, keys, strict=True))
        self.kept = self.kept[-self.size :]


@dataclass
class Pool:
    """A centre for the identities seen most recently: the key of their last image."""

    capacity: int
    centre: OrderedDict[int, Tensor] = field(default_factory=OrderedDict)

    def rows(self, keys: Tensor, labels: Sequence[int]) -> list[Row]:
        for label in labels:  # those that are there are looked at first, so that none of them leaves
            if label in self.centre:
                self.centre.move_to_end(label)
        for key, label in zip(keys, labels, strict=True):
            self.centre[label] = key
            self.centre.move_to_end(label)
            if len(self.centre) > self.capacity:
                self.centre.popitem(last=False)
        return [
            (self.centre[label], [c for who, c in self.centre.items() if who != label]) for label in labels
        ]

    def absorb(self, keys: Tensor, labels: Sequence[int]) -> None:
        pass


@dataclass
class Virtual:
    """Columns that identities share; which free one is taken where two meet is chance, so `moved` says it."""

    columns: list[Tensor]
    moved: dict[int, int] = field(default_factory=dict)

    def rows(self, keys: Tensor, labels: Sequence[int]) -> list[Row]:
        self.before = list(self.columns)
        self.borrowed: list[int] = []
        count, column_of = len(self.columns), {}
        for label in dict.fromkeys(labels):
            if label % count not in column_of.values():
                column_of[label] = label % count
        for label in dict.fromkeys(labels):
            if label not in column_of:
                column = self.moved[label]
                assert column not in column_of.values()
                column_of[label] = column
                self.borrowed.append(column)
        for label, column in column_of.items():
            self.columns[column] = unit(sum(k for k, who in zip(keys, labels, strict=True) if who == label))
        return [
            (self.columns[column_of[i]], [c for at, c in enumerate(self.columns) if at != column_of[i]])
            for i in labels
        ]

    def absorb(self, keys: Tensor, labels: Sequence[int]) -> None:
        for column in self.borrowed:
            self.columns[column] = self.before[column]


# ---- margins: from the own cosine and the length of a feature to the own logit, the negatives' logits and a loss


@dataclass
class Margin:
    """None."""

    scale: float

    def observe(self, cosines: list[Tensor], lengths: list[Tensor]) -> None:
        pass

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        return c

    def other(self, n: Tensor, c: Tensor) -> Tensor:
        return n

    def extra(self, length: Tensor) -> Tensor:
        return length * 0


@dataclass
class CosFace(Margin):
    m: float

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        return c - self.m


def angle(c: Tensor) -> Tensor:
    """The angle of a cosine, which is held 1e-7 away from -1 and 1: there its derivative has no bound."""
    return torch.acos(c.clamp(-1 + 1e-7, 1 - 1e-7))


@dataclass
class ArcFace(Margin):
    m: float

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        if c > math.cos(math.pi - self.m):
            return torch.cos(angle(c) + self.m)
        return c - self.m * math.sin(self.m)


@dataclass
class SvSoftmax(Margin):
    m: float
    t: float

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        return c - self.m if c > self.m else c

    def other(self, n: Tensor, c: Tensor) -> Tensor:
        return self.t * n + self.t - 1 if n > c - self.m else n


@dataclass
class Curricular(ArcFace):
    t: float = 0.0

    def observe(self, cosines: list[Tensor], lengths: list[Tensor]) -> None:
        self.t = 0.01 * float(torch.stack(cosines).mean()) + 0.99 * self.t

    def other(self, n: Tensor, c: Tensor) -> Tensor:
        return n * (self.t + n) if n > torch.cos(angle(c) + self.m) else n


@dataclass
class MagFace(Margin):
    low: float
    high: float
    short: float
    long: float
    weight: float

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        a = length.clamp(self.short, self.long)
        m = (self.high - self.low) / (self.long - self.short) * (a - self.short) + self.low
        return torch.cos(angle(c) + m) if c > torch.cos(math.pi - m) else c - m * torch.sin(m)

    def extra(self, length: Tensor) -> Tensor:
        a = length.clamp(self.short, self.long)
        return self.weight * (a / self.long**2 + 1 / a)


@dataclass
class AdaFace(Margin):
    m: float
    h: float
    pace: float
    mean: float = 20.0
    deviation: float = 100.0

    def observe(self, cosines: list[Tensor], lengths: list[Tensor]) -> None:
        a = torch.stack(lengths).detach().clamp(1e-3, 100)
        self.mean = self.pace * float(a.mean()) + (1 - self.pace) * self.mean
        self.deviation = self.pace * float(a.std()) + (1 - self.pace) * self.deviation

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        a = float(length.detach().clamp(1e-3, 100))
        z = min(max((a - self.mean) / (self.deviation + 1e-3) * self.h, -1.0), 1.0)
        theta = (torch.acos(c.clamp(-1 + 1e-3, 1 - 1e-3)) - self.m * z).clamp(1e-3, math.pi - 1e-3)
        return torch.cos(theta) - (self.m + self.m * z)


@dataclass
class Combined(Margin):
    m1: float
    m2: float
    m3: float

    def own(self, c: Tensor, length: Tensor) -> Tensor:
        a = self.m1 * angle(c) + self.m2
        k = math.floor(float(a.detach()) / math.pi)
        return (-1) ** k * torch.cos(a) - 2 * k - self.m3


@dataclass
class Filtered(CosFace):
    """CosFace, and negatives above a threshold have the logit 0."""

    above: float = 0.4

    def other(self, n: Tensor, c: Tensor) -> Tensor:
        return n * 0 if n > self.above else n


MARGINS: dict[str, Callable[..., Margin]] = {
    "plainSoftmax": Margin,
    "cosFace": CosFace,
    "arcFace": ArcFace,
    "svSoftmax": SvSoftmax,
    "curricularFace": Curricular,
    "magFace": MagFace,
    "adaFace": AdaFace,
    "combined": Combined,
    "withoutConflicts": Filtered,
}


def loss_of(margin: Margin, features: Tensor, rows: Sequence[Row]) -> Tensor:
    """The mean of -log softmax over the rows, and of the margin's own loss."""
    lengths = [z.norm() for z in features]
    cosines = [(z / a * own).sum() for z, a, (own, _) in zip(features, lengths, rows, strict=True)]
    margin.observe([c.detach() for c in cosines], lengths)
    losses = []
    for z, a, c, (_, others) in zip(features, lengths, cosines, rows, strict=True):
        negatives = [margin.other(n, c) for n in ((z / a * other).sum() for other in others)]
        logits = margin.scale * torch.stack([margin.own(c, a), *negatives])
        losses.append(-torch.log_softmax(logits, 0)[0] + margin.extra(a))
    return torch.stack(losses).mean()
