"""Counter-based random numbers: a draw is a pure function of (key, counter), whatever the order and batching.

The generator is SplitMix64 (Steele, Lea, Flood 2014) read at a position: draw j of key k is
finalise(k + (j + 1) * gamma), which is what a sequential SplitMix64 seeded with k gives as its j-th output.
"""

from __future__ import annotations

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)


def finalise(state: np.ndarray) -> np.ndarray:
    """SplitMix64's output function on uint64 values, wrapping."""
    z = (state ^ (state >> np.uint64(30))) * _MULTIPLIER_1
    z = (z ^ (z >> np.uint64(27))) * _MULTIPLIER_2
    return z ^ (z >> np.uint64(31))


def draw(keys: np.ndarray, count: int) -> np.ndarray:
    """The first `count` SplitMix64 outputs of each key: uint64 [count, n] for keys uint64 [n]."""
    counters = np.arange(1, count + 1, dtype=np.uint64) * GAMMA
    return finalise(counters[:, None] + keys[None, :])


def derive(seed: int, *counters: np.ndarray) -> np.ndarray:
    """A key for each tuple (seed, counter, …): uint64 [n]; counters are non-negative integers [n]."""
    key = finalise(np.array([seed % 2**64], dtype=np.uint64) + GAMMA)
    for counter in counters:
        key = finalise(key + (counter.astype(np.uint64) + np.uint64(1)) * GAMMA)
    return key


class Draws:
    """Hands out one uniform row after another; the order of the calls is part of what is drawn.

    Only +, -, *, / and comparisons turn draws into parameters: these are exactly rounded everywhere, whereas
    a vectorised sine or exponential may differ in the last bit between the body and the tail of an array.
    """

    def __init__(self, keys: np.ndarray, count: int) -> None:
        # 24 bits: every value is an exact float32.
        self._rows = (draw(keys, count) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        self._next = 0

    def towards(self, other: Draws, part: float) -> Draws:
        """Draws that lie between these and others, a part of the way: the same where both are."""
        between = Draws.__new__(Draws)
        between._rows = self._rows + (other._rows - self._rows) * np.float32(part)
        between._next = 0
        return between

    def uniform(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """float32 [n], uniform in [low, high)."""
        row = self._rows[self._next]
        self._next += 1
        return row * np.float32(high - low) + np.float32(low)

    def signed(self, reach: float = 1.0) -> np.ndarray:
        """float32 [n], triangular in (-reach, reach): small values are likelier, as in a pose or a gaze."""
        return (self.uniform() - self.uniform()) * np.float32(reach)

    def chance(self, probability: float | np.ndarray) -> np.ndarray:
        """float32 [n] of 0 and 1; 1 with the given probability."""
        return (self.uniform() < probability).astype(np.float32)

    def pick(self, table: np.ndarray) -> np.ndarray:
        """A row of `table` for each key: float32 [..., n] for a table [rows, ...]."""
        index = (self.uniform() * np.float32(len(table))).astype(np.int64)
        return np.moveaxis(table[np.minimum(index, len(table) - 1)], 0, -1)

    def blend(self, anchors: np.ndarray) -> np.ndarray:
        """A point on the polyline through `anchors` [rows, ...]: float32 [..., n]."""
        place = self.uniform() * np.float32(len(anchors) - 1)
        left = np.minimum(place.astype(np.int64), len(anchors) - 2)
        part = (place - left.astype(np.float32)).reshape((-1,) + (1,) * (anchors.ndim - 1))
        return np.moveaxis(anchors[left] + (anchors[left + 1] - anchors[left]) * part, 0, -1)
