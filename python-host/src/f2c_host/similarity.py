"""Cosine similarities of pairs of images: of embeddings, or of raw pixels as the floor to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .errors import HostError

if TYPE_CHECKING:
    from .data import Source
    from .data.prefetch import Prefetcher
    from .ir import Function
    from .program import Program

_BATCHES_AHEAD = 2
_PAIRS_AT_ONCE = 4096
_PIXELS_AT_ONCE = 1 << 24  # 128 MiB as float64


def embedding_similarities(
    program: Program,
    function: str,
    source: Source,
    prefetcher: Prefetcher,
    images: np.ndarray,
    pairs: np.ndarray,
    batch: int,
    on_batch: Callable[[int, int], None] = lambda _done, _total: None,
) -> np.ndarray:
    """f64 [P]: the cosine of `function`'s embeddings of `images[pairs[p, 0]]` and `images[pairs[p, 1]]`.

    `function` takes one batch of images and returns one row each. Raises F2C6313 if it is of another form,
    F2C6314 if an index is out of range. `on_batch` hears how many of the images are done, and may raise."""
    _check_positions(images, pairs, len(source))
    if len(pairs) == 0:
        return np.zeros(0)
    name, fixed = _images_input(_function(program, function))
    size = fixed or batch
    rows: list[Tensor] = []
    for pixels in _batches(source, prefetcher, images, size):
        count = len(pixels)
        if fixed and count < fixed:
            pixels = torch.cat([pixels, pixels[-1:].expand(fixed - count, *pixels.shape[1:])])
        (embedding,) = _only_result(function, program.run(function, {name: pixels}))
        rows.append(embedding.detach()[:count].reshape(count, -1).to("cpu", torch.float32))
        on_batch(sum(map(len, rows)), len(images))
    return cosine_of_pairs(torch.cat(rows).numpy(), pairs)


def pixel_similarities(
    source: Source,
    prefetcher: Prefetcher,
    images: np.ndarray,
    pairs: np.ndarray,
    batch: int,
    on_batch: Callable[[int, int], None] = lambda _done, _total: None,
) -> np.ndarray:
    """f64 [P]: the same of the raw pixels, all channels in one vector, each image's mean subtracted.

    What a verification scores without any network; an embedding that doesn't beat it has learnt nothing."""
    _check_positions(images, pairs, len(source))
    if len(pairs) == 0:
        return np.zeros(0)
    rows: list[Tensor] = []
    for pixels in _batches(source, prefetcher, images, batch):
        rows.append(pixels.reshape(len(pixels), -1))
        on_batch(sum(map(len, rows)), len(images))
    return cosine_of_pairs(torch.cat(rows).numpy(), pairs, centred=True)


def cosine_of_pairs(rows: np.ndarray, pairs: np.ndarray, centred: bool = False) -> np.ndarray:
    """f64 [P]: the cosine of rows [N, D] `pairs[:, 0]` and `pairs[:, 1]`, in float64, of each row less its
    mean if `centred`. A row of norm zero has cosine 0 with every other."""
    similarity = np.empty(len(pairs), np.float64)
    at_once = max(1, min(_PAIRS_AT_ONCE, _PIXELS_AT_ONCE // max(1, rows.shape[1])))
    for start in range(0, len(pairs), at_once):
        part = pairs[start : start + at_once]
        left, right = (rows[part[:, side]].astype(np.float64) for side in (0, 1))
        if centred:
            left -= left.mean(axis=1, keepdims=True)
            right -= right.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        dots = np.einsum("pd,pd->p", left, right)
        similarity[start : start + at_once] = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
    return similarity


def _batches(source: Source, prefetcher: Prefetcher, images: np.ndarray, size: int) -> Iterator[Tensor]:
    """The images in order, uint8 [n, C, H, W], the next batches being read while one is used."""
    indices = images.astype(np.int64)
    starts = range(0, len(indices), size)
    asked = iter(starts)

    def ask() -> None:
        start = next(asked, None)
        if start is not None:
            prefetcher.submit(("similarities", start), source, indices[start : start + size])

    for _ in range(_BATCHES_AHEAD):
        ask()
    for start in starts:
        pixels = prefetcher.take(("similarities", start))
        ask()
        yield pixels


def _function(program: Program, name: str) -> Function:
    for function in program.module.functions:
        if function.name == name:
            return function
    known = ", ".join(function.name for function in program.module.functions)
    raise HostError("F2C6313", f"the program has no function `{name}`; it has {known}", "user")


def _images_input(function: Function) -> tuple[str, int | None]:
    """The name of the function's one input, and the batch size if its type fixes one."""
    if len(function.inputs) != 1:
        names = ", ".join(input.name for input in function.inputs) or "none"
        raise HostError(
            "F2C6313",
            f"`{function.name}` can't embed images: it takes {names}, not one batch of images",
            "user",
        )
    (images,) = function.inputs
    first = images.type.dims[0] if images.type.dims else None
    return images.name, first if isinstance(first, int) else None


def _only_result(function: str, results: dict[str, Tensor]) -> tuple[Tensor]:
    if len(results) != 1:
        raise HostError(
            "F2C6313",
            f"`{function}` returns {', '.join(results) or 'nothing'}, not one embedding an image",
            "user",
        )
    return tuple(results.values())


def _check_positions(images: np.ndarray, pairs: np.ndarray, available: int) -> None:
    for what, values, limit in (("image", images, available), ("pair position", pairs, len(images))):
        if values.size and (values.min() < 0 or values.max() >= limit):
            wrong = int(values.min()) if values.min() < 0 else int(values.max())
            raise HostError(
                "F2C6314",
                f"{what} {wrong} is out of range: there are {limit}",
                "user",
                "were the pairs made for another data set?",
            )
