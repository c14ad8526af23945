"""Offsets into TypeScript sources as lines and columns. TypeScript counts UTF-16 units, torch code points."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from ..ir import Module, SourceText


@dataclass(frozen=True)
class Place:
    """Line from 1, columns from 0 in code points; `end` lies on the same line."""

    path: str
    line: int
    start: int
    end: int


class Places:
    """Finds the line and columns of a module's locations."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._starts: dict[int, list[int]] = {}

    def _line_starts(self, source: int) -> list[int]:
        starts = self._starts.get(source)
        if starts is None:
            starts = [0]
            for line in self.module.sources[source].text.split("\n"):
                starts.append(starts[-1] + utf16_length(line) + 1)
            self._starts[source] = starts
        return starts

    def place(self, location: int) -> Place:
        at = self.module.locations[location]
        starts = self._line_starts(at.source)
        row = min(bisect.bisect_right(starts, at.start), len(starts) - 1) - 1
        text = self.module.sources[at.source].text.split("\n")[row]
        start = code_points(text, at.start - starts[row])
        end = code_points(text, min(at.end, starts[row + 1] - 1) - starts[row])
        return Place(self.module.sources[at.source].path, row + 1, start, max(end, start + 1))

    def span(self, source: SourceText, line: int, start: int, end: int) -> tuple[int, int]:
        """UTF-16 offsets of columns (in code points) of a line of a source."""
        index = self.module.sources.index(source)
        starts = self._line_starts(index)
        row = min(max(line, 1), len(starts) - 1) - 1
        text = source.text.split("\n")[row]
        return starts[row] + utf16_length(text[:start]), starts[row] + utf16_length(text[:end])


def utf16_length(text: str) -> int:
    return len(text) + sum(1 for c in text if ord(c) > 0xFFFF)


def code_points(text: str, utf16: int) -> int:
    """How many code points the first `utf16` units of a text are."""
    units = 0
    for i, c in enumerate(text):
        if units >= utf16:
            return i
        units += 2 if ord(c) > 0xFFFF else 1
    return len(text)
