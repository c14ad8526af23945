"""Arrays in NumPy's files, `.npy` and `.npz`, read in pieces and never unpickled (numpy.org, NEP 1; numpy.lib.format).

An `.npy` file: "\\x93NUMPY", two bytes of version, the length of the header (u16, from version 2 on u32), the header, a Python
dict with descr, fortran_order and shape, and the numbers. An `.npz` is a ZIP archive of such.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from .refusals import damaged, unsuitable

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class Array:
    """An array in a file. `at`: where its numbers begin there; None where they are compressed, within `member`."""

    path: str
    member: str | None
    at: int | None
    within: int
    dtype: np.dtype
    shape: tuple[int, ...]
    by_columns: bool

    @property
    def shown(self) -> str:
        return f"{self.path}, {self.member}" if self.member else self.path

    @property
    def bytes_each(self) -> int:
        """Of what stands at one place of the first dimension."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def pieces(self, most: int) -> Iterator[bytes]:
        """The numbers, from the first on, those of up to `most` places of the first dimension at once."""
        with _blaming(self.path), _stream(self.path, self.member) as file:
            if self.at is None:
                file.read(self.within)
            else:
                file.seek(self.at)
            for first in range(0, self.shape[0], most):
                wanted = min(most, self.shape[0] - first) * self.bytes_each
                if len(data := file.read(wanted)) < wanted:
                    raise damaged(self.shown, "it ends before its last number: it is cut off")
                yield data


def arrays_in(path: str) -> dict[str, Array]:
    """The arrays of a file by their names; that of an `.npy` has the empty one."""
    with _blaming(path):
        if not zipfile.is_zipfile(path):
            with open(path, "rb") as file:
                array = _header(file, path, None, os.stat(path).st_size)
            return {"": _placed(array, array.within)}
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            return {info.filename.removesuffix(".npy"): _in_archive(archive, path, info) for info in members}


def _in_archive(archive: zipfile.ZipFile, path: str, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        array = _header(file, path, info.filename, info.file_size)
    if info.compress_type != zipfile.ZIP_STORED:
        return array
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        head = file.read(_LOCAL_HEADER)
    name, extra = struct.unpack("<HH", head[26:30])
    begin = info.header_offset + _LOCAL_HEADER + name + extra
    if begin + info.file_size > os.stat(path).st_size:
        raise damaged(f"{path}, {info.filename}", "the file ends before it: it is cut off")
    return _placed(array, begin + array.within)


def _placed(array: Array, at: int) -> Array:
    return Array(**{**array.__dict__, "at": at})


def _header(file: Any, path: str, member: str | None, size: int) -> Array:
    shown = f"{path}, {member}" if member else path
    head = file.read(12)
    if head[:6] != _MAGIC or len(head) < 12:
        raise damaged(shown, "it does not begin as an array of NumPy does")
    is_long = head[6] > 1
    length = int.from_bytes(head[8:12] if is_long else head[8:10], "little")
    begin = 12 if is_long else 10
    if length > _LONGEST_HEADER:
        raise damaged(shown, f"its header is to have {length:,} bytes")
    text = (head[begin:] + file.read(length - (12 - begin)))[:length]
    try:
        told = ast.literal_eval(text.decode("latin-1").strip())
        dtype = np.dtype(told["descr"])
        shape = tuple(told["shape"])
        by_columns = bool(told["fortran_order"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise damaged(shown, "its header is none") from error
    if dtype.hasobject:
        raise unsuitable(shown, "it holds pickled objects, which are not read", "save it as numbers or text")
    if not all(isinstance(side, int) and side >= 0 for side in shape) or not dtype.itemsize:
        raise damaged(shown, f"its shape is {shape}, of {dtype}")
    array = Array(path, member, None, begin + length, dtype, shape, by_columns)
    needed = dtype.itemsize
    for side in shape:
        needed *= side
    if array.within + needed > size:
        raise damaged(
            shown,
            f"an array of {shape} has {needed:,} bytes, and there are {size - array.within:,}: it is cut off",
        )
    return array


@contextlib.contextmanager
def _stream(path: str, member: str | None) -> Iterator[BinaryIO]:
    """The file, or of a member that is compressed what it holds."""
    if member is None:
        with open(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
        if info.compress_type == zipfile.ZIP_STORED:
            with open(path, "rb") as file:
                yield file
        else:
            with archive.open(info) as inside:
                yield inside  # type: ignore[misc]


@contextlib.contextmanager
def _blaming(path: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError) as error:
        raise damaged(path, str(error) or "it is cut off") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a place that is none
            raise
        raise damaged(path, "what it says of its parts cannot be followed") from error
    except (NotImplementedError, RuntimeError) as error:  # a method that is not known, or a password
        raise unsuitable(path, str(error), "save it with numpy.savez") from error
