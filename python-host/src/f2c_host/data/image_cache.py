"""A bounded cache for images that read the same every time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch


class ImageCache:
    """Keeps the images with the lowest indices, as many as fit, and evicts nothing.

    An epoch visits every image once, so the least recently used image is the one needed soonest, and eviction
    would throw away just that. A fixed set has the best hit rate there is: its share of the data set.
    """

    def __init__(self, count: int, shape: tuple[int, int, int], max_bytes: int) -> None:
        self._shape = shape
        self._capacity = min(count, max_bytes // int(np.prod(shape)))
        # Pages of an empty array take memory when they are first written.
        self._images = np.empty((self._capacity, *shape), np.uint8)
        self._present = np.zeros(self._capacity, np.bool_)
        self._lock = threading.Lock()

    def read(self, indices: np.ndarray, produce: Callable[[np.ndarray], np.ndarray]) -> torch.Tensor:
        """Images uint8 [n, *shape]; `produce` makes those of the indices that are not kept."""
        held = indices < self._capacity
        with self._lock:
            held[held] = self._present[indices[held]]
        if not held.any():
            fresh = produce(indices)
            self._keep(indices, fresh)
            return torch.from_numpy(fresh)
        # An image that is present is never written again, so it can be copied without the lock.
        out = np.empty((len(indices), *self._shape), np.uint8)
        if held.all():
            np.take(self._images, indices, axis=0, out=out, mode="clip")
            return torch.from_numpy(out)
        out[held] = self._images[indices[held]]
        missing = ~held
        fresh = produce(indices[missing])
        out[missing] = fresh
        self._keep(indices[missing], fresh)
        return torch.from_numpy(out)

    def _keep(self, indices: np.ndarray, images: np.ndarray) -> None:
        fits = indices < self._capacity
        with self._lock:
            new = fits.copy()
            new[fits] = ~self._present[indices[fits]]
            self._images[indices[new]] = images[new]
            self._present[indices[new]] = True
