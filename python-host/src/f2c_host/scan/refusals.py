"""What a scan refuses, in one form: which file, what is wrong with it, what to do."""

from __future__ import annotations

import sys

from ..errors import HostError


def damaged(path: str, what: str, hint: str = "copy or make the file anew") -> HostError:
    """A file whose structure is broken: nothing of it can be trusted."""
    return HostError("F2C6117", f"{path} is damaged: {what}", hint=hint)


def unsuitable(path: str, what: str, hint: str) -> HostError:
    """A whole file that holds something else than is needed."""
    return HostError("F2C6118", f"{path}: {what}", hint=hint)


def unreadable(path: str, error: OSError) -> HostError:
    """A file that is not there, or may not be read."""
    return HostError(
        "F2C6119",
        f"{path} cannot be read: {error.strerror or error}",
        hint="check the path and who may read it; relative paths begin at the experiment's file",
    )


def package_missing(package: str, extra: str) -> HostError:
    """A library that reads one kind of file, and that not everybody needs."""
    return HostError(
        "F2C6127",
        f"{package}, which reads files of this kind, is not installed",
        "host",
        f"f2c-dsl setup --{extra}, or {sys.executable} -m pip install {package}",
    )


def no_room(path: str, needed: int, free: int) -> HostError:
    """What has to be copied would fill the disk."""
    return HostError(
        "F2C6128",
        f"{needed / 1e9:,.1f} GB of images are to be copied to {path}, where {free / 1e9:,.1f} GB are free",
        "resource",
        "make room, or let XDG_CACHE_HOME name a folder on a larger disk",
    )
