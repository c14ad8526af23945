"""Folders in the user's cache that are theirs alone, as the driver has them too: what lies there is executed."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def own_folder(name: str) -> Path | None:
    """A folder of the cache, made where it is missing: a real one, owned by this user, closed to all others. One that
    others could read is closed, one that they could write to is emptied first. None where it is not ours, or cannot be
    made: then nothing is kept."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        home = chosen if chosen.is_absolute() else Path.home() / ".cache"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own(home / "f2c-dsl", empty=False)  # what others put into it is found not to be ours one level below
        _own(home / "f2c-dsl" / name, empty=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return home / "f2c-dsl" / name


def _own(path: Path, empty: bool) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(path)
    if found.st_uid != os.getuid():
        raise PermissionError(path)
    if empty and found.st_mode & 0o022:
        shutil.rmtree(path)
        path.mkdir(mode=0o700)
    elif found.st_mode & 0o077:
        path.chmod(0o700)
