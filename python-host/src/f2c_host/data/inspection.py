"""Reads images for `f2c-dsl data check`: which are broken, and what the others hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from f2c_host.errors import HostError

# A difference of brightness that nobody sees, nor learns from.
_INVISIBLE = 3
# The mean of blue over that of red, either way, from which on one of them outweighs the other.
_OUTWEIGHS = 1.05
NO_TINT, RED_TINT, BLUE_TINT = 0, 1, 2


class Examined(NamedTuple):
    """An image as training sees it, uint8 [channels, height, width], and what its file holds."""

    pixels: np.ndarray
    width: int
    height: int
    transparent: bool
    bits: int
    format: str
    channels: int
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """`broken`: position, code and message of images that cannot be decoded. The arrays have a row for each image, 0 for
    a broken one; their meaning is that of `inspect` in docs/protocol.md."""

    broken: Sequence[dict[str, Any]]
    arrays: dict[str, np.ndarray]


def inspect_each(
    examine: Callable[[int], Examined],
    indices: Sequence[int],
    each: Callable[[Callable[[int], Any], Sequence[int]], Iterable[Any]],
) -> Inspection:
    """Examines the images in the threads of `each`. What the machine is at fault for is raised, not found."""

    def look(index: int) -> tuple[HostError | None, tuple]:
        try:
            return None, _findings(examine(index))
        except HostError as error:
            if error.kind != "user":
                raise
            return error, (0, 0, 0, 0, False, False, NO_TINT, 0, 0, 0)

    seen = list(each(look, indices))
    broken = [
        {"position": position, "code": error.code, "message": error.message}
        for position, (error, _) in enumerate(seen)
        if error is not None
    ]
    content, width, height, bits, transparent, flat, tint, kind, channels, size = (
        zip(*(row for _, row in seen), strict=True) if seen else ((),) * 10
    )
    return Inspection(
        broken,
        {
            "content": np.array(content, np.int64),
            "size": np.array([width, height], np.int32).T.copy(),
            "bits": np.array(bits, np.uint8),
            "transparent": np.array(transparent, np.bool_),
            "flat": np.array(flat, np.bool_),
            "tint": np.array(tint, np.uint8),
            "format": np.array(kind, np.uint8),
            "channels": np.array(channels, np.uint8),
            "bytes": np.array(size, np.int64),
        },
    )


# As they are numbered, from 1.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM")


def _findings(image: Examined) -> tuple[int, int, int, int, bool, bool, int, int, int, int]:
    pixels = np.ascontiguousarray(image.pixels)
    flat = int(np.ptp(pixels.reshape(len(pixels), -1), axis=1).max()) < _INVISIBLE
    digest = hashlib.blake2b(pixels, digest_size=8).digest()
    content = int.from_bytes(digest, "little", signed=True)
    kind = _FORMATS.index(image.format) + 1
    size = (image.width, image.height)
    file = (kind, image.channels, image.bytes)
    return content, *size, image.bits, image.transparent, flat, _tint(pixels), *file


def _tint(pixels: np.ndarray) -> int:
    if len(pixels) != 3:
        return NO_TINT
    red, blue = float(pixels[0].mean()), float(pixels[2].mean())
    if blue > red * _OUTWEIGHS:
        return BLUE_TINT
    return RED_TINT if red > blue * _OUTWEIGHS else NO_TINT
