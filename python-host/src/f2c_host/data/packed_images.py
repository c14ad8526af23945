"""Images that lie in files of many: RecordIO, LMDB, tar, NumPy; where in them, an index says."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from f2c_host.data.encoded_images import AT_ONCE, EncodedFiles, EncodedImages, broken_image
from f2c_host.data.index_file import IndexFile, shown
from f2c_host.errors import HostError


class _Pieces(EncodedFiles):
    """Pieces of files, read by their place: a file that shrinks while it is open gives too few bytes, and no more."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index
        self._places = index.places
        self._framed = _framing(index.facts)
        self._files = [_opened(path) for path in self._places.shards]
        _refuse_changed(index)

    def __del__(self) -> None:
        for file in getattr(self, "_files", ()):
            os.close(file)

    def __len__(self) -> int:
        return len(self._index)

    def opened(self, index: int) -> BinaryIO:
        return io.BytesIO(self._bytes(index))

    def read(self, index: int) -> bytes | None:
        data = self._bytes(index)
        return data if len(data) < AT_ONCE else None

    def _bytes(self, index: int) -> bytes:
        shard, at, length = self._places.of(self._index.position(index))
        data = os.pread(self._files[shard], length, at)
        if len(data) < length:
            raise broken_image(self.shown(index), "its file ends before it")
        return self._framed(data)

    def shown(self, index: int) -> str:
        shard, _, _ = self._places.of(self._index.position(index))
        return f"{self._index.shown(index)} in {shown(self._places.shards[shard])}"

    def name(self, index: int) -> str:
        return self._index.shown(index)

    def ends_of_identities(self) -> np.ndarray:
        return self._index.ends_of_identities()


class PackedImages(EncodedImages):
    """spec: index (its path), indexId, people (stretches of identities: [[first, end], ...]); and as `EncodedImages`."""

    def __init__(self, spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> None:
        super().__init__(spec, _Pieces(IndexFile.of(spec)))


def _framing(facts: Mapping[str, str]) -> Callable[[bytes], bytes]:
    """Bare pixels become a PGM or PPM, which all that is done with images understands (netpbm.sourceforge.net/doc)."""
    if "pixels" not in facts:
        return lambda data: data
    height, width, channels = map(int, facts["pixels"].split(","))
    head = b"P%d %d %d 255\n" % (5 if channels == 1 else 6, width, height)
    if "planes" not in facts:
        return lambda data: head + data
    shape = (channels, height, width)
    return lambda data: head + np.frombuffer(data, np.uint8).reshape(shape).transpose(1, 2, 0).tobytes()


def _opened(path: bytes) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            "F2C6102",
            f"{shown(path)} cannot be opened: {error.strerror}",
            hint="check the path, or mount the data set",
        ) from error


def _refuse_changed(index: IndexFile) -> None:
    """The index says of which files it was made; in others, images lie elsewhere."""
    for path, size, _ in json.loads(index.facts["files"]):
        if os.stat(path).st_size != size:
            raise HostError(
                "F2C6116",
                f"{path} is not the file that was indexed: it had {size:,} bytes",
                kind="host",
                hint="run it again: the index is made anew",
            )
