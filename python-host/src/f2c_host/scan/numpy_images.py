"""Images and labels that lie in NumPy's files as bare numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .index_builder import IndexBuilder
from .numpy_arrays import Array, arrays_in
from .refusals import unsuitable

_AT_ONCE = 1 << 24
_MOST_ROWS = 1 << 16
# Bytes of an image that are the most that anybody has: 64 megapixels in colour.
_LARGEST = 3 << 26
_IMAGES, _LABELS = (
    ("images", "image", "x", "data", "faces", "arr_0"),
    ("labels", "label", "y", "ids", "arr_1"),
)


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths`, the file of images and perhaps another one of labels; `order`, "hwc" or "chw"; perhaps `imagesKey` and
    `labelsKey`, names of arrays in an `.npz`."""
    paths = spec["paths"]
    images = _chosen(paths[0], spec.get("imagesKey"), _IMAGES, "images", _are_images)
    labels = _chosen(
        paths[-1], spec.get("labelsKey"), _LABELS, "labels", lambda array: _are_labels(array, images)
    )
    height, width, channels = _shape(images, spec["order"])
    into.facts["pixels"] = f"{height},{width},{channels}"
    if len(images.shape) == 4 and spec["order"] == "chw" and channels > 1:
        into.facts["planes"] = "true"
    for path in dict.fromkeys(paths):
        into.reads(path)
    rows = max(1, min(_MOST_ROWS, _AT_ONCE // images.bytes_each))
    # The numbers of the arrays that lie in the file as they are need not be read.
    places = _in_place(images, into, rows) if images.at is not None else _copied(images, into, rows)
    first = 0
    for (shard, at), who in zip(places, _labels(labels, rows), strict=True):
        lengths = np.full(len(at), images.bytes_each, np.int32)
        into.add(who, np.arange(first, first + len(at)), shard, at, lengths)
        first += len(at)


def _in_place(images: Array, into: IndexBuilder, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    shard = into.shard(images.path)
    for first in range(0, images.shape[0], rows):
        places = np.arange(first, min(first + rows, images.shape[0]), dtype=np.int64)
        yield shard, images.at + places * images.bytes_each


def _copied(images: Array, into: IndexBuilder, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    into.make_room(images.shape[0] * images.bytes_each)
    for data in images.pieces(rows):
        shard, at = into.pack(data)
        yield shard, at + np.arange(0, len(data), images.bytes_each, dtype=np.int64)


def _labels(labels: Array, rows: int) -> Iterator[np.ndarray | list[bytes]]:
    for data in labels.pieces(rows):
        values = np.frombuffer(data, labels.dtype)
        if labels.dtype.kind in "iu":
            yield values.astype(np.int64)
        else:
            yield [text if isinstance(text, bytes) else text.encode() for text in values.tolist()]


def _are_images(array: Array) -> bool:
    return array.dtype == np.uint8 and len(array.shape) in (3, 4)


def _are_labels(array: Array, images: Array) -> bool:
    return array.dtype.kind in "iuSU" and array.shape == images.shape[:1]


def _chosen(
    path: str, key: str | None, usual: tuple[str, ...], what: str, suits: Callable[[Array], bool]
) -> Array:
    arrays = arrays_in(path)
    shown = ", ".join(
        f"{name or 'one'} {array.dtype} {list(array.shape)}" for name, array in list(arrays.items())[:8]
    )
    wanted = "u8 [N, H, W] or [N, H, W, C]" if what == "images" else "whole numbers or text, one an image"
    suitable = {name: array for name, array in arrays.items() if suits(array)}
    named = [key] if key is not None else [name for name in usual if name in suitable] or list(suitable)
    if key is None and len(suitable) > 1 and named[0] not in usual:
        raise unsuitable(
            path, f"which of its arrays are the {what} is not told: {shown}", f"name it as `{what}Key`"
        )
    if not named or named[0] not in suitable:
        raise unsuitable(
            path, f"it holds {shown or 'no arrays'}, and {what} are {wanted}", f"save the {what} so"
        )
    chosen = suitable[named[0]]
    if chosen.by_columns and len(chosen.shape) > 1:
        raise unsuitable(
            path, "it is stored by columns (fortran_order)", "save it with numpy.ascontiguousarray first"
        )
    return chosen


def _shape(images: Array, order: str) -> tuple[int, int, int]:
    """Height, width and channels."""
    sides = images.shape[1:]
    height, width, channels = (
        (*sides, 1) if len(sides) == 2 else sides if order == "hwc" else (*sides[1:], sides[0])
    )
    if channels not in (1, 3):
        other = "chw" if order == "hwc" else "hwc"
        raise unsuitable(
            images.shown,
            f"its images have {channels} channels, read as {order}",
            f'save grey images or RGB, or say `order: "{other}"`',
        )
    if height * width == 0 or images.bytes_each > _LARGEST:
        raise unsuitable(images.shown, f"its images are {height} x {width}", "save images of a usual size")
    return height, width, channels
