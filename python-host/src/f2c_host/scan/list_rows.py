"""The rows of a list of images: paths and labels, as text, one after the other.

Lists are written in many ways; which one a file has is told by the ending of its name and by its first lines.

    path label                    blanks between; the label is the last word, so a path may have blanks
    path 0 label 0                MagFace's .list (github.com/IrvingMeng/MagFace)
    number \\t label \\t path        im2rec's .lst; its label may be several, of which the first counts
    path,label                    CSV, TSV: quoted as in RFC 4180, with a header or without
    [["a.jpg", …], …]             JSON: the paths of each identity (DCQ), {"ann": ["a.jpg", …]}, {"a.jpg": 0}, [["a.jpg", 0]],
                                  or objects such as {"image": "a.jpg", "id": 0}; such objects or pairs as JSON lines
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TextIO

from .image_endings import ENDING
from .json_values import JsonValues
from .refusals import damaged, unreadable, unsuitable

# A line that is longer is none: a file without line feeds is not read whole.
_LONGEST_LINE = 1 << 20
_BEGINNING = 1 << 16
_PATHS = (
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "image_name",
    "img",
    "img_path",
)
# What columns of labels are usually called.
LABELS = (
    "label",
    "identity",
    "identity_id",
    "id",
    "class",
    "class_id",
    "person",
    "person_id",
    "subject",
    "subject_id",
    "target",
    "name",
)
_NAMED = frozenset((*_PATHS, *LABELS))
_MAGFACE = re.compile(r"(.+?)\s+0\s+(\S+)\s+0")

# A column by its name or its number, from 0.
Column = str | int | None


class Row(NamedTuple):
    """An image: the path as it is written, whose it is, and where that stands."""

    path: str
    label: str
    line: int


@dataclass(frozen=True)
class _List:
    """An open list, and which columns it is told to have."""

    shown: str
    file: TextIO
    path: Column
    label: Column
    unit: str = "line"

    def beginning(self) -> str:
        """What the file begins with; it is read from its start again then."""
        text = self.file.read(_BEGINNING)
        self.file.seek(0)
        return text

    def wrong(self, line: int, what: str, hint: str = "mend or delete it") -> Exception:
        return unsuitable(self.shown, f"{self.unit} {line:,}: {what}", hint)

    def columns_unknown(self, what: str, found: Sequence[str]) -> Exception:
        shown = ", ".join(cell[:40] for cell in found[:8])
        return unsuitable(
            self.shown,
            f"{what}: its first line has {len(found)} ({shown})",
            "name them, by their names or numbers from 0: `path: 2, label: 0`",
        )


def rows_of(shown: str, path: Column, label: Column) -> Iterator[Row]:
    """The rows of the list `shown`. Bytes that are not UTF-8 come as surrogates (PEP 383)."""
    try:
        with open(shown, "rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise unsuitable(shown, "it is text in UTF-16", "save it as UTF-8")
        with open(shown, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            told = _List(shown, text, path, label)
            yield from _reader_of(told)(told)
    except OSError as error:
        raise unreadable(shown, error) from error


def _reader_of(told: _List) -> Callable[[_List], Iterator[Row]]:
    ending = os.path.splitext(told.shown)[1].lower()
    first, _, others = told.beginning().lstrip().partition("\n")
    if ending in (".jsonl", ".ndjson") or (first[:1] == "{" and others.strip() and _is_json(first)):
        return _json_lines
    if ending == ".json" or first[:1] in ("[", "{"):
        return _json_array if first[:1] == "[" else _json_object
    if ending in (".csv", ".tsv"):
        return _delimited
    if ending == ".lst" and "\t" in first:
        return _im2rec
    is_blank_separated = "\t" not in first and len(first.split()) > 1
    return _words if is_blank_separated else _delimited


def _lines(told: _List) -> Iterator[str]:
    number = 0
    while line := told.file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise damaged(told.shown, f"line {number:,} is longer than {_LONGEST_LINE:,} characters")
        yield line


def _written(told: _List) -> Iterator[tuple[int, str]]:
    """The lines that hold something, by their numbers, without blanks around."""
    for number, line in enumerate(_lines(told), 1):
        if stripped := line.strip():
            yield number, stripped


# Words


def _words(told: _List) -> Iterator[Row]:
    parted: Callable[[str], tuple[str, str] | None] | None = None
    for number, line in _written(told):
        if parted is None:
            parted = _parting(told, line)
            if _is_header(line.lower().split()):
                continue
        found = parted(line)
        if found is None:
            raise told.wrong(number, f"`{line[:80]}` is not like the lines before")
        yield Row(*found, number)


def _parting(told: _List, first: str) -> Callable[[str], tuple[str, str] | None]:
    """How path and label are taken out of each line."""
    if told.path is not None or told.label is not None:
        words = first.split()
        path = 0 if told.path is None else told.path
        label = len(words) - 1 if told.label is None else told.label
        if not isinstance(path, int) or not isinstance(label, int) or max(path, label) >= len(words):
            raise told.columns_unknown("it has no such columns", words)
        return lambda line: _picked(line.split(), path, label)
    if _MAGFACE.fullmatch(first):
        return lambda line: found.groups() if (found := _MAGFACE.fullmatch(line)) else None
    return lambda line: tuple(parts) if len(parts := line.rsplit(None, 1)) == 2 else None


def _picked(cells: Sequence[str], path: int, label: int) -> tuple[str, str] | None:
    return (cells[path], cells[label]) if max(path, label) < len(cells) else None


def _im2rec(told: _List) -> Iterator[Row]:
    for number, line in _written(told):
        cells = line.split("\t")
        if len(cells) < 3:
            raise told.wrong(number, f"`{line[:80]}` is no `number \\t label \\t path`")
        # Labels are written as floats.
        yield Row(cells[-1], re.sub(r"\.0+$", "", cells[1]), number)


# CSV and TSV


def _delimited(told: _List) -> Iterator[Row]:
    first = told.beginning().lstrip("\r\n").partition("\n")[0]
    delimiter = next((mark for mark in "\t,;" if mark in first), ",")
    rows = csv.reader(_lines(told), delimiter=delimiter, strict=True)
    columns: tuple[int, int] | None = None
    try:
        for cells in rows:
            if columns is None and any(map(str.strip, cells)):
                path, label, is_header = _columns(told, [cell.strip() for cell in cells])
                columns = path, label
                if is_header:
                    continue
            found = _picked(cells, *columns) if columns else None
            if found and (path_told := found[0].strip()) and (label_told := found[1].strip()):
                yield Row(path_told, label_told, rows.line_num)
            elif any(map(str.strip, cells)):
                raise told.wrong(rows.line_num, f"`{delimiter.join(cells)[:80]}` lacks a path or a label")
    except csv.Error as error:
        raise damaged(told.shown, f"line {rows.line_num:,}: {error}", "mend its quotes (RFC 4180)") from error


def _columns(told: _List, first: list[str]) -> tuple[int, int, bool]:
    """The columns of path and label, and whether the first line is their header."""
    names = [cell.lower() for cell in first]
    named = isinstance(told.path, str) or isinstance(told.label, str)
    is_header = named or _is_header(names)
    path = _asked(told, told.path, first)
    label = _asked(told, told.label, first)
    if path is None and is_header:
        path = _first_named(names, _PATHS, label)
    if path is None and not is_header:
        path = next((i for i, cell in enumerate(first) if i != label and ENDING.search(cell)), None)
    if label is None and is_header:
        label = _first_named(names, LABELS, path)
    if len(first) == 2:
        path = 1 - label if path is None and label is not None else path
        path = 0 if path is None else path
        label = 1 - path if label is None else label
    if path is None or label is None:
        missing = "the path" if path is None else "the label"
        raise told.columns_unknown(f"which of its columns is {missing} is not told", first)
    return path, label, is_header


def _is_header(names: Sequence[str]) -> bool:
    return any(name in _NAMED for name in names) and not any(map(ENDING.search, names))


def chosen_column(suitable: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column of a usual name, or the only one that is suitable."""
    lower = [name.lower() for name in suitable]
    named = next((suitable[lower.index(name)] for name in usual if name in lower), None)
    return named or (suitable[0] if len(suitable) == 1 else None)


def _asked(told: _List, column: Column, first: Sequence[str]) -> int | None:
    if column is None:
        return None
    place = column if isinstance(column, int) else first.index(column) if column in first else len(first)
    if place >= len(first):
        raise told.columns_unknown(f"it has no column {json.dumps(column)}", first)
    return place


def _first_named(names: Sequence[str], wanted: Sequence[str], taken: int | None) -> int | None:
    return next((names.index(name) for name in wanted if name in names and names.index(name) != taken), None)


# JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_object(told: _List) -> Iterator[Row]:
    told = replace(told, unit="entry")
    for number, (key, value) in enumerate(JsonValues(told.shown, told.file).entries(), 1):
        if isinstance(value, list):
            yield from (Row(_path(told, path, number), key, number) for path in value)
        else:
            yield Row(key, _label(told, value, number), number)


def _json_array(told: _List) -> Iterator[Row]:
    told = replace(told, unit="entry")
    fields = _Fields(told)
    for number, value in enumerate(JsonValues(told.shown, told.file).elements(), 1):
        if isinstance(value, list) and not _is_pair(value):
            yield from (Row(_path(told, path, number), str(number - 1), number) for path in value)
        else:
            yield fields.row(value, number)


def _json_lines(told: _List) -> Iterator[Row]:
    fields = _Fields(told)
    for number, line in _written(told):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise damaged(told.shown, f"line {number:,} is no JSON: {error}") from error
        yield fields.row(value, number)


class _Fields:
    """Objects and pairs as rows. Which of an object's keys are meant, the first one says."""

    def __init__(self, told: _List) -> None:
        self._told = told
        self._keys: tuple[str, str] | None = None

    def row(self, value: Any, number: int) -> Row:
        told = self._told
        if isinstance(value, list) and _is_pair(value):
            return Row(value[0], _label(told, value[1], number), number)
        if not isinstance(value, dict):
            raise told.wrong(
                number,
                f"`{json.dumps(value)[:80]}` does not say whose image it is",
                'write objects such as {"path": "a.jpg", "label": 0}, or the paths of each identity as a list',
            )
        self._keys = self._keys or self._chosen(list(value))
        path, label = (value.get(key) for key in self._keys)
        return Row(_path(told, path, number), _label(told, label, number), number)

    def _chosen(self, keys: list[str]) -> tuple[str, str]:
        told = self._told
        path, label = _asked(told, told.path, keys), _asked(told, told.label, keys)
        names = [key.lower() for key in keys]
        path = _first_named(names, _PATHS, label) if path is None else path
        label = _first_named(names, LABELS, path) if label is None else label
        if path is None or label is None:
            raise told.columns_unknown("which of its keys are path and label is not told", keys)
        return keys[path], keys[label]


def _is_pair(value: Sequence[Any]) -> bool:
    return (
        len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
        and not isinstance(value[1], bool)
    )


def _path(told: _List, value: Any, number: int) -> str:
    if isinstance(value, str) and value:
        return value
    raise told.wrong(number, f"`{json.dumps(value)[:80]}` is no path")


def _label(told: _List, value: Any, number: int) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise told.wrong(number, f"`{json.dumps(value)[:80]}` is no label")
