"""InsightFace's and im2rec's RecordIO: `.rec`, with or without `.idx`.

A record (little-endian; dmlc-core, recordio.h): u32 magic, u32 of which the upper 3 bits say which part of a payload this is
and the lower 29 how long it is; the payload; zeros up to a multiple of 4. A payload that contains the magic at such a multiple
is cut there into parts, without it. The payload (mxnet, recordio.py): u32 flag, f32 label, u64 id, u64 id2; if flag > 0, so many
f32 labels; the image.

InsightFace puts a record without an image first, which says where the records of identities begin, and those last, one an
identity with the range of its images. Its numbers are f32: from 2^24 on they are rounded. So what is an image is told by whether
it has bytes, and whose it is by the image's own label; only where that is rounded too do the ranges help (`rounded_labels`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .index_builder import IndexBuilder
from .mapped import mapped
from .refusals import damaged, unreadable, unsuitable
from .rounded_labels import EXACT, told_apart

_MAGIC = 0xCED7230A
_MAGIC_BYTES = _MAGIC.to_bytes(4, "little")
_HEAD, _IMAGE_HEAD = 8, 24
_WHOLE, _FIRST, _MIDDLE, _LAST = 0, 1, 2, 3
_LENGTH = (1 << 29) - 1
# What is read of each record: its head, the image's, two labels.
_WINDOW = _HEAD + _IMAGE_HEAD + 8
# Records that are looked at together, and bytes of an index that are.
_ROWS, _TEXT = 1 << 16, 1 << 22


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of the parts, whose labels are of one set of identities. An index lies beside each, as `.idx`, or nowhere."""
    for path in spec["paths"]:
        _Part(path, into).scan()


class _Records(NamedTuple):
    """Records: the key of each, where it begins, and where at the latest it ends."""

    keys: np.ndarray
    at: np.ndarray
    limit: np.ndarray


class _Part:
    """One `.rec`."""

    def __init__(self, path: str, into: IndexBuilder) -> None:
        self._path, self._into = path, into
        self._shard = into.shard(path)
        self._size = os.stat(path).st_size
        # Images whose labels are rounded, and ranges of identities: key, first image, one after the last.
        self._rounded: list[tuple[np.ndarray, ...]] = []
        self._ranges: list[np.ndarray] = []
        # Bytes between the records that the index lists.
        self._unlisted = 0

    def scan(self) -> None:
        if self._size < _HEAD:
            raise damaged(self._path, f"it has {self._size} bytes")
        with mapped(self._path) as data:
            self._data, self._bytes = data, np.frombuffer(data, np.uint8)
            try:
                for records in self._indexed() if os.path.exists(self._index_path) else self._walked():
                    self._look_at(records)
            finally:
                self._bytes = np.empty(0, np.uint8)
        self._add_rounded()
        if self._unlisted:
            index = os.path.basename(self._index_path)
            self._into.notes.append(
                f"{self._unlisted:,} of {self._size:,} bytes, whose records {index} does not list"
            )

    @property
    def _index_path(self) -> str:
        return f"{os.path.splitext(self._path)[0]}.idx"

    # Where records begin

    def _indexed(self) -> Iterator[_Records]:
        """The records that the index lists."""
        self._into.reads(self._index_path)
        keys, at = self._index()
        if len(at) == 0:
            raise damaged(self._index_path, "it lists no records", "delete it: the .rec is read without")
        order = None
        for part in _parts(len(at)):
            self._refuse_outside(keys[part], at[part])
            before = at[part.start - 1 : part.stop - 1] if part.start else np.append(-1, at[: part.stop - 1])
            if order is None and (at[part] <= before).any():
                order = np.argsort(at, kind="stable")
        if order is not None:
            keys, at = keys[order], at[order]
            if (twice := np.flatnonzero(at[1:] == at[:-1])).size:
                row = int(twice[0])
                raise damaged(
                    self._index_path,
                    f"records {keys[row]} and {keys[row + 1]} begin at one byte",
                    "delete it: the .rec is read without",
                )
        self._unlisted += int(at[0])
        for part in _parts(len(at)):
            after = at[part.start + 1 : part.stop + 1]
            limit = after if len(after) == part.stop - part.start else np.append(after, self._size)
            yield _Records(keys[part], at[part], limit)

    def _refuse_outside(self, keys: np.ndarray, at: np.ndarray) -> None:
        outside = np.flatnonzero((at < 0) | (at > self._size - _HEAD))
        if outside.size:
            row = int(outside[0])
            raise damaged(
                self._index_path,
                f"record {keys[row]} is to begin at byte {at[row]:,}, and {self._path} has {self._size:,} bytes",
                "copy the .rec anew if it is cut off; else take the .idx that goes with it, or delete the .idx: "
                "the .rec is read without",
            )

    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys and offsets: `key \\t offset` a line."""
        keys, at = self._into.column("<i8"), self._into.column("<i8")
        rest, lines = b"", 0

        def take(text: bytes) -> None:
            nonlocal lines
            rows = self._numbers(text, lines)
            keys.append(rows[:, 0])
            at.append(rows[:, 1])
            lines += len(rows)

        try:
            with open(self._index_path, "rb") as file:
                while piece := file.read(_TEXT):
                    whole, newline, rest = (rest + piece).rpartition(b"\n")
                    take(whole + newline)
                take(rest)
        except OSError as error:
            raise unreadable(self._index_path, error) from error
        return keys.values(), at.values()

    def _numbers(self, text: bytes, before: int) -> np.ndarray:
        """The two numbers of each of these lines; `before`: how many lines came before."""
        lines = text.count(b"\n") + (not text.endswith(b"\n")) if text else 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "error", DeprecationWarning
                )  # so numpy before 2.3 tells of what is no number
                numbers = np.fromstring(text, np.int64, sep=" ") if text else np.empty(0, np.int64)
        except (ValueError, DeprecationWarning):
            numbers = None
        if numbers is not None and len(numbers) == 2 * lines:
            return numbers.reshape(-1, 2)
        told = [line.split() for line in text.splitlines()]
        wrong = next((i for i, words in enumerate(told) if not _is_key_and_offset(words)), None)
        if wrong is None:  # such as empty lines, or a last one with blanks
            return np.array([[int(word) for word in words] for words in told if words], np.int64).reshape(
                -1, 2
            )
        raise damaged(
            self._index_path,
            f"line {before + wrong + 1:,} is no key and offset",
            "delete it: the .rec is read without",
        )

    def _walked(self) -> Iterator[_Records]:
        """All records, one after the other; they are called by their number."""
        at, key = 0, 0
        starts: list[int] = []
        while at < self._size:
            starts.append(at)
            at, key = self._end_of(at, key), key + 1
            if len(starts) == _ROWS:
                yield self._numbered(starts, at, key)
                starts = []
        if starts:
            yield self._numbered(starts, at, key)

    def _numbered(self, starts: list[int], end: int, after: int) -> _Records:
        at = np.array(starts, np.int64)
        return _Records(np.arange(after - len(at), after), at, np.append(at[1:], end))

    def _end_of(self, at: int, key: int) -> int:
        """Where the record at `at` ends, with all of its parts."""
        kind, length = self._head(at, key)
        if kind not in (_WHOLE, _FIRST):
            raise self._damaged(key, at, f"it begins with part {kind} of a record that was cut")
        end = at + _HEAD + length + (-length & 3)
        while kind in (_FIRST, _MIDDLE):
            kind, length = self._head(end, key)
            if kind not in (_MIDDLE, _LAST):
                raise self._damaged(key, end, "a record that was cut into parts lacks its last")
            end += _HEAD + length + (-length & 3)
        return end

    def _head(self, at: int, key: int) -> tuple[int, int]:
        head = self._data[at : at + _HEAD]
        if len(head) < _HEAD:
            raise self._damaged(key, at, "the file ends there: it is cut off")
        if head[:4] != _MAGIC_BYTES:
            raise self._damaged(key, at, f"no record begins there, but {head.hex(' ')}")
        told = int.from_bytes(head[4:], "little")
        length = told & _LENGTH
        if at + _HEAD + length > self._size:
            raise self._damaged(
                key, at, f"it is to be {length:,} bytes long, and the file ends before: it is cut off"
            )
        return told >> 29, length

    # What they hold

    def _look_at(self, records: _Records) -> None:
        keys, at, limit = records
        window = self._bytes[np.minimum(at[:, None] + np.arange(_WINDOW), self._size - 1)]
        words = window.view("<u4")
        magic, told, flag = words[:, 0], words[:, 1], words[:, 2].astype(np.int64)
        kind, length = told >> 29, (told & _LENGTH).astype(np.int64)
        wrong = (magic != _MAGIC) | ~np.isin(kind, (_WHOLE, _FIRST)) | (at + _HEAD + length > limit)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            self._head(int(at[row]), int(keys[row]))
            raise self._damaged(
                int(keys[row]), int(at[row]), "it overlaps the next, or is part of one that was cut"
            )
        begin, end = at + _HEAD + _IMAGE_HEAD + 4 * flag, at + _HEAD + length
        after = end + (-length & 3)
        shard = np.full(len(at), self._shard)
        for row in np.flatnonzero(kind == _FIRST).tolist():
            payload = self._joined(int(at[row]), int(keys[row]), int(limit[row]))
            after[row] = self._end_of(int(at[row]), int(keys[row]))
            flag[row] = int.from_bytes(payload[:4], "little")
            head = payload[: _WINDOW - _HEAD].ljust(_WINDOW - _HEAD, b"\0")
            window[row, _HEAD:] = np.frombuffer(head, np.uint8)
            image = payload[_IMAGE_HEAD + 4 * int(flag[row]) :]
            shard[row], begin[row] = self._into.pack(image)
            end[row] = begin[row] + len(image)
        self._unlisted += int(np.maximum(limit - after, 0).sum())
        short = (begin > end) | ((kind == _WHOLE) & (length < _IMAGE_HEAD))
        if short.any():
            row = int(np.flatnonzero(short)[0])
            raise self._damaged(
                int(keys[row]),
                int(at[row]),
                f"it holds no image record: {length[row]} bytes, {flag[row]} labels",
            )
        numbers = window.view("<f4")
        label = np.where(flag > 0, numbers[:, 8], numbers[:, 3])
        is_image = (end > begin) | (flag != 2)
        self._ranges.append(
            np.stack([keys, numbers[:, 8], numbers[:, 9]], axis=1)[~is_image].astype(np.float64)
        )
        self._add(*(column[is_image] for column in (keys, label, shard, begin, end - begin)))

    def _joined(self, at: int, key: int, limit: int) -> bytes:
        """The payload of a record that was cut into parts, with the magic between them again."""
        parts = []
        kind = _FIRST
        while kind in (_FIRST, _MIDDLE):
            kind, length = self._head(at, key)
            if (kind == _FIRST) != (not parts) or kind == _WHOLE or at + _HEAD + length > limit:
                raise self._damaged(key, at, "a record that was cut into parts lacks its last")
            parts.append(self._data[at + _HEAD : at + _HEAD + length])
            at += _HEAD + length + (-length & 3)
        return _MAGIC_BYTES.join(parts)

    def _add(
        self, keys: np.ndarray, label: np.ndarray, shard: np.ndarray, begin: np.ndarray, length: np.ndarray
    ) -> None:
        with np.errstate(invalid="ignore"):
            odd = ~(np.isfinite(label) & (label >= 0) & (label == np.floor(label)))
        if odd.any():
            row = int(np.flatnonzero(odd)[0])
            raise unsuitable(
                self._path,
                f"the label of record {keys[row]} is {label[row]}, not the whole number of an identity",
                "make the file with one class a person, counted from 0",
            )
        classes = label.astype(np.int64)
        rounded = classes >= EXACT
        if rounded.any():
            self._rounded.append(tuple(c[rounded] for c in (keys, classes, shard, begin, length)))
            keys, classes, shard, begin, length = (c[~rounded] for c in (keys, classes, shard, begin, length))
        if len(keys):
            self._into.add(classes, keys, shard, begin, length)

    def _add_rounded(self) -> None:
        if not self._rounded:
            return
        keys, classes, *where = (np.concatenate(column) for column in zip(*self._rounded, strict=True))
        order = np.argsort(keys, kind="stable")
        keys, classes = keys[order], classes[order]
        ranges = np.concatenate(self._ranges)
        if len(ranges) == 0:
            raise unsuitable(
                self._path,
                f"labels from {EXACT:,} on are rounded (f32), and there are no ranges of identities to tell them apart",
                "make the file with InsightFace's records of identities, or split the identities over several files",
            )
        # Identities are numbered in the order of their records, which follow each other; a header may stand before the images.
        ranges = ranges[ranges[:, 0] > keys[0]]
        identities = (ranges[:, 0] - ranges[:, 0].min(initial=np.inf)).astype(np.int64)
        high = identities >= EXACT
        exact, unsure = told_apart(keys, classes, identities[high], ranges[high, 1])
        if unsure:
            self._into.notes.append(
                f"{unsure:,} borders between identities that rounded labels do not tell, each off by an image or two at most"
            )
        self._into.add(exact, keys, *(column[order] for column in where))

    def _damaged(self, key: int, at: int, what: str) -> Exception:
        return damaged(self._path, f"record {key:,} at byte {at:,}: {what}")


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS))


def _is_key_and_offset(words: list[bytes]) -> bool:
    return not words or (
        len(words) == 2 and all(word.lstrip(b"-").isdigit() and len(word) < 19 for word in words)
    )
