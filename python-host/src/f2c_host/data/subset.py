"""Some images of another source: image i is that source's image number images[i]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from f2c_host.data.source import Source
from f2c_host.data.source_spec import bad_spec, checked_indices

if TYPE_CHECKING:
    import torch

    from f2c_host.data.inspection import Inspection

_KIND = "subset"


class Subset(Source):
    """spec: that of the other source, whose kind is `of`. buffers: its own, and subset i32 [images], what is selected."""

    def __init__(self, of: Source, buffers: dict[str, np.ndarray]) -> None:
        images = buffers.get("subset")
        if images is None or images.ndim != 1 or images.dtype != np.int32:
            raise bad_spec(_KIND, "buffer subset is missing or no list", "send subset: i32 [images]")
        if images.size and not 0 <= images.min() <= images.max() < len(of):
            raise bad_spec(
                _KIND,
                f"images {images.min()} to {images.max()} are selected of {len(of)}",
                "select images that there are",
            )
        self._of = of
        self._images = images.copy()
        self.shape = of.shape

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images as the other source has them."""
        return self._of.read(self._in_source(indices))

    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        """As the other source says."""
        return self._of.stood_in_for(self._in_source(indices))

    def inspect(self, indices: np.ndarray) -> Inspection | None:
        """What the other source finds in its files."""
        return self._of.inspect(self._in_source(indices))

    def _in_source(self, indices: np.ndarray) -> np.ndarray:
        """The other source's indices of some images."""
        return self._images[checked_indices(_KIND, indices, len(self))]
