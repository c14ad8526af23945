"""An index of images as a scan finds them, in any order and in bounded memory: columns of numbers in files, then one file.

A safetensors file, which `dsl/data/index-file.ts` and `data/index_file.py` read (huggingface.co/docs/safetensors):

    offsets i32 [I + 1]                      first image of each identity, and the number of images
    identities u8, identityEnds i64 [I + 1]  names of identities, one after the other, and where each ends
    digests i64 [I]                          of each identity, the names of its images, hashed
    shards u8, shardEnds i64 [S + 1]         paths of the files that images lie in
    shard i32 [N]                            the file of each image; missing where there is but one
    at i64 [N], length i32 [N]               where in it the image begins, and how many bytes it has
    keys i64 [N]                             names of images that are numbers; or
    names u8, nameEnds i64 [N + 1]           names of any kind

or, of images that are files of their own, `shards` to `length` are missing. The fact `paths` is `whole` where names of images do
not stand below those of their identities, but are paths by themselves. The fact `pixels` is there where images are bare bytes,
row by row: "height,width,channels"; and `planes` where those of one channel follow each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import HostError, listed
from .refusals import no_room

KIND, VERSION = "f2c index", "1"
_ROWS = 1 << 19
_MOST_IMAGES = 2**31 - 1
# A file system may give two changes so close to each other one time.
_SAME_TIME_NS = 2_000_000_000

# Room that is left on a disk that something is copied to.
_SPARE = 1 << 28

# Hears how many images were found so far, and what else the user is to know meanwhile.
Progress = Callable[[int], None]
Tell = Callable[[str], None]


class Column:
    """Numbers of one type that are appended, in a file; then an array over it."""

    def __init__(self, path: Path, dtype: str) -> None:
        self.dtype, self._path = np.dtype(dtype), path
        self._file = open(path, "w+b")  # noqa: SIM115

    def append(self, values: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(values, self.dtype))

    def values(self) -> np.ndarray:
        self._file.flush()
        size = os.fstat(self._file.fileno()).st_size
        # As a plain array: a memmap makes an object with a file of every slice, which takes longer than what is done with it.
        return np.asarray(np.memmap(self._path, self.dtype, "r")) if size else np.empty(0, self.dtype)


class IndexBuilder:
    """Takes images with the labels that they have; identities are those labels, in their order."""

    def __init__(
        self,
        path: Path,
        progress: Progress = lambda _: None,
        leave_out: Collection[bytes] = (),
        tell: Tell = lambda _: None,
    ) -> None:
        """`leave_out`: names of identities and of images (`identity/image`) that are not taken."""
        self._path, self._progress, self._tell = path, progress, tell
        self._leave_out, self._left_out = frozenset(leave_out), set[bytes]()
        self._began = _now_ns()
        # Beside the index: a folder for temporary files may lie in memory.
        self._home = Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=path.parent))
        self._columns: dict[str, Column] = {}
        self._made = 0
        self._shards: list[str] = []
        self._read: list[tuple[str, int, str]] = []
        self._ids: dict[bytes, int] = {}
        self._pack: BinaryIO | None = None
        self._packed_as = -1
        self._arrays: dict[str, np.ndarray] = {}
        self._images_left_out = 0
        # What was passed over, and what else a user is to know, in whole sentences.
        self.notes: list[str] = []
        self.remarks: list[str] = []
        self.facts: dict[str, str] = {}
        self.images = 0

    def __enter__(self) -> IndexBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    def reads(self, path: str) -> None:
        """Notes a file that the index is made from: where it has changed, the index is made anew."""
        status = os.stat(path)
        changed = status.st_mtime_ns if status.st_mtime_ns < self._began - _SAME_TIME_NS else 0
        # Nanoseconds are more than a number of JSON holds exactly.
        self._read.append((path, status.st_size, str(changed)))

    def shard(self, path: str) -> int:
        """The number of a file that images lie in."""
        self.reads(path)
        self._shards.append(path)
        return len(self._shards) - 1

    @property
    def scratch(self) -> Path:
        """A folder for files that nobody needs when the index is made."""
        return self._home

    def make_room(self, copied: int) -> None:
        """Says how much is going to be copied. Raises F2C6128 where the disk has not as much."""
        free = shutil.disk_usage(self._home).free
        if copied + _SPARE > free:
            raise no_room(str(self._path.parent), copied, free)
        self._tell(f"copying {copied / 1e6:,.1f} MB of images to {self.pack_path}, once")

    def pack(self, data: bytes) -> tuple[int, int]:
        """Keeps bytes that lie nowhere as they are, in a file beside the index: its number, and where in it they begin."""
        if self._pack is None:
            self._pack = open(self._home / "pack", "wb")  # noqa: SIM115
            self._shards.append(self.pack_path)
            self._packed_as = len(self._shards) - 1
        at = self._pack.tell()
        self._pack.write(data)
        return self._packed_as, at

    def column(self, dtype: str) -> Column:
        """Room for numbers while the scan lasts."""
        self._made += 1
        return Column(self._home / f"column-{self._made}", dtype)

    @property
    def pack_path(self) -> str:
        return f"{self._path}.pack"

    def array(self, name: str, values: np.ndarray) -> None:
        """What else a source says of its images."""
        self._arrays[name] = values

    def add(
        self,
        labels: np.ndarray | Sequence[bytes],
        names: np.ndarray | Sequence[bytes],
        shard: int | np.ndarray = 0,
        at: np.ndarray | None = None,
        length: np.ndarray | None = None,
    ) -> None:
        """Images: who is on each, a whole number or a text, and its name, likewise; where it lies, unless its name says so.

        Texts that are whole numbers count as those, as long as all are."""
        if self._leave_out:
            kept = self._taken(labels, names)
            labels, names = _some(labels, kept), _some(names, kept)
            if at is not None and length is not None:
                shard = np.broadcast_to(np.asarray(shard), len(at))[kept]
                at, length = at[kept], length[kept]
        count = len(labels)
        if count == 0:
            return
        self._append("label", "<i8", self._numbers_of(labels))
        if isinstance(names, np.ndarray):
            self._append("keys", "<i8", names)
        else:
            self._append("names", "u1", np.frombuffer(b"".join(names), np.uint8))
            self._append("nameLengths", "<i8", np.array([len(name) for name in names], np.int64))
        if at is not None and length is not None:
            self._append("shard", "<i4", np.broadcast_to(np.asarray(shard), count))
            self._append("at", "<i8", at)
            self._append("length", "<i4", length)
        self.images += count
        if self.images > _MOST_IMAGES:
            raise HostError(
                "F2C6120", f"there are more than {_MOST_IMAGES:,} images", hint="split the data set"
            )
        self._progress(self.images)

    def _taken(self, labels: np.ndarray | Sequence[bytes], names: np.ndarray | Sequence[bytes]) -> np.ndarray:
        """The rows that nothing leaves out."""
        kept = []
        whole = self.facts.get("paths") == "whole"
        for row, (label, name) in enumerate(zip(_texts(labels), _texts(names), strict=True)):
            found = self._leave_out.intersection((label, name if whole else label + b"/" + name))
            self._left_out |= found
            self._images_left_out += bool(found)
            if not found:
                kept.append(row)
        return np.array(kept, np.int64)

    def _numbers_of(self, labels: np.ndarray | Sequence[bytes]) -> np.ndarray:
        """Labels as numbers: those that they are, or, from the first that is none on, those of `_ids`."""
        if not self._ids:
            numbers = labels if isinstance(labels, np.ndarray) else _as_numbers(labels)
            if numbers is not None:
                return numbers
            self._number_texts()
        return np.array([self._ids.setdefault(label, len(self._ids)) for label in _texts(labels)], np.int64)

    def _number_texts(self) -> None:
        """What counted as numbers so far are texts like the rest."""
        if (before := self._columns.pop("label", None)) is None:
            return
        numbers = before.values()
        distinct = _distinct(numbers)
        self._ids = {str(number).encode(): i for i, number in enumerate(distinct.tolist())}
        self._columns["label"] = self.column("<i8")
        for part in _parts(len(numbers)):
            self._columns["label"].append(np.searchsorted(distinct, numbers[part]))

    def _append(self, name: str, dtype: str, values: np.ndarray) -> None:
        if name not in self._columns:
            self._columns[name] = self.column(dtype)
        self._columns[name].append(values)

    # What the index is made of, when all is found

    def finish(self, source: str) -> None:
        """Puts the index in place, whole."""
        labels, naming = self._numbered(self._columns["label"].values())
        classes = _distinct(labels)
        counts = np.zeros(len(classes), np.int64)
        for part in _parts(len(labels)):
            counts += np.bincount(np.searchsorted(classes, labels[part]), minlength=len(classes))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        order = None if _is_sorted(labels) else self._order(labels, classes, offsets)
        sections = {"offsets": offsets.astype("<i4")}
        sections |= _text("identities", "identityEnds", [naming(label) for label in classes.tolist()])
        if self._shards:
            sections |= _text("shards", "shardEnds", [os.fsencode(path) for path in self._shards])
            sections["shard"] = self._ordered("shard", order)
            sections["at"], sections["length"] = self._ordered("at", order), self._ordered("length", order)
            if len(self._shards) == 1:
                del sections["shard"]
        sections |= self._names(order)
        sections["digests"] = _digests(sections, offsets)
        sections |= self._arrays
        if self._leave_out:
            self.notes.append(f"{self._images_left_out:,} images left out by `leaveOut`")
        if unknown := sorted(self._leave_out - self._left_out):
            shown = listed([name.decode(errors="replace") for name in unknown])
            self.notes.append(f"{len(unknown):,} entries of `leaveOut` that name nothing ({shown})")
        if self._pack is not None:
            self._pack.close()
            self._note_pack()
        facts = {
            **self.facts,
            "source": source,
            "files": json.dumps(self._read),
            "skipped": json.dumps(self.notes, ensure_ascii=False),
            "remarks": json.dumps(self.remarks, ensure_ascii=False),
        }
        if self._pack is not None:
            os.replace(self._home / "pack", self.pack_path)
        unfinished = self._home / "index"
        _write(unfinished, sections, facts)
        os.replace(unfinished, self._path)

    def _note_pack(self) -> None:
        """Where the pack is gone, the index is made anew as well; nobody but this writes it, so its time is certain."""
        status = os.stat(self._home / "pack")
        self._read.append((self.pack_path, status.st_size, str(status.st_mtime_ns)))

    def _numbered(self, labels: np.ndarray) -> tuple[np.ndarray, Callable[[int], bytes]]:
        """Labels as numbers in the order of identities, and the name of each. Texts that are all numbers count as such."""
        if not self._ids:
            return labels, lambda label: str(label).encode()
        names = list(self._ids)
        order = sorted(range(len(names)), key=lambda i: natural(names[i]))
        place = np.empty(len(names), np.int64)
        place[order] = np.arange(len(names))
        numbered = self._copy("numbered", "<i8", len(labels))
        for part in _parts(len(labels)):
            numbered[part] = place[labels[part]]
        return numbered, lambda label: names[order[label]]

    def _order(self, labels: np.ndarray, classes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Where each image goes: by identity, and within one in the order in which they were found."""
        order = self._copy("order", "<i8", len(labels))
        free = offsets[:-1].copy()
        for part in _parts(len(labels)):
            whose = np.searchsorted(classes, labels[part])
            sorting = np.argsort(whose, kind="stable")
            grouped = whose[sorting]
            starts = np.flatnonzero(np.concatenate([[True], grouped[1:] != grouped[:-1]]))
            sizes = np.diff(np.concatenate([starts, [len(grouped)]]))
            rank = np.arange(len(grouped)) - np.repeat(starts, sizes)
            places = np.empty(len(whose), np.int64)
            places[sorting] = free[grouped] + rank
            order[part] = places
            free[grouped[starts]] += sizes
        return order

    def _ordered(self, name: str, order: np.ndarray | None) -> np.ndarray:
        values = self._columns[name].values()
        if order is None:
            return values
        moved = self._copy(f"{name}.moved", values.dtype.str, len(values))
        for part in _parts(len(values)):
            moved[order[part]] = values[part]
        return moved

    def _names(self, order: np.ndarray | None) -> dict[str, np.ndarray]:
        if "keys" in self._columns:
            return {"keys": self._ordered("keys", order)}
        lengths, data = self._columns["nameLengths"].values(), self._columns["names"].values()
        ends = self._copy("nameEnds", "<i8", len(lengths) + 1)
        _cumulate(self._ordered("nameLengths", order), ends)
        if order is None:
            return {"names": data, "nameEnds": ends}
        moved = self._copy("names.moved", "u1", len(data))
        begin = 0
        for part in _parts(len(lengths)):
            sizes = lengths[part]
            total = int(sizes.sum())
            shift = ends[order[part]] - (np.cumsum(sizes) - sizes)
            moved[np.repeat(shift, sizes) + np.arange(total)] = data[begin : begin + total]
            begin += total
        return {"names": moved, "nameEnds": ends}

    def _copy(self, name: str, dtype: str, count: int) -> np.ndarray:
        if count == 0:
            return np.empty(0, dtype)
        return np.asarray(np.memmap(self._home / name, np.dtype(dtype), "w+", shape=(count,)))


def _texts(values: np.ndarray | Sequence[bytes]) -> Sequence[bytes]:
    return [str(value).encode() for value in values.tolist()] if isinstance(values, np.ndarray) else values


# A whole number as it is usually written, and one that 64 bits hold.
_NUMBER = re.compile(rb"0|-?[1-9][0-9]{0,17}")


def _as_numbers(labels: Sequence[bytes]) -> np.ndarray | None:
    if not all(map(_NUMBER.fullmatch, labels)):
        return None
    return np.array([int(label) for label in labels], np.int64)


def _some(values: np.ndarray | Sequence[bytes], rows: np.ndarray) -> np.ndarray | Sequence[bytes]:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]


def natural(name: bytes) -> tuple:
    """A key by which `s2` stands before `s10`, and of equal ones (`1` and `01`) the bytes decide."""
    pieces = re.split(rb"(\d+)", name)
    return tuple((int(p), b"") if i % 2 else (-1, p.lower()) for i, p in enumerate(pieces)), name


def _now_ns() -> int:
    """The time of the file system, which need not be that of the machine."""
    with tempfile.TemporaryFile() as file:
        return os.fstat(file.fileno()).st_mtime_ns


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS))


def _distinct(labels: np.ndarray) -> np.ndarray:
    found = np.empty(0, np.int64)
    for part in _parts(len(labels)):
        found = np.union1d(found, labels[part])
    return found


def _is_sorted(labels: np.ndarray) -> bool:
    last = None
    for part in _parts(len(labels)):
        values = labels[part]
        if (last is not None and values[0] < last) or (values[1:] < values[:-1]).any():
            return False
        last = values[-1]
    return True


def _cumulate(lengths: np.ndarray, ends: np.ndarray) -> None:
    total = ends[0] = 0
    for part in _parts(len(lengths)):
        sums = np.cumsum(lengths[part], dtype=np.int64) + total
        ends[part.start + 1 : part.stop + 1] = sums
        total = int(sums[-1])


def _text(name: str, ends_name: str, parts: Sequence[bytes]) -> dict[str, np.ndarray]:
    ends = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    return {name: np.frombuffer(b"".join(parts), np.uint8), ends_name: ends}


def _digests(sections: Mapping[str, np.ndarray], offsets: np.ndarray) -> np.ndarray:
    """i64 [I]: the names of each identity's images in their order, hashed."""
    digests = np.empty(len(offsets) - 1, np.int64)
    keys, names, ends = sections.get("keys"), sections.get("names"), sections.get("nameEnds")
    bounds = offsets.tolist()
    for identity, (first, end) in enumerate(pairwise(bounds)):
        hashed = hashlib.sha256()
        if keys is not None:
            hashed.update(np.ascontiguousarray(keys[first:end]))
        else:
            hashed.update(np.ascontiguousarray(np.diff(ends[first : end + 1])))
            hashed.update(np.ascontiguousarray(names[int(ends[first]) : int(ends[end])]))
        digests[identity] = int.from_bytes(hashed.digest()[:8], "little", signed=True)
    return digests


_DTYPES = {"|u1": "U8", "<i4": "I32", "<i8": "I64"}


def _write(path: Path, sections: Mapping[str, np.ndarray], facts: Mapping[str, str]) -> None:
    """Numbers lie at multiples of their size: sections of bytes come last."""
    in_order = sorted(sections.items(), key=lambda section: -section[1].dtype.itemsize)
    header: dict[str, object] = {}
    begin = 0
    for name, values in in_order:
        header[name] = {
            "dtype": _DTYPES[values.dtype.str],
            "shape": [len(values)],
            "data_offsets": [begin, begin + values.nbytes],
        }
        begin += values.nbytes

    def text(identifier: str) -> bytes:
        metadata = {**facts, "kind": KIND, "version": VERSION, "id": identifier}
        written = json.dumps({"__metadata__": metadata, **header}).encode()
        return written + b" " * (-(8 + len(written)) % 8)

    room = len(text("0" * 32))
    contents = hashlib.sha256()
    with open(path, "wb") as file:
        file.seek(8 + room)
        for _, values in in_order:
            for part in _parts(len(values)):
                data = np.ascontiguousarray(values[part])
                contents.update(data)
                file.write(data)
        file.seek(0)
        file.write(room.to_bytes(8, "little") + text(contents.hexdigest()[:32]))
        file.flush()
        os.fsync(file.fileno())
