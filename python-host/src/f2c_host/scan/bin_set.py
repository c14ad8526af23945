"""InsightFace's verification sets (`.bin`): a pickle of encoded images, two a pair, and of which pairs are one person's."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from .encoded_bytes import HEAD, is_image, what_they_are
from .index_builder import IndexBuilder
from .mapped import mapped
from .pickled_bytes import Array, Form, Pickle, Piece, bytes_of
from .refusals import unsuitable

_LONGEST_IMAGE = (1 << 31) - 1
_LAYOUT = "a set is a pickle of two lists: encoded images as bytes, and True or False for each pair"


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of one file. Each image is an identity of its own, called by its number; the array `same` says of each pair
    whether it is one person's."""
    [path] = spec["paths"]
    shard = into.shard(path)
    with mapped(path) as data:
        images, same = _parts(path, data)
        if not any(is_image(bytes_of(data, _start(image))) for image in images):
            what = what_they_are(bytes_of(data, _start(images[0])))
            raise unsuitable(
                path, f"its images are none that are read, but {what}", "encode them as JPEG or PNG"
            )
        _add(into, shard, data, images)
    into.facts["paths"] = "whole"
    into.array("same", same)


def _parts(path: str, data: mmap.mmap) -> tuple[list[Piece], np.ndarray]:
    """The images, and u8 for each pair."""
    value = Pickle(path, data).value()
    if not isinstance(value, tuple | list) or len(value) != 2 or not isinstance(value[0], list):
        raise unsuitable(path, "it does not hold two lists", _LAYOUT)
    images = [_image(path, i, one) for i, one in enumerate(value[0])]
    same = _same(path, data, value[1])
    if len(same) == 0:
        raise unsuitable(path, "it lists no pairs", _LAYOUT)
    if len(images) != 2 * len(same):
        raise unsuitable(
            path,
            f"it holds {len(images):,} images and tells of {len(same):,} pairs, which are of {2 * len(same):,}",
            "copy or make the file anew: images lie two a pair",
        )
    return images, same


def _image(path: str, number: int, value: Any) -> Piece:
    data = value.data if isinstance(value, Array) and value.code == "u1" else value
    if isinstance(data, Piece) and not data.is_text and data.length <= _LONGEST_IMAGE:
        return data
    raise unsuitable(path, f"image {number:,} is no bytes, or has more than 2 GiB of them", _LAYOUT)


def _same(path: str, data: mmap.mmap, value: Any) -> np.ndarray:
    if isinstance(value, Array) and value.data is not None:
        return (np.frombuffer(bytes_of(data, value.data), np.uint8) != 0).astype(np.uint8)
    if isinstance(value, list) and all(isinstance(one, bool | int) and one in (0, 1) for one in value):
        return np.array(value, np.uint8)
    raise unsuitable(path, "what it says of its pairs is no list of True and False", _LAYOUT)


def _start(image: Piece) -> Piece:
    """Enough of it to tell what it is. Each byte has two in UTF-8 at most, and six where it is escaped."""
    if image.form is Form.ESCAPED_BYTES:
        return image
    return Piece(image.at, min(image.length, 6 * HEAD), image.form, False)


def _add(into: IndexBuilder, shard: int, data: mmap.mmap, images: list[Piece]) -> None:
    """Bytes that lie as they are stay where they are."""
    if copied := sum(image.length for image in images if image.form is not Form.AS_THEY_ARE):
        into.make_room(copied)
    places = np.empty((len(images), 3), np.int64)
    for i, image in enumerate(images):
        if image.form is Form.AS_THEY_ARE:
            places[i] = shard, image.at, image.length
        else:
            content = bytes_of(data, image)
            places[i] = *into.pack(content), len(content)
    numbers = np.arange(len(images))
    into.add(numbers, numbers, *places.T)
