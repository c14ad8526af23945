"""A file that is written past the system's cache of files.

A gigabyte through the cache takes a core for two seconds, in which memory is found and copied to for what nobody reads soon; past
it, a tenth of a second. Only whole blocks go past it, out of memory that begins with a page.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_BLOCK = 4 * 2**20
_UNCACHED = getattr(os, "O_DIRECT", 0)


def open_uncached(path: Path) -> BinaryIO:
    """A new file to write; where the system or the disk's format has nothing but the cache, an ordinary one."""
    if _UNCACHED:
        try:
            return _UncachedFile(path)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
    return open(path, "wb")


class _UncachedFile(io.RawIOBase, BinaryIO):
    """Gathers what is written into blocks. `flush` writes the rest, which is no whole block, and from then on all, through the
    cache."""

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | _UNCACHED, 0o666
        )
        self._uncached = True
        self._block = mmap.mmap(-1, _BLOCK)
        self._filled = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        left = memoryview(data).cast("B")
        while len(left) > 0:
            taken = min(len(left), _BLOCK - self._filled)
            self._block[self._filled : self._filled + taken] = left[:taken]
            self._filled += taken
            left = left[taken:]
            if self._filled == _BLOCK:
                self._put()
        return len(data)

    def flush(self) -> None:
        if self._descriptor >= 0 and self._filled:
            self._through_cache()
            self._put()

    def close(self) -> None:
        try:
            super().close()  # flushes
        finally:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _put(self) -> None:
        """Writes what is gathered."""
        begin = 0
        while begin < self._filled:
            try:
                begin += os.write(self._descriptor, memoryview(self._block)[begin : self._filled])
            except OSError as error:
                if error.errno != errno.EINVAL or not self._uncached:
                    raise
                self._through_cache()  # the disk wants other blocks, or wrote a part of one
        self._filled = 0

    def _through_cache(self) -> None:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~_UNCACHED)
        self._uncached = False
