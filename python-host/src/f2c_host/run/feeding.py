"""What becomes of the images of a source before a net gets them.

docs/exporting.md, `f2c.input`, says what files ask for; the driver works out the rest. Here is only what is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import HostError

_TYPES = {"uint8": torch.uint8, "float32": torch.float32}


@dataclass(frozen=True)
class Feeding:
    """`(x - mean) / scale` of the images in the type `dtype`, one number for all channels or one a channel; with `reversed` the
    channels the other way round, RGB as BGR."""

    reversed: bool = False
    dtype: torch.dtype | None = None  # None: that of the images
    mean: Sequence[float] = (0.0,)
    scale: Sequence[float] = (1.0,)

    @staticmethod
    def of(spec: Mapping[str, Any]) -> Feeding:
        """What the field `input` of `embed` says. Raises F2C6506."""
        dtype, mean, scale = (spec.get(name) for name in ("type", "mean", "scale"))
        numbers = all(_are_numbers(values) for values in (mean, scale))
        if dtype not in _TYPES or not isinstance(spec.get("reversed"), bool) or not numbers or 0 in scale:
            raise HostError(
                "F2C6506",
                '`embed`: `input` is {"reversed": bool, "type": "uint8" / "float32", "mean": [numbers], "scale": [numbers]}',
                "host",
                "see docs/protocol.md for the fields of each message",
            )
        return Feeding(spec["reversed"], _TYPES[dtype], tuple(mean), tuple(scale))

    def __call__(self, images: Tensor) -> Tensor:
        """The images [n, C, H, W] as the net gets them."""
        channels = images.shape[1] if images.dim() > 1 else 1
        for values in (self.mean, self.scale):
            if len(values) not in (1, channels):
                raise HostError(
                    "F2C6341",
                    f"{len(values)} numbers are given for images of {channels} channels",
                    "user",
                    "give one number for all channels, or one a channel",
                )
        if self.reversed:
            images = images.flip(1)
        if self.dtype is not None:
            images = images.to(self.dtype)
        if self.changes:
            # A division, and no product with the inverse: nets normalise by dividing, and these are to be the same numbers.
            images = (images - _by_channel(self.mean, images)) / _by_channel(self.scale, images)
        return images

    @property
    def changes(self) -> bool:
        """Whether the numbers do."""
        return any(self.mean) or any(value != 1 for value in self.scale)


# As a source gives them.
AS_READ = Feeding()


def _are_numbers(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) > 0
        and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    )


def _by_channel(values: Sequence[float], images: Tensor) -> Tensor:
    return torch.tensor(values, dtype=images.dtype).reshape(-1, *[1] * (images.dim() - 2))
