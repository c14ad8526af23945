"""Image files below a folder, by an index of their names."""

from __future__ import annotations

import os
import stat
from typing import Any, BinaryIO

import numpy as np

from f2c_host.data.encoded_images import AT_ONCE, EncodedFiles, EncodedImages, broken_image
from f2c_host.data.index_file import IndexFile
from f2c_host.data.source_spec import bad_spec
from f2c_host.errors import HostError

# A pipe without a writer would be waited for; what is opened is looked at before it is read.
_OPENING = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
# What is read of a file at first: all of it, mostly.
_PIECE = 1 << 16


class _FilesBelow(EncodedFiles):
    """The files of an index, in its order."""

    def __init__(self, root: str, index: IndexFile) -> None:
        self._root, self._index = root, index
        self._below = os.path.join(root.encode(), b"")
        if not os.path.isdir(root.encode()):
            raise HostError(
                "F2C6102",
                f"image folder {os.path.abspath(root)} does not exist",
                hint="check the path, or mount the data set; a relative path starts where the host runs",
            )

    def __len__(self) -> int:
        return len(self._index)

    def opened(self, index: int) -> BinaryIO:
        descriptor = os.open(self._path(index), _OPENING)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb")
        os.close(descriptor)
        raise broken_image(self.shown(index), "it is a folder, a pipe or a device, not a file")

    def read(self, index: int) -> bytes | None:
        """In one call, if it is as short as faces are. What is no file gives too little, and `opened` says so."""
        descriptor = os.open(self._path(index), _OPENING)
        try:
            data = os.read(descriptor, _PIECE)
            if len(data) == _PIECE:
                size = os.fstat(descriptor).st_size
                data = data + os.read(descriptor, size - _PIECE) if _PIECE <= size < AT_ONCE else None
            return data
        finally:
            os.close(descriptor)

    def _path(self, index: int) -> bytes:
        """A path is bytes: the names on a disk need not be text, nor the locale UTF-8."""
        return self._below + self._index.path(index)

    def shown(self, index: int) -> str:
        return os.path.join(self._root, self._index.shown(index))

    def name(self, index: int) -> str:
        return self._index.shown(index)

    def ends_of_identities(self) -> np.ndarray:
        return self._index.ends_of_identities()


class ImageFolder(EncodedImages):
    """spec: root, index (its path), indexId, people (stretches of identities: [[first, end], ...]); and as `EncodedImages`."""

    def __init__(self, spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> None:
        root = spec.get("root")
        if not isinstance(root, str):
            raise bad_spec(spec["kind"], "root is missing", "give the folder as root")
        super().__init__(spec, _FilesBelow(root, IndexFile.of(spec)))
