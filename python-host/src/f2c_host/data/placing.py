"""How a picture becomes an image of the size that training sees: fitted as it is, or its face placed by five points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from PIL import Image

from f2c_host.data.align import aligned
from f2c_host.data.landmarks import read_landmarks
from f2c_host.data.source_spec import bad_spec, one_of


class Placing(Protocol):
    """What is done to a decoded picture."""

    def keeps(self, width: int, height: int) -> bool:
        """Whether a picture of this size stays as it is."""
        ...

    def least(self, width: int, height: int, sideways: bool) -> tuple[int, int] | None:
        """The least size at which a picture of this size may be decoded; None if it has to be its own. `sideways`: it will be
        turned by a quarter."""
        ...

    def placed(self, picture: Image.Image, index: int) -> np.ndarray:
        """The picture as an image, u8 [height, width] or with channels behind."""
        ...


class Fitted:
    """The whole picture, distorted, or its middle in the right proportion."""

    def __init__(self, height: int, width: int, crop: bool) -> None:
        self._height, self._width, self._crop = height, width, crop

    def keeps(self, width: int, height: int) -> bool:
        return (width, height) == (self._width, self._height)

    def least(self, width: int, height: int, sideways: bool) -> tuple[int, int] | None:
        """A JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time; twice the size keeps the quality."""
        wide, high = (self._height, self._width) if sideways else (self._width, self._height)
        scale = max(wide / width, high / height) if self._crop else None
        needed = (width * scale, height * scale) if scale else (wide, high)
        return int(2 * needed[0]) + 1, int(2 * needed[1]) + 1

    def placed(self, picture: Image.Image, index: int) -> np.ndarray:
        box = self._middle(picture.width, picture.height)
        return np.asarray(picture.resize((self._width, self._height), Image.Resampling.BILINEAR, box=box))

    def _middle(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The largest box of the image's proportions around the centre: left, top, right, bottom."""
        if not self._crop:
            return 0, 0, width, height
        box_width = min(float(width), height * self._width / self._height)
        box_height = min(float(height), width * self._height / self._width)
        left, top = (width - box_width) / 2, (height - box_height) / 2
        return left, top, left + box_width, top + box_height


class ByPoints:
    """The face of the picture where ArcFace's template has it."""

    def __init__(self, path: str, size: int, rounding: Any, name_of: Callable[[int], str]) -> None:
        self._landmarks, self._size, self._rounding = read_landmarks(path), size, rounding
        self._name_of = name_of

    def keeps(self, width: int, height: int) -> bool:
        return False

    def least(self, width: int, height: int, sideways: bool) -> tuple[int, int] | None:
        """Points are counted in pixels of the whole picture."""
        return None

    def placed(self, picture: Image.Image, index: int) -> np.ndarray:
        pixels = np.asarray(picture)
        planes = pixels if pixels.ndim == 3 else pixels[..., None]
        points = self._landmarks.of(self._name_of(index))
        return aligned(planes, points, self._size, self._rounding)


def placing_of(spec: dict[str, Any], height: int, width: int, name_of: Callable[[int], str]) -> Placing:
    """As a source's spec says: `alignPoints`, a list of points, and `alignRounding`; or `fit`."""
    points = spec.get("alignPoints")
    if points is None:
        return Fitted(height, width, one_of(spec, "fit", ("crop", "stretch")) == "crop")
    if not isinstance(points, str) or height != width:
        raise bad_spec(
            spec["kind"], "faces are placed in squares, by a list", "give alignPoints, and one size"
        )
    rounding = one_of({"alignRounding": "exact", **spec}, "alignRounding", ("exact", "opencv4"))
    return ByPoints(points, width, rounding, name_of)
