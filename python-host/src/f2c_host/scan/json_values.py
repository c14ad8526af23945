"""JSON read value by value: what stands at the top of a file of millions is never held whole. RFC 8259."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from .refusals import damaged

_PIECE = 1 << 16
# Characters of one value at the top: an identity with all of its paths, say.
_LARGEST = 1 << 24
_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


class JsonValues:
    """The members of the array or object that a file holds."""

    def __init__(self, path: str, file: TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._at, self._before = "", 0, 0
        self._ended = False

    def elements(self) -> Iterator[Any]:
        """The values of an array."""
        yield from self._members("[", "]", self._value)

    def entries(self) -> Iterator[tuple[str, Any]]:
        """The keys and values of an object."""
        yield from self._members("{", "}", self._entry)

    def _members(self, opening: str, closing: str, member: Any) -> Iterator[Any]:
        self._take(opening)
        while self._next() != closing:
            yield member()
            if self._next() != closing:
                self._take(",")
        self._take(closing)
        if self._next():
            raise self._damaged(f"it goes on after its last {closing}")

    def _entry(self) -> tuple[str, Any]:
        key = self._value()
        if not isinstance(key, str):
            raise self._damaged("a key of an object is no text")
        self._take(":")
        return key, self._value()

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                # A number that ends where the text does may go on in the next piece.
                if end < len(self._text) or not self._more():
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > _LARGEST or not self._more():
                    raise self._damaged("no value of JSON stands there, or it is cut off") from error

    def _take(self, character: str) -> None:
        if self._next() != character:
            found = self._next()
            raise self._damaged(f"`{found}` stands where `{character}` belongs" if found else "it is cut off")
        self._at += 1

    def _next(self) -> str:
        """The next character that is no blank; none at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Whether there was more to read. A value that needs several pieces doubles them, so that it is decoded few times."""
        kept = self._text[self._at :]
        piece = self._file.read(max(_PIECE, len(kept)))
        self._before += self._at
        self._text, self._at = kept + piece, 0
        return piece != ""

    def _damaged(self, what: str) -> Exception:
        return damaged(
            self._path, f"{what} (character {self._before + self._at + 1:,})", "write the list anew, as JSON"
        )
