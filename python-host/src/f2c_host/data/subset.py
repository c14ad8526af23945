"""Some images of another source: image i is that source's image number images[i]."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from f2c_host.data.source_spec import bad_spec, checked_indices

_KIND = "subset"


class _Images(Protocol):
    """What is asked of the other source."""

    shape: tuple[int, int, int]

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> torch.Tensor: ...


class Subset:
    """spec: that of the other source, whose kind is `of`. buffers: its own, and subset i32 [images], what is selected."""

    def __init__(self, of: _Images, buffers: dict[str, np.ndarray]) -> None:
        images = buffers.get("subset")
        if images is None or images.ndim != 1 or images.dtype != np.int32:
            raise bad_spec(_KIND, "buffer subset is missing or no list", "send subset: i32 [images]")
        if images.size and not 0 <= images.min() <= images.max() < len(of):
            raise bad_spec(
                _KIND,
                f"images {images.min()} to {images.max()} are selected of {len(of)}",
                "select images that there are",
            )
        self.of = of
        self._images = images.copy()
        self.shape = of.shape

    def __len__(self) -> int:
        return len(self._images)

    def in_source(self, indices: np.ndarray) -> np.ndarray:
        """The other source's indices of some images."""
        return self._images[checked_indices(_KIND, indices, len(self))]

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images as the other source has them."""
        return self.of.read(self.in_source(indices))
