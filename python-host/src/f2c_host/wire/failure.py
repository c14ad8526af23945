"""Any exception to the one error that crosses the bridge; an unforeseen one is a fault, with traceback."""

from __future__ import annotations

import errno
import traceback
from typing import Any

from ..errors import HostError
from .protocol import error_body

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# torch raises a plain RuntimeError on the CPU, and TorchScript wraps the GPU's error in one of its own.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def failure_body(error: BaseException, doing: str) -> dict[str, Any]:
    """The body of an `error` reply or a `failed` event for what was raised while `doing`."""
    known = as_host_error(error, doing)
    cause = error if known is not error else error.__cause__
    # A foreseen error speaks for itself; the stack below it helps us when it had another cause.
    python = None if cause is None else "".join(traceback.format_exception(cause))
    return error_body(known, python)


def out_of_memory(error: BaseException) -> bool:
    """Whether Python or torch could not allocate."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _NO_MEMORY)


def as_host_error(error: BaseException, doing: str) -> HostError:
    """The error itself if it is a HostError, else one that says what happened while `doing`."""
    text = str(error) or type(error).__name__
    if isinstance(error, HostError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return HostError("F2C6601", f"interrupted during {doing}", "user", "resume from the last checkpoint")
    if out_of_memory(error):
        return HostError(
            "F2C6602",
            f"out of memory during {doing}: {text.splitlines()[0]}",
            "resource",
            "use a smaller batch, pool or net, or a device with more memory; what is saved is whole",
        )
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return HostError(
            "F2C6604", f"the disk is full ({doing}): {text}", "resource", "free space and resume"
        )
    if isinstance(error, OSError):
        return HostError(
            "F2C6605", f"{doing} failed: {text}", "resource", "check the path and its permissions"
        )
    return HostError(
        "F2C6690",
        f"internal: {type(error).__name__} during {doing}: {text}",
        "fault",
        "this is a bug of f2c-dsl-host: report it with the traceback and a recording of the session",
    )
