"""The files of a tar archive: what each is called, and where in it its bytes lie.

POSIX.1-2017, pax; GNU tar's manual, "Basic Tar Format":

    header  512 bytes: name [100], at 124 the length and at 148 the sum of all bytes, in octal, at 156 the kind, at 257 "ustar",
            at 345 what stands before the name; then the bytes, zeros up to a multiple of 512. Two headers of zeros are the end.

Why not by Python's tarfile: it takes a header that is broken for the end of the archive and says nothing, and it reads as many
bytes of an extended header as that says it has.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

from .refusals import damaged, unsuitable

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_PIECE = 1 << 20
_COMPRESSED = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"(\xb5/\xfd", "zstd", "unzstd"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\xfd7zXZ", "xz", "unxz"),
)
_FILES = (b"0", b"\0", b"7")
# Links, devices, folders, pipes: nothing follows, whatever length they have.
_WITHOUT_BYTES = (b"1", b"2", b"3", b"4", b"5", b"6")
_LONG_NAME, _LONG_LINK, _EXTENDED, _EXTENDED_FOR_ALL, _SPARSE, _FOLDER = b"L", b"K", b"x", b"g", b"S", b"5"
# Of a name, or of what an extended header says.
_LONGEST = 1 << 20


class Member(NamedTuple):
    """A file of an archive; without a place where it is none but a link, a device or the like."""

    name: bytes
    at: int
    length: int
    is_file: bool


class TarFile:
    """A tar archive, mapped."""

    def __init__(self, path: str, data: mmap.mmap) -> None:
        self._path, self._data, self._size = path, data, len(data)

    def members(self) -> Iterator[Member]:
        """All that are no folders, in their order."""
        self._refuse_compressed()
        at = 0
        name: bytes | None = None
        told: dict[bytes, bytes] = {}
        while (header := self._header(at)) is not None:
            kind = header[156:157]
            begin = at + _BLOCK
            length = self._number(header[124:136], at)
            if kind not in (_LONG_NAME, _LONG_LINK, _EXTENDED, _EXTENDED_FOR_ALL):
                length = self._told_length(told, at, length)
            if kind in _WITHOUT_BYTES:
                length = 0
            after = begin + length + -length % _BLOCK
            if after > self._size:
                raise self._damaged(
                    at, f"{length:,} bytes are to follow, and the file ends before: it is cut off"
                )
            if kind == _LONG_NAME:
                name = self._text(at, begin, length).rstrip(b"\0")
            elif kind == _EXTENDED:
                told = self._records(at, begin, length)
            elif kind not in (_LONG_LINK, _EXTENDED_FOR_ALL):
                called = told.get(b"path") or name or _own_name(header)
                if kind == _SPARSE or any(key.startswith(b"GNU.sparse.") for key in told):
                    raise unsuitable(
                        self._path,
                        f"{_shown(called)} at byte {at:,} is a sparse file: its bytes do not lie together",
                        "pack the archive without --sparse",
                    )
                if kind != _FOLDER:
                    yield Member(called, begin, length, kind in _FILES)
                name, told = None, {}
            at = after

    def _refuse_compressed(self) -> None:
        for beginning, by, command in _COMPRESSED:
            if self._data[: len(beginning)] == beginning:
                raise unsuitable(
                    self._path,
                    f"the archive is compressed ({by}), and an image in the middle of it cannot be read alone",
                    f"unpack it to a .tar ({command}): images are compressed in themselves, so it grows by little",
                )

    def _header(self, at: int) -> bytes | None:
        """The header at this byte; nothing where the archive ends."""
        header = self._data[at : at + _BLOCK]
        if len(header) < _BLOCK:
            raise damaged(
                self._path,
                f"it ends at byte {self._size:,} without the mark of an end: it is cut off",
                "copy it anew; if it is whole, `head -c 1024 /dev/zero >> FILE` adds the mark",
            )
        if header == _ZEROS:
            self._refuse_more_behind(at)
            return None
        told = self._number(header[148:156], at)
        if told != sum(header) - sum(header[148:156]) + 8 * ord(" "):
            raise self._damaged(at, "no header of a member, or a broken one (its sum is wrong)")
        return header

    def _refuse_more_behind(self, at: int) -> None:
        for start in range(at, self._size, _PIECE):
            piece = self._data[start : start + _PIECE]
            if piece.count(0) < len(piece):
                place = start + len(piece) - len(piece.lstrip(b"\0"))
                raise self._damaged(
                    at,
                    f"the archive ends, but there is more from byte {place:,} on: a part is missing, "
                    "or two archives were put together",
                )

    def _number(self, field: bytes, at: int) -> int:
        """A number in octal, or GNU's in binary where it is too large for that."""
        if field[0] == 0x80:
            return int.from_bytes(field[1:], "big")
        digits = field.strip(b" \0")
        if digits.strip(b"01234567"):
            raise self._damaged(at, f"no header of a member: {field!r} is no number")
        return int(digits or b"0", 8)

    def _told_length(self, told: dict[bytes, bytes], at: int, length: int) -> int:
        text = told.get(b"size")
        if text is None:
            return length
        if not text.isdigit() or len(text) > 18:
            raise self._damaged(at, f"{text[:20]!r} is no length")
        return int(text)

    def _text(self, at: int, begin: int, length: int) -> bytes:
        if length > _LONGEST:
            raise self._damaged(at, f"a name or an extended header is to have {length:,} bytes")
        return self._data[begin : begin + length]

    def _records(self, at: int, begin: int, length: int) -> dict[bytes, bytes]:
        """What an extended header says: records `length key=value` and a line feed, the length counting all of it."""
        text, records = self._text(at, begin, length), dict[bytes, bytes]()
        while text.strip(b"\0"):
            digits, blank, _ = text.partition(b" ")
            size = int(digits) if digits.isdigit() and len(digits) < 8 else 0
            key, equals, value = text[len(digits) + 1 : size].partition(b"=")
            if not blank or not equals or size > len(text) or not value.endswith(b"\n"):
                raise self._damaged(at, "what its extended header says is no records")
            records[key] = value[:-1]
            text = text[size:]
        return records

    def _damaged(self, at: int, what: str) -> Exception:
        return damaged(self._path, f"at byte {at:,}: {what}")


def _own_name(header: bytes) -> bytes:
    name = header[:100].rstrip(b"\0").partition(b"\0")[0]
    before = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return before + b"/" + name if before else name


def _shown(name: bytes) -> str:
    return name[:100].decode(errors="backslashreplace")
