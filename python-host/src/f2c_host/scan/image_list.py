"""Lists of image files: which there are, and whose each is. The images stay where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from .index_builder import IndexBuilder
from .list_rows import Row, rows_of
from .refusals import unsuitable

_ROWS = 1 << 16
# How much rarer files are looked for, the more of them were: 1,400 of 42 million.
_RARER = 1.01


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of the lists, whose labels are of one set of identities; `root`, below which their paths lie; perhaps `path`
    and `label`, the columns that are meant."""
    into.facts["paths"] = "whole"
    looked_for = _LookedFor(spec["root"])
    for path in spec["paths"]:
        into.reads(path)
    rows = chain.from_iterable(rows_of(path, spec.get("path"), spec.get("label")) for path in spec["paths"])
    for batch in _batches(rows):
        names = [_bytes(row.path, spec, row) for row in batch]
        looked_for.some_of(names)
        looked_for.refuse_if_none(spec["paths"][0])
        into.add([_bytes(row.label, spec, row) for row in batch], names)
    if looked_for.missing:
        into.remarks.append(looked_for.remark())


def _batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS)):
        yield batch


def _bytes(text: str, spec: dict[str, Any], row: Row) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise unsuitable(
            spec["paths"][0], f"entry {row.line:,}: {text!r} is no text", "mend or delete it"
        ) from error


class _LookedFor:
    """Whether files are there: all of the first hundred, then ever fewer; millions would take minutes on a network's disk."""

    def __init__(self, root: str) -> None:
        self._root = root.encode()
        self._seen = self._next = self._count = 0
        self.missing: list[bytes] = []

    def some_of(self, names: Sequence[bytes]) -> None:
        while self._next < self._seen + len(names):
            path = os.path.join(self._root, names[self._next - self._seen])
            self._count += 1
            if not os.path.exists(path):
                self.missing.append(path)
            self._next = max(self._next + 1, int(self._next * _RARER))
        self._seen += len(names)

    def refuse_if_none(self, shown: str) -> None:
        if len(self.missing) == self._count:
            raise unsuitable(
                shown,
                f"none of the {self._count:,} files that were looked for are there; the first is to be {self._first()}",
                "say where paths begin as `root`; or which columns are meant as `path` and `label`",
            )

    def remark(self) -> str:
        return (
            f"{len(self.missing):,} of {self._count:,} files that were looked for are not there ({self._first()}); "
            "f2c-dsl data check --leave-out FILE lists all that are missing"
        )

    def _first(self) -> str:
        return self.missing[0].decode(errors="backslashreplace")
