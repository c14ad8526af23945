"""A file as bytes that are read where they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager

from .refusals import damaged


@contextmanager
def mapped(path: str) -> Iterator[mmap.mmap]:
    """The file, mapped. Raises F2C6117 where it is empty, which cannot be mapped."""
    with open(path, "rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise damaged(path, "it is empty") from error
        with data:
            yield data
