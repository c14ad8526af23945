"""Lists of five points a face: `name x1 y1 … x5 y5 [score]` (IJB's `name_5pts_score.txt`), or the same with commas or tabs.

With commas or tabs the first line may name the columns, in any order: `name`, `x1`, `y1` to `x5`, `y5`, and maybe `score`.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from f2c_host.errors import HostError

_NUMBERS = [f"{axis}{point}" for point in range(1, 6) for axis in "xy"]
_COLUMNS = ["name", *_NUMBERS]


@dataclass(frozen=True)
class Landmarks:
    """The points of a list's faces, by name."""

    path: str
    rows: Mapping[str, int]
    points: np.ndarray
    """f64 [faces, 5, 2], x and y in pixels."""
    scores: np.ndarray | None
    """Of the detector, f64 [faces], where the list has them."""

    def of(self, name: str) -> np.ndarray:
        """The five points of a face, f64 [5, 2]. Raises F2C6331 where the list lacks it."""
        row = self.rows.get(name)
        if row is None:
            raise HostError(
                "F2C6331",
                f"{self.path} has no points for {name}",
                hint=f"names are compared as they are written; the list has {len(self.rows)}, such as {next(iter(self.rows))}",
            )
        return self.points[row]


def read_landmarks(path: str) -> Landmarks:
    """Reads a list. Raises F2C6330 with the line that is none, and where there is no such list."""
    rows: dict[str, int] = {}
    lines: list[int] = []
    numbers, scores = array("d"), array("d")
    for line, name, values in _faces(path):
        if name in rows:
            raise _bad(path, line, f"{name} stands in line {lines[rows[name]]} already", "keep one of them")
        if lines and bool(scores) != (len(values) == 11):
            raise _bad(
                path, line, "some lines have a score and others have none", "give all of them one, or none"
            )
        rows[name] = len(rows)
        lines.append(line)
        numbers.extend(values[:10])
        scores.extend(values[10:])
    if not rows:
        raise _bad(path, None, "there is no face in it", _REMEDY)
    points = np.frombuffer(numbers, np.float64).reshape(-1, 5, 2)
    return Landmarks(path, rows, points, np.frombuffer(scores, np.float64) if scores else None)


_REMEDY = "a line is `name x1 y1 … x5 y5`, and maybe a score: eyes, nose, corners of the mouth, in pixels, left before right"


def _faces(path: str) -> Iterator[tuple[int, str, list[float]]]:
    """Each face with the number of its line, and with ten numbers or eleven."""
    order: list[int] | None = None
    for i, (line, fields) in enumerate(_lines(path)):
        if i == 0 and len(fields) > 1 and _number(fields[1]) is None and _number(fields[-1]) is None:
            order = _order(path, line, fields)
            continue
        if order is not None and len(fields) == len(order):
            fields = [fields[column] for column in order]
        yield line, fields[0], _values(path, line, fields)


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is not empty, with its number."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            start = file.readline(1 << 16)
            file.seek(0)
            separator = next((s for s in "\t," if s in start), None)
            if separator is None:
                split = ((i, line.split()) for i, line in enumerate(file, 1))
            else:
                table = csv.reader(file, delimiter=separator, strict=True)
                split = ((table.line_num, [field.strip() for field in fields]) for fields in table)
            yield from ((line, fields) for line, fields in split if fields)
    except OSError as error:
        raise _bad(
            path, None, f"cannot be read: {error.strerror}", "give the path of a list of points"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(path, None, f"is no list in UTF-8: {error}", _REMEDY) from error


def _order(path: str, line: int, titles: Sequence[str]) -> list[int]:
    """Which column holds each of name, numbers and score."""
    known = {title.lower(): i for i, title in enumerate(titles)}
    wanted = [*_COLUMNS, "score"] if "score" in known else _COLUMNS
    if missing := [name for name in wanted if name not in known]:
        raise _bad(
            path,
            line,
            f"its titles lack {', '.join(missing)}",
            f"call the columns {', '.join(_COLUMNS)}, and maybe score; or take the titles away",
        )
    if len(titles) > len(wanted):
        others = [title for title in titles if title.lower() not in wanted]
        raise _bad(path, line, f"it has a column `{others[0] if others else titles[-1]}`", "take it away")
    return [known[name] for name in wanted]


def _values(path: str, line: int, fields: Sequence[str]) -> list[float]:
    if len(fields) not in (11, 12):
        raise _bad(path, line, f"it has {len(fields)} fields, not 11 or 12", _REMEDY)
    values = [_number(field) for field in fields[1:]]
    if None in values:
        raise _bad(path, line, f"`{fields[1 + values.index(None)]}` is no finite number", _REMEDY)
    points = values[:10]
    if len(set(points[0::2])) == 1 and len(set(points[1::2])) == 1:
        raise _bad(
            path, line, "its five points are the same", "look for them again, or leave the picture out"
        )
    return values  # type: ignore[return-value]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bad(path: str, line: int | None, problem: str, remedy: str) -> HostError:
    where = path if line is None else f"{path}, line {line}"
    return HostError("F2C6330", f"{where}: {problem}", hint=remedy)
