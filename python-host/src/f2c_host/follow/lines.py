"""The lines of a file that another process adds to, and now and then replaces by its own beginning."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO


@dataclass
class Position:
    """How far a run's metrics have been taken over."""

    offset: int = 0
    """In bytes: what comes before it is written."""
    step: int = 0
    """The step after the last one that is written."""
    resumed: str = ""
    """When the run was resumed last, as far as that is written. ISO 8601 in UTC, which compares as text."""


class Lines:
    """Whole lines of `metrics.jsonl` from a position on, as they come.

    A run that goes back to a step puts a file in this one's place that ends there, and then says so in a line `resumed`. The
    lines up to there are the ones that were read. So reading goes on at the first such line that is newer than `position`, or
    at `position` where that comes before; until the line is there, nothing is read."""

    def __init__(self, path: Path, position: Position):
        self._path = path
        self._position = position
        self._file: BinaryIO | None = None

    def read(self) -> Iterator[dict[str, Any]]:
        """The lines that are there now and have not been read. The position moves behind each when the next one is asked for."""
        file = self._current()
        if file is None:
            return
        position = self._position
        file.seek(position.offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return  # the rest of it is being written, or was cut off
            entry = _parsed(raw)
            if entry is not None:
                yield entry
                if at := _resumed_at(entry):
                    position.step, position.resumed = entry["step"], at
                else:
                    position.step = max(position.step, entry["step"] + 1)
            position.offset += len(raw)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _current(self) -> BinaryIO | None:
        """The file as it is now, with the position in it; None while it is not known where to go on."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return None
        if self._file is not None:
            then = os.fstat(self._file.fileno())
            if (then.st_dev, then.st_ino) == (
                now.st_dev,
                now.st_ino,
            ) and now.st_size >= self._position.offset:
                return self._file
        file = open(self._path, "rb")  # noqa: SIM115
        place = self._place(file)
        if place is None:
            file.close()
            return None
        self.close()
        self._file, self._position.offset = file, place
        return file

    def _place(self, file: BinaryIO) -> int | None:
        position, offset = self._position, 0
        for raw in file:
            if b'"resumed"' in raw and _resumed_at(_parsed(raw)) > position.resumed:
                return min(position.offset, offset)
            offset += len(raw)
        # Nobody went back: it is the file that was read from before this process, or one that has just been cut.
        return position.offset if self._file is None and position.offset <= offset else None


def _resumed_at(entry: dict[str, Any] | None) -> str:
    """When the run was resumed, if that is what the line says."""
    return str(entry.get("at", "")) if entry and entry.get("event") == "resumed" else ""


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and isinstance(entry.get("step"), int)
    return entry if whole else None
