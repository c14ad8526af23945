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


class _FilesBelow(EncodedFiles):
    """The files of an index, in its order."""

    def __init__(self, root: str, index: IndexFile) -> None:
        self._root, self._index = root, index
        if not os.path.isdir(root.encode()):
            raise HostError(
                "F2C6102",
                f"image folder {os.path.abspath(root)} does not exist",
                hint="check the path, or mount the data set; a relative path starts where the host runs",
            )

    def __len__(self) -> int:
        return len(self._index)

    def opened(self, index: int) -> BinaryIO:
        return open(self._descriptor(index)[0], "rb")

    def read(self, index: int) -> bytes | None:
        descriptor, size = self._descriptor(index)
        try:
            # One byte more tells that a file has grown: then what was read is not all of it.
            data = os.read(descriptor, size + 1) if size < AT_ONCE else None
            return data if data is not None and len(data) == size else None
        finally:
            os.close(descriptor)

    def _descriptor(self, index: int) -> tuple[int, int]:
        """The file, opened, and its size. A path is bytes: the names on a disk need not be text, nor the locale UTF-8."""
        descriptor = os.open(os.path.join(self._root.encode(), self._index.path(index)), _OPENING)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return descriptor, status.st_size
        os.close(descriptor)
        raise broken_image(self.shown(index), "it is a folder, a pipe or a device, not a file")

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
