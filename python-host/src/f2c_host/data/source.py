"""What a source of images is, whatever its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch

    from f2c_host.data.inspection import Inspection


class Source(Protocol):
    """A data set: `read` gives images uint8 [n, *shape], or rows f32, for indices in 0..len - 1, from any thread."""

    shape: tuple[int, int, int]

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> torch.Tensor: ...

    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        """Which images, of those at `indices`, were read and found broken, so that others stood in for them: bool [n]."""
        return np.zeros(len(indices), np.bool_)

    def inspect(self, indices: np.ndarray) -> Inspection | None:
        """What the images' files hold; None where they lie in no files."""
        return None
