"""Images to a matrix: through a net, or as they are, the floor that a net has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import HostError
from .feeding import AS_READ, Feeding
from .matrices import Matrix, check_rows

if TYPE_CHECKING:
    from ..data import Source
    from ..data.prefetch import Prefetcher
    from ..ir.module import Function
    from .program import Program

_BATCHES_AHEAD = 2

# Hears how many of the images are done; may raise.
OnBatch = Callable[[int, int], None]


class MakesRows(Protocol):
    """What makes a row of each image of a batch: a function of a program, or a net that others made."""

    @property
    def batch(self) -> int | None:
        """How many images it takes at a time, where it takes no other number."""

    def __call__(self, images: Tensor) -> Tensor:
        """[n, ...] from images [n, C, H, W] on the CPU, on whichever device it computes."""


class ProgramRows:
    """Rows that a function of a program makes. Raises F2C6313 if it is not of the form."""

    def __init__(self, program: Program, function: str):
        self._program, self._function = program, function
        self._input, self.batch = _images_input(_function(program, function))

    def __call__(self, images: Tensor) -> Tensor:
        (rows,) = _only_result(self._function, self._program.run(self._function, {self._input: images}))
        return rows


def embed_images(
    makes: MakesRows,
    source: Source,
    prefetcher: Prefetcher,
    images: np.ndarray,
    batch: int,
    feeding: Feeding = AS_READ,
    flip: str | None = None,
    on_batch: OnBatch = lambda _done, _total: None,
) -> Matrix:
    """float32 [N, D]: what `makes` makes of each image, made ready by `feeding`; with a `flip` of FLIPS, plus that of its
    mirror image.

    Raises F2C6314 if an index is out of range."""
    check_rows(images, len(source), "image")
    fixed = makes.batch
    size = fixed or batch

    def rows() -> Iterator[np.ndarray]:
        for pixels in _batches(source, prefetcher, images, size):
            count = len(pixels)
            if fixed and count < fixed:
                pixels = torch.cat([pixels, pixels[-1:].expand(fixed - count, *pixels.shape[1:])])
            ready = feeding(pixels)
            embedding = makes(ready)
            if flip is not None:
                of_each = FLIPS[flip]
                embedding = of_each(embedding) + of_each(makes(ready.flip(-1)))
            yield embedding.detach()[:count].reshape(count, -1).to("cpu", torch.float32).numpy()

    return Matrix(_gathered(rows(), len(images), on_batch))


def _unit(rows: Tensor) -> Tensor:
    rows = rows.float()
    return rows / rows.norm(dim=-1, keepdim=True).clamp(min=1e-12)


# What is added of an image and of its mirror image: rows as they are made, or each of length 1 first.
FLIPS: Mapping[str, Callable[[Tensor], Tensor]] = {"rows": lambda rows: rows.float(), "unit": _unit}


def pixel_rows(
    source: Source,
    prefetcher: Prefetcher,
    images: np.ndarray,
    batch: int,
    on_batch: OnBatch = lambda _done, _total: None,
) -> Matrix:
    """The raw pixels, all channels in one row, each image's mean to be subtracted where they are compared.

    What a protocol scores without any network; an embedding that doesn't beat it has learnt nothing."""
    check_rows(images, len(source), "image")
    read = _batches(source, prefetcher, images, batch)
    rows = (pixels.reshape(len(pixels), -1).numpy() for pixels in read)
    return Matrix(_gathered(rows, len(images), on_batch), centred=True)


def _gathered(parts: Iterator[np.ndarray], count: int, on_batch: OnBatch) -> np.ndarray:
    """The parts as one array of `count` rows, which is made when the first part tells how wide they are."""
    whole = np.zeros((0, 0), np.float32)
    done = 0
    for part in parts:
        if done == 0:
            whole = np.empty((count, part.shape[1]), part.dtype)
        whole[done : done + len(part)] = part
        done += len(part)
        on_batch(done, count)
    return whole


def _batches(source: Source, prefetcher: Prefetcher, images: np.ndarray, size: int) -> Iterator[Tensor]:
    """The images in order, uint8 [n, C, H, W], the next batches being read while one is used."""
    indices = images.astype(np.int64)
    starts = range(0, len(indices), size)
    asked = iter(starts)

    def ask() -> None:
        start = next(asked, None)
        if start is not None:
            prefetcher.submit(("embed", start), source, indices[start : start + size])

    for _ in range(_BATCHES_AHEAD):
        ask()
    for start in starts:
        pixels = prefetcher.take(("embed", start))
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
