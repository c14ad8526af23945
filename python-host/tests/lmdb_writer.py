"""LMDB as mdb.c lays it out, literally, with pages of any size: a writer for tests. Long values have pages of their own."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

_NOWHERE = (1 << 64) - 1


class _Pages:
    def __init__(self, size: int) -> None:
        self.size = size
        self.pages: list[bytes] = [b"", b""]

    def nodes(self, flags: int, nodes: list[bytes]) -> int:
        """A page of a tree."""
        number = len(self.pages)
        places, upper, body = [], self.size, b""
        for node in nodes:
            node += b"\0" * (len(node) & 1)
            upper -= len(node)
            places.append(upper)
            body = node + body
        lower = 16 + 2 * len(nodes)
        head = struct.pack("<QHHHH", number, 0, flags, lower, upper) + struct.pack(
            f"<{len(places)}H", *places
        )
        assert lower <= upper
        self.pages.append(head + b"\0" * (upper - lower) + body)
        return number

    def overflow(self, value: bytes) -> int:
        number, count = len(self.pages), (15 + len(value)) // self.size + 1
        whole = struct.pack("<QHHI", number, 0, 4, count) + value
        whole += b"\0" * (count * self.size - len(whole))
        self.pages += [whole[i : i + self.size] for i in range(0, len(whole), self.size)]
        return number

    def tree(self, values: Mapping[bytes, bytes], flags: int = 0) -> bytes:
        """The record of a tree that holds these."""
        most = (self.size - 16) // 2 // 2 * 2 - 2
        leaves: list[tuple[bytes, int]] = []
        full: list[bytes] = []
        first = b""

        def close() -> None:
            if full:
                leaves.append((first, self.nodes(2, full.copy())))
                full.clear()

        overflows = len(self.pages)
        for key, value in sorted(values.items()):
            is_big = 8 + len(key) + len(value) > most
            body = struct.pack("<Q", self.overflow(value)) if is_big else value
            node = struct.pack("<IHH", len(value), 1 if is_big else flags, len(key)) + key + body
            if 16 + sum(len(other) + 4 for other in full) + len(node) + 4 > self.size:
                close()
            first = key if not full else first
            full.append(node)
        close()
        overflows = len(self.pages) - overflows - len(leaves)
        depth, level, branches = bool(leaves), leaves, 0
        while len(level) > 1:
            width = max(2, (self.size - 16) // (max(len(key) for key, _ in level) + 12))
            groups = [level[i : i + width] for i in range(0, len(level), width)]
            level = []
            for group in groups:
                nodes = [
                    struct.pack("<IHH", page & 0xFFFFFFFF, page >> 32, len(key) if i else 0)
                    + (key if i else b"")
                    for i, (key, page) in enumerate(group)
                ]
                level.append((group[0][0], self.nodes(1, nodes)))
            branches, depth = branches + len(level), depth + 1
        root = level[0][1] if level else _NOWHERE
        return struct.pack("<IHHQQQQQ", 0, 0, depth, branches, len(leaves), overflows, len(values), root)


def write_lmdb(
    path: Path, values: Mapping[bytes, bytes], page: int = 4096, **databases: Mapping[bytes, bytes]
) -> None:
    """A file with these values, and databases with names beside them."""
    pages = _Pages(page)
    named = {name.encode(): pages.tree(held) for name, held in databases.items()}
    main = pages.tree(named, flags=2) if named else pages.tree(values)
    free = struct.pack("<IHHQQQQQ", page, 0, 0, 0, 0, 0, 0, _NOWHERE)
    last = len(pages.pages) - 1
    for number in range(2):
        # The older of the two knows of no values.
        tree = main if number else struct.pack("<IHHQQQQQ", 0, 0, 0, 0, 0, 0, 0, _NOWHERE)
        meta = (
            struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 24) + free + tree + struct.pack("<QQ", last, number)
        )
        pages.pages[number] = (struct.pack("<QHHI", number, 0, 8, 0) + meta).ljust(page, b"\0")
    path.write_bytes(b"".join(pages.pages))
