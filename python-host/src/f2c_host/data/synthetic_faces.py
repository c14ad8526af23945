"""Endless synthetic people: image i is drawn from (seed, identity, k), so nothing is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from f2c_host.data.image_cache import ImageCache
from f2c_host.data.source import Source
from f2c_host.data.source_spec import bad_spec, checked_indices, fraction, one_of, whole
from f2c_host.data.synthetic_capture import Duplicates, captures
from f2c_host.data.synthetic_draw import draw_faces
from f2c_host.data.synthetic_identity import people

_KIND = "synthetic_faces"


class SyntheticFaces(Source):
    """Images of people firstIdentity, firstIdentity + 1, … of the universe `seed`, counts[row] images each.

    spec: seed, size (pixels), channels (1 or 3), difficulty (0..1), firstIdentity, cacheBytes (or 512 MiB), and
    where some are near-duplicates of others, duplicateShare and duplicateChange (0..1).
    buffers: counts i32 [identities]. Image i is the k-th of the row that the cumulative counts say.
    """

    def __init__(self, spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> None:
        self._seed = whole(spec, "seed", -(2**63), 2**64 - 1)
        self._size = whole(spec, "size", 16, 1024)
        self._channels = one_of(spec, "channels", (1, 3))
        self._difficulty = fraction(spec, "difficulty")
        self._first = whole(spec, "firstIdentity", 0, 2**53, default=0)
        self._duplicates = (
            Duplicates(fraction(spec, "duplicateShare"), fraction(spec, "duplicateChange"))
            if "duplicateShare" in spec
            else None
        )
        counts = buffers.get("counts")
        if counts is None or counts.ndim != 1 or counts.size == 0:
            raise bad_spec(
                _KIND, "buffer counts is missing or empty", "send counts: i32 [identities], images each"
            )
        if (counts < 1).any():
            row = int(np.argmax(counts < 1))
            raise bad_spec(
                _KIND,
                f"identity {row} has {int(counts[row])} images",
                "give every identity one image or more",
            )
        # By torch: NumPy asks for huge pages, which of 80 MB the system took longer to make than all else that opens the source.
        self._ends = torch.tensor(counts).cumsum(0, dtype=torch.int64).numpy()
        self.shape = (self._channels, self._size, self._size)
        cache_bytes = whole(spec, "cacheBytes", 0, 2**53, default=512 * 2**20)
        self._cache = ImageCache(len(self), self.shape, cache_bytes)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def identify(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, k) of each image index: the k-th image of the row-th identity, int64 [n] both."""
        rows = np.searchsorted(self._ends, indices, side="right")
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        return rows, indices - starts

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images uint8 [n, channels, size, size]."""
        return self._cache.read(checked_indices(_KIND, indices, len(self)), self._draw)

    def _draw(self, indices: np.ndarray) -> np.ndarray:
        rows, k = self.identify(indices)
        person, complexion = people(self._seed, rows + self._first)
        capture, scene = captures(self._seed, rows + self._first, k, self._difficulty, self._duplicates)
        return draw_faces(person, complexion, capture, scene, self._size, self._channels)
