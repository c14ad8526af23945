"""A file that is whole or absent, whatever happens while it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .uncached_file import open_uncached


@contextmanager
def whole_file(path: Path, large: bool = False) -> Iterator[BinaryIO]:
    """A file to write into, which lies beside `path` and takes its place, on the disk, when the block ends. If that fails,
    what lay at `path` before is untouched, and nothing lies beside it. A `large` one does not go through the system's cache."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open_uncached(partial) if large else open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut, and that is the folder's content.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
