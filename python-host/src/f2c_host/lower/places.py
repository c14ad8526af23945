"""Offsets into TypeScript sources as lines and columns. TypeScript counts UTF-16 units, torch bytes of UTF-8."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from ..errors import Frame
from ..ir.module import Module, SourceText


@dataclass(frozen=True)
class Place:
    """Line from 1, columns from 0 in bytes of UTF-8; `end` lies on the same line."""

    path: str
    line: int
    start: int
    end: int


class Places:
    """Finds the line and columns of a module's locations."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._starts: dict[int, list[int]] = {}
        self._lines: dict[int, list[str]] = {}
        self._places: dict[int, Place] = {}

    def _lines_of(self, source: int) -> list[str]:
        if source not in self._lines:
            self._lines[source] = self.module.sources[source].text.split("\n")
        return self._lines[source]

    def _line_starts(self, source: int) -> list[int]:
        starts = self._starts.get(source)
        if starts is None:
            starts = [0]
            for line in self._lines_of(source):
                starts.append(starts[-1] + utf16_length(line) + 1)
            self._starts[source] = starts
        return starts

    def place(self, location: int) -> Place:
        """Where a location is, as far as its first line goes. torch asks for each some ten times."""
        if location not in self._places:
            self._places[location] = self._placed(location)
        return self._places[location]

    def _placed(self, location: int) -> Place:
        at = self.module.locations[location]
        starts = self._line_starts(at.source)
        row = min(bisect.bisect_right(starts, at.start), len(starts) - 1) - 1
        text = self._lines_of(at.source)[row]
        start = utf8_length(text, at.start - starts[row])
        end = utf8_length(text, min(at.end, starts[row + 1] - 1) - starts[row])
        character = len(text.encode()[start:].decode()[:1].encode())
        return Place(self.module.sources[at.source].path, row + 1, start, max(end, start + max(character, 1)))

    def position(self, location: int) -> tuple[str, int, int]:
        """Path, line and column of where a location starts, as editors count: from 1, columns in UTF-16 units."""
        at = self.module.locations[location]
        starts = self._line_starts(at.source)
        row = min(bisect.bisect_right(starts, at.start), len(starts) - 1) - 1
        return self.module.sources[at.source].path, row + 1, at.start - starts[row] + 1

    def frame(self, location: int) -> Frame:
        """A location as far as its first line goes, which is what torch marks."""
        place = self.place(location)
        source = self.module.sources[self.module.locations[location].source]
        return Frame(place.path, *self.span(source, place.line, place.start, place.end))

    def span(self, source: SourceText, line: int, start: int, end: int) -> tuple[int, int]:
        """UTF-16 offsets of columns (in bytes of UTF-8) of a line of a source."""
        index = self.module.sources.index(source)
        starts = self._line_starts(index)
        row = min(max(line, 1), len(starts) - 1) - 1
        text = self._lines_of(index)[row].encode()
        before, upto = (text[:n].decode(errors="ignore") for n in (start, end))
        return starts[row] + utf16_length(before), starts[row] + utf16_length(upto)


def utf16_length(text: str) -> int:
    return len(text) + sum(1 for c in text if ord(c) > 0xFFFF)


def utf8_length(text: str, utf16: int) -> int:
    """How many bytes of UTF-8 the first `utf16` units of a text are; of a halved pair, none."""
    return len(text.encode("utf-16-le")[: 2 * max(utf16, 0)].decode("utf-16-le", errors="ignore").encode())
