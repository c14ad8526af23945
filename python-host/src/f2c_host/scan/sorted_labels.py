"""A list of `key label`, in the order of its keys and in bounded memory: sorted in parts, which are merged as they are read."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .refusals import unreadable, unsuitable

# Lines that are sorted at once.
_LINES = 1 << 18
_LONGEST_LINE = 1 << 16

Labelled = tuple[bytes, bytes]


def sorted_labels(path: str, scratch: Path) -> Iterator[Labelled]:
    """Each key with its label. A key may stand twice, with one label. `scratch`: a folder for the parts."""
    try:
        parts = _parts(path, scratch)
    except OSError as error:
        raise unreadable(path, error) from error
    before: Labelled | None = None
    for labelled in heapq.merge(*map(_read, parts)):
        if before is not None and before[0] == labelled[0]:
            if before[1] != labelled[1]:
                key, one, other = (text.decode(errors="replace") for text in (*before, labelled[1]))
                raise unsuitable(path, f"key {key} has two labels, {one} and {other}", "leave one of them")
            continue
        before = labelled
        yield labelled


def _parts(path: str, scratch: Path) -> list[Path]:
    parts: list[Path] = []
    lines = _lines(path)
    while part := sorted(islice(lines, _LINES)):
        parts.append(scratch / f"labels.{len(parts)}")
        with open(parts[-1], "wb") as file:
            file.writelines(b"%b\t%b\n" % labelled for labelled in part)
    return parts


def _lines(path: str) -> Iterator[Labelled]:
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            words = line.strip().rsplit(b"\t" if b"\t" in line.strip() else None, 1)
            if len(words) == 2 and all(words) and len(line) < _LONGEST_LINE:
                yield words[0].rstrip(), words[1].lstrip()
            elif any(words):
                raise unsuitable(
                    path,
                    f"line {number:,} is no key and label: {line[:40].decode(errors='replace').strip()!r}",
                    "a line is a key of the database and the label of its identity, with a blank or a tab between them",
                )


def _read(part: Path) -> Iterator[Labelled]:
    with open(part, "rb") as file:
        for line in file:
            key, _, label = line[:-1].rpartition(b"\t")
            yield key, label
