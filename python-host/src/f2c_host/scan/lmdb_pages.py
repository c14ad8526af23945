"""LMDB's file, read page by page: where in it each value lies. The format is that of mdb.c (git.openldap.org, openldap, branch
mdb.master): data version 1, 64 bits, little-endian.

Why not by the library: it maps the file and follows what stands in it, and on a damaged one the process dies. Here every place is
compared with the page and the file, and a page that is reached twice is refused, so that circles end.

    page       u64 number, u16, u16 flags, u16 lower, u16 upper (both: u32 pages, of values that are longer than a page), then u16
               places of nodes up to `lower`; the nodes lie from `upper` to the page's end
    node       u16 low, u16 high, u16 flags, u16 length of the key; the key; in leaves the value, or the page where it begins
    tree       u32, u16 flags, u16 depth, u64 branches, leaves, overflow pages, entries, root
    meta page  (0 and 1, the one with the higher transaction counts) behind its head: u32 magic, u32 version, u64 address,
               u64 size, two trees, of free pages and of values, u64 last page, u64 transaction; the first tree's u32 is
               the page size
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from .refusals import damaged, unsuitable

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_PAGE = struct.Struct("<QHHHH")
_NODE = struct.Struct("<HHHH")
_META = struct.Struct("<IIQQ")
_TREE = struct.Struct("<IHHQQQQQ")
_HEAD = _PAGE.size
_META_BYTES = _META.size + 2 * _TREE.size + 16
_BRANCH, _LEAF, _OVERFLOW, _META_PAGE, _LEAF2 = 1, 2, 4, 8, 0x20
_KIND = _BRANCH | _LEAF | _OVERFLOW | _META_PAGE | _LEAF2
_BIG, _SUBTREE, _DUPLICATES = 1, 2, 4
_SEVERAL_VALUES = 0x04
_OTHER_ORDERS = {0x02: "MDB_REVERSEKEY", 0x08: "MDB_INTEGERKEY"}
_SMALLEST_PAGE, _LARGEST_PAGE, _DEEPEST = 256, 1 << 15, 32
_NOWHERE = (1 << 64) - 1
_LONGEST = (1 << 31) - 1


class Entry(NamedTuple):
    """A key, and where in the file its value lies."""

    key: bytes
    at: int
    length: int
    is_database: bool


class _Tree(NamedTuple):
    pad: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int


class LmdbFile:
    """An LMDB file, mapped."""

    def __init__(self, path: str, data: mmap.mmap) -> None:
        self._path, self._data = path, data
        self._size = len(data)
        page, first = self._meta(0, 0)
        _, second = self._meta(1, page)
        self._page = page
        self._main = max(first, second, key=lambda meta: meta[0])[1]

    def entries(self, database: bytes | None = None) -> Iterator[Entry]:
        """What a database holds, in the order of keys; the one without a name unless one is given."""
        tree = self._main if database is None else self._named(database)
        if tree.flags & _SEVERAL_VALUES:
            raise self._unsuitable(
                "its keys may have several values each (MDB_DUPSORT)",
                "copy the images to a database without: a key for each",
            )
        for flag, name in _OTHER_ORDERS.items():
            if tree.flags & flag:
                raise self._unsuitable(
                    f"its keys are no texts in their order ({name})",
                    "copy the images to a database without",
                )
        return self._walk(tree)

    def _named(self, database: bytes) -> _Tree:
        names = []
        for entry in self._walk(self._main):
            if entry.is_database:
                if entry.key == database:
                    return self._tree_at(entry.at)
                names.append(entry.key.decode(errors="replace"))
        raise self._unsuitable(
            f"it has no database {database.decode(errors='replace')!r}, but {', '.join(names[:5]) or 'none with a name'}",
            "name one of these as `database`, or leave it out for the values that lie in none",
        )

    # What the file says of itself

    def _meta(self, number: int, at: int) -> tuple[int, tuple[int, _Tree]]:
        """The page size, and the number of the transaction with the tree of values."""
        if at + _HEAD + _META_BYTES > self._size:
            raise self._damaged(f"it has {self._size:,} bytes: it is cut off")
        flags = _PAGE.unpack_from(self._data, at)[2]
        magic, version, _, _ = _META.unpack_from(self._data, at + _HEAD)
        if magic != _MAGIC:
            self._refuse_other_machine()
            raise self._damaged(f"page {number} at byte {at:,} does not begin as an LMDB file's")
        if not flags & _META_PAGE:
            raise self._damaged(f"page {number} at byte {at:,} does not say how the file is laid out")
        if version != _VERSION:
            raise self._unsuitable(
                f"it is of LMDB's data version {version}, and version {_VERSION} is read",
                "copy it with the tools of the LMDB that made it: mdb_dump, and mdb_load of LMDB 0.9",
            )
        page = self._tree_at(at + _HEAD + _META.size).pad
        if not _SMALLEST_PAGE <= page <= _LARGEST_PAGE or page & (page - 1):
            raise self._damaged(f"page {number} at byte {at:,} tells of pages of {page:,} bytes")
        tree = self._tree_at(at + _HEAD + _META.size + _TREE.size)
        transaction = int.from_bytes(
            self._data[at + _HEAD + _META_BYTES - 8 : at + _HEAD + _META_BYTES], "little"
        )
        return page, (transaction, tree)

    def _tree_at(self, at: int) -> _Tree:
        return _Tree(*_TREE.unpack_from(self._data, at))

    def _refuse_other_machine(self) -> None:
        magic = _MAGIC.to_bytes(4, "little")
        if self._data[12:16] == magic or magic[::-1] in (self._data[12:16], self._data[16:20]):
            raise self._unsuitable(
                "it was made on a machine of 32 bits, or of the other byte order",
                "copy it with mdb_dump there and mdb_load here",
            )

    # Trees

    def _walk(self, tree: _Tree) -> Iterator[Entry]:
        if tree.root == _NOWHERE:
            return
        if tree.depth > _DEEPEST:
            raise self._damaged(f"its tree is to be {tree.depth} pages deep")
        seen = _Seen(self._size // self._page)
        count, before = 0, b""
        # Pages still to be looked at, with how deep each lies; the next one last.
        waiting = [(tree.root, 1)]
        while waiting:
            number, depth = waiting.pop()
            at, kind, places = self._tree_page(number, seen)
            if kind != (_LEAF if depth == tree.depth else _BRANCH):
                raise self._wrong(number, f"it lies {depth} deep in a tree of {tree.depth}")
            if kind == _BRANCH:
                waiting += [(child, depth + 1) for child in reversed(self._children(number, at, places))]
                continue
            for entry in self._leaf(number, at, places, seen):
                if count and entry.key <= before:
                    raise self._wrong(number, f"key {_shown(entry.key)} stands behind {_shown(before)}")
                before = entry.key
                count += 1
                yield entry
        if count != tree.entries:
            raise self._damaged(f"it is to hold {tree.entries:,} values, and holds {count:,}")

    def _tree_page(self, number: int, seen: _Seen) -> tuple[int, int, tuple[int, ...]]:
        """A page of a tree: where it begins, its kind, and the places of its nodes."""
        at = self._begin(number, 1, seen)
        told, _, flags, lower, upper = _PAGE.unpack_from(self._data, at)
        if told != number:
            raise self._wrong(number, f"it says it is page {told:,}")
        if not _HEAD <= lower <= upper <= self._page or lower & 1:
            raise self._wrong(number, f"its nodes are to lie from {lower} and {upper} on")
        return at, flags & _KIND, struct.unpack_from(f"<{(lower - _HEAD) // 2}H", self._data, at + _HEAD)

    def _begin(self, number: int, pages: int, seen: _Seen) -> int:
        at = number * self._page
        if number < 2 or at + pages * self._page > self._size:
            raise self._damaged(
                f"{'pages' if pages > 1 else 'page'} {number:,}{f' to {number + pages - 1:,}' if pages > 1 else ''} "
                f"is needed, and the file has {self._size // self._page:,} of {self._page:,} bytes"
            )
        if not seen.add(number, pages):
            raise self._wrong(number, "it is needed twice")
        return at

    def _children(self, number: int, at: int, places: tuple[int, ...]) -> list[int]:
        children = []
        for place in places:
            if place + _NODE.size > self._page:
                raise self._wrong(number, f"a node is to lie at {place}")
            low, high, top, _ = _NODE.unpack_from(self._data, at + place)
            children.append(low | high << 16 | top << 32)
        if not children:
            raise self._wrong(number, "it is a branch without leaves")
        return children

    def _leaf(self, number: int, at: int, places: tuple[int, ...], seen: _Seen) -> Iterator[Entry]:
        ends = []
        for place in places:
            if place + _NODE.size > self._page:
                raise self._wrong(number, f"a node is to lie at {place}")
            low, high, flags, key_length = _NODE.unpack_from(self._data, at + place)
            begin, length = place + _NODE.size + key_length, low | high << 16
            end = begin + (8 if flags & _BIG else length)
            if end > self._page:
                raise self._wrong(number, f"a node at {place} is to end at {end:,}, behind the page")
            if flags & _DUPLICATES:
                raise self._unsuitable("a key has several values", "copy the images to a key each")
            ends.append((place, end))
            key = self._data[at + place + _NODE.size : at + begin]
            value = at + begin
            if flags & _BIG:
                value = self._overflow(
                    number, int.from_bytes(self._data[value : value + 8], "little"), length, seen
                )
            elif flags & _SUBTREE and length != _TREE.size:
                raise self._wrong(number, f"database {_shown(key)} is described by {length} bytes")
            yield Entry(key, value, length, bool(flags & _SUBTREE))
        ends.sort()
        if any(end > place for (_, end), (place, _) in pairwise(ends)):
            raise self._wrong(number, "nodes overlap")

    def _overflow(self, number: int, first: int, length: int, seen: _Seen) -> int:
        """Where a value begins that has pages of its own."""
        pages = (_HEAD + length - 1) // self._page + 1
        if length > _LONGEST:
            raise self._wrong(number, f"a value is to be {length:,} bytes long")
        at = self._begin(first, pages, seen)
        told, _, flags, low, high = _PAGE.unpack_from(self._data, at)
        if told != first or flags & _KIND != _OVERFLOW:
            raise self._wrong(first, f"page {number:,} says that a value begins there, and none does")
        if low | high << 16 < pages:
            raise self._wrong(first, f"a value of {length:,} bytes is to begin there, and has not the pages")
        return at + _HEAD

    def _wrong(self, number: int, what: str) -> Exception:
        return self._damaged(f"page {number:,} at byte {number * self._page:,}: {what}")

    def _damaged(self, what: str) -> Exception:
        return damaged(self._path, what)

    def _unsuitable(self, what: str, hint: str) -> Exception:
        return unsuitable(self._path, what, hint)


class _Seen:
    """Pages that were reached, a bit each."""

    def __init__(self, pages: int) -> None:
        self._bits = bytearray(pages // 8 + 1)

    def add(self, first: int, pages: int) -> bool:
        """Whether all of these are new."""
        for number in range(first, first + pages):
            bit = 1 << (number & 7)
            if self._bits[number >> 3] & bit:
                return False
            self._bits[number >> 3] |= bit
        return True


def _shown(key: bytes) -> str:
    text = key[:40].decode(errors="backslashreplace")
    return f"{text}…" if len(key) > 40 else text
