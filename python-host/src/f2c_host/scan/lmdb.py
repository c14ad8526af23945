"""LMDB with an encoded image a key, or FFC's message around it, and a list of `key label` beside."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .encoded_bytes import HEAD, is_image, what_they_are
from .index_builder import IndexBuilder
from .lmdb_pages import Entry, LmdbFile
from .mapped import mapped
from .refusals import unsuitable
from .sorted_labels import Labelled, sorted_labels

# Images that are told of together.
_ROWS = 1 << 16
# Of FFC's message (protobuf): field 1, of bytes. A length of 32 bits has five bytes at most.
_DATUM, _LONGEST_LENGTH = 0x0A, 5
_NO_MORE = (None, b"")


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of one file, `labels`: the list, perhaps `database`: the name of one of several in the file."""
    [path] = spec["paths"]
    database = spec.get("database")
    shard = into.shard(path)
    into.reads(spec["labels"])
    with mapped(path) as data:
        _Images(path, data, into, shard).scan(
            LmdbFile(path, data).entries(None if database is None else database.encode()), spec["labels"]
        )


class _Row(NamedTuple):
    label: bytes
    key: bytes
    at: int
    length: int


class _Images:
    """The values of a database that the list names."""

    def __init__(self, path: str, data: mmap.mmap, into: IndexBuilder, shard: int) -> None:
        self._path, self._data, self._into, self._shard = path, data, into, shard
        self._others = self._found = 0
        # The beginning of a value that is no image, and its key.
        self._other: tuple[bytes, bytes] | None = None

    def scan(self, entries: Iterator[Entry], labels: str) -> None:
        rows: list[_Row] = []
        for label, entry in self._labelled(entries, sorted_labels(labels, self._into.scratch), labels):
            rows.append(_Row(label, entry.key, *self._image(entry)))
            if len(rows) == _ROWS:
                self._add(rows)
                rows = []
        self._add(rows)

    def _labelled(
        self, entries: Iterator[Entry], labels: Iterator[Labelled], path: str
    ) -> Iterator[tuple[bytes, Entry]]:
        """Values with their labels; both rise by key."""
        missing, unnamed = _Counted(), _Counted()
        key, label = next(labels, _NO_MORE)
        for entry in self._values(entries):
            while key is not None and key < entry.key:
                missing.count(key)
                key, label = next(labels, _NO_MORE)
            if key == entry.key:
                yield label, entry
                key, label = next(labels, _NO_MORE)
            else:
                unnamed.count(entry.key)
        while key is not None:
            missing.count(key)
            key, label = next(labels, _NO_MORE)
        if missing.number:
            raise unsuitable(
                path,
                f"{missing.number:,} of its keys are not in {self._path}, such as {missing.first}",
                "take the list that goes with the database",
            )
        if unnamed.number:
            self._into.notes.append(f"{unnamed.number:,} values without a label, such as {unnamed.first}")

    def _values(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Those that are no databases of the file."""
        databases: list[str] = []
        others = 0
        for entry in entries:
            if entry.is_database:
                databases.append(entry.key.decode(errors="replace"))
            else:
                others += 1
                yield entry
        if not databases:
            return
        names = ", ".join(databases[:5])
        if others == 0:
            raise unsuitable(
                self._path,
                f"it holds databases: {names}",
                f'say in which of them the images lie: `database: "{databases[0]}"`',
            )
        self._into.notes.append(f"{len(databases):,} databases of the file ({names})")

    def _image(self, entry: Entry) -> tuple[int, int]:
        """Where the image lies in a value: it is the value, or the bytes of FFC's message."""
        head = self._data[entry.at : entry.at + min(entry.length, HEAD)]
        self._found += 1
        if is_image(head):
            return entry.at, entry.length
        begin, length = _in_message(head, entry.length)
        inner = self._data[entry.at + begin : entry.at + begin + min(length, HEAD)]
        if not is_image(inner):
            self._others += 1
            self._other = self._other or (inner, entry.key)
        return entry.at + begin, length

    def _add(self, rows: list[_Row]) -> None:
        # One or the other may be broken. That most are no images is no accident.
        if self._other and 2 * self._others > self._found:
            head, key = self._other
            raise unsuitable(
                self._path,
                f"its values are no encoded images, but {what_they_are(head)} (key {key.decode(errors='replace')})",
                "write the bytes of the image files (JPEG, PNG) as values, or wrapped as FFC does",
            )
        if rows:
            labels, keys, at, length = zip(*rows, strict=True)
            self._into.add(labels, keys, self._shard, np.array(at), np.array(length))


def _in_message(head: bytes, length: int) -> tuple[int, int]:
    """The bytes of FFC's message: where they begin and how many they are; the whole value, where it is none."""
    size = 0
    if head[:1] == bytes([_DATUM]):
        for i, byte in enumerate(head[1 : 1 + _LONGEST_LENGTH]):
            size |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                begin = i + 2
                return (begin, size) if begin + size <= length else (0, length)
    return 0, length


class _Counted:
    """Keys that do not fit: how many, and the first."""

    def __init__(self) -> None:
        self.number, self.first = 0, ""

    def count(self, key: bytes) -> None:
        self.first = self.first or key[:40].decode(errors="replace")
        self.number += 1
