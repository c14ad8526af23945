"""Files that a folder of the user's cache keeps from start to start: whole ones or none, and not more than so many bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from .whole_file import whole_file

_DIGEST = hashlib.sha256().digest_size

# How long what was compiled may lie unused: 60 days.
UNUSED_SECONDS = 60 * 24 * 3600.0


@dataclass(frozen=True)
class KeptFiles:
    """`folder` is one that nobody else can write to; without one nothing is kept. Each file begins with the digest of the
    rest: one that was damaged is as good as none."""

    folder: Path | None
    most_bytes: int

    def read(self, name: str) -> bytes | None:
        """What was kept under a name, which counts as used from now on."""
        if self.folder is None:
            return None
        path = self.folder / name
        try:
            held = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, content = held[:_DIGEST], held[_DIGEST:]
        return content if hashlib.sha256(content).digest() == digest else None

    def write(self, name: str, content: bytes) -> None:
        """Keeps it, and forgets what was used longest ago. On a disk that is full, nothing is kept."""
        if self.folder is None:
            return
        try:
            with whole_file(self.folder / name) as file:
                file.write(hashlib.sha256(content).digest() + content)
            self._make_room()
        except OSError:
            return

    def _make_room(self) -> None:
        assert self.folder is not None
        found = [(path, path.stat()) for path in self.folder.iterdir()]
        found.sort(key=lambda entry: entry[1].st_mtime, reverse=True)
        taken = 0
        for path, stat in found:
            taken += stat.st_size
            if taken > self.most_bytes:
                path.unlink(missing_ok=True)


def forget_unused(folder: Path, seconds: float = UNUSED_SECONDS) -> None:
    """Deletes the files below a folder that nobody read or wrote for so long."""
    longest_ago = time.time() - seconds
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            stat = path.lstat()
            if S_ISREG(stat.st_mode) and max(stat.st_atime, stat.st_mtime) < longest_ago:
                path.unlink()
