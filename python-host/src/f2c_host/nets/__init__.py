"""Nets that lie in files of their own, whoever made them: one opener a kind of file, over what `net` says that a net is.

A net makes rows of images and knows no more. How images are made ready for it is the driver's matter: a file may carry texts
that say so, which are handed on unread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import HostError
from . import onnx, torchscript
from .net import Net, unreadable

OPENERS: Mapping[str, Callable[[Path, str, int | None], Net]] = {
    "torchscript": torchscript.open_net,
    "onnx": onnx.open_net,
}


def open_net(kind: str, path: Path, device: str, threads: int | None) -> Net:
    """The net in a file. Raises F2C6340 if it cannot be read, F2C6343 if a package is missing, F2C6302 for an unknown device."""
    opener = OPENERS.get(kind)
    if opener is None:
        raise HostError(
            "F2C6506", f"`load_net`: there is no kind `{kind}`", "host", f"one of {', '.join(OPENERS)}"
        )
    if not path.is_file():
        raise unreadable(path, "there is no such file")
    return opener(path, device, threads)
