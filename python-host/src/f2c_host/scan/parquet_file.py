"""Parquet files of images, as Hugging Face's data sets are: read by pyarrow, whose bytes of images are copied once.

A Parquet file keeps a column in compressed pages, so an image lies nowhere as it is. Hugging Face's own library copies such files
into Arrow's form before it uses them (huggingface.co/docs/datasets, cache); here the images go to one file beside the index.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import HostError
from .index_builder import IndexBuilder
from .list_rows import LABELS, chosen_column
from .refusals import damaged, unreadable, unsuitable

# Bytes of images that are read at once, about.
_AT_ONCE = 1 << 25
_MOST_ROWS = 1 << 12
_IMAGES = ("image", "img", "picture", "face", "jpg", "jpeg", "png")


class ParquetFile:
    """One file, and the columns of it that count."""

    def __init__(self, path: str, image: str | None, label: str | None) -> None:
        self.path = path
        with _blaming(path):
            self._file = pq.ParquetFile(
                path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
            )
            schema = self._file.schema_arrow
        self._image = self._chosen(schema, image, _IMAGES, "image", _holds_images)
        self._label = self._chosen(schema, label, LABELS, "label", _tells_people, self._image)
        self._names = _class_names(schema, self._label)
        with _blaming(path):
            self.bytes = self._bytes_of_images()
        rows = self._file.metadata.num_rows
        self._rows_at_once = max(1, min(_MOST_ROWS, _AT_ONCE * rows // max(1, self.bytes)))

    def _bytes_of_images(self) -> int:
        metadata = self._file.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        columns = [group.column(i) for group in groups for i in range(group.num_columns)]
        return sum(
            column.total_uncompressed_size
            for column in columns
            if column.path_in_schema.split(".")[0] == self._image
        )

    def _chosen(
        self,
        schema: Any,
        asked: str | None,
        usual: Sequence[str],
        what: str,
        suits: Callable[[Any], bool],
        taken: str | None = None,
    ) -> str:
        kinds = {field.name: field.type for field in schema if field.name != taken}
        shown = ", ".join(f"{name}: {str(kind)[:40]}" for name, kind in list(kinds.items())[:8])
        if asked is not None and asked not in kinds:
            raise unsuitable(
                self.path, f"it has no column `{asked}`, but {shown}", f"name another as `{what}`"
            )
        if asked is not None and not suits(kinds[asked]):
            raise unsuitable(
                self.path,
                f"column `{asked}` is of type {kinds[asked]}, which holds no {what}s",
                f"name another as `{what}`: it has {shown}",
            )
        chosen = asked or chosen_column([name for name, kind in kinds.items() if suits(kind)], usual)
        if chosen is None:
            raise unsuitable(
                self.path, f"which of its columns is the {what} is not told: {shown}", f"name it as `{what}`"
            )
        return chosen

    def copy(self, into: IndexBuilder, first: int) -> int:
        """Adds the images, which are called by their row, counted from `first` over all files; returns the next."""
        for batch in self._batches():
            with _blaming(self.path):
                images = list(self._images(batch.column(self._image), first))
                labels = self._labels(batch.column(self._label), first)
            rows = np.arange(first, first + len(images))
            places = [into.pack(image) for image in images]
            into.add(
                labels,
                rows,
                places[0][0],
                np.array([at for _, at in places], np.int64),
                np.array([len(image) for image in images], np.int32),
            )
            first += len(images)
        return first

    def _batches(self) -> Iterator[Any]:
        batches = self._file.iter_batches(self._rows_at_once, columns=[self._image, self._label])
        while True:
            with _blaming(self.path):
                batch = next(batches, None)
            if batch is None:
                return
            if batch.num_rows:
                yield batch

    def _images(self, column: Any, first: int) -> Iterator[bytes]:
        paths: Sequence[str | None] = [None] * len(column)
        if pa.types.is_struct(column.type):
            if column.type.get_field_index("path") >= 0:
                paths = column.field("path").to_pylist()
            column = column.field("bytes")
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            paths, column = column.to_pylist(), [None] * len(column)
        for row, (image, path) in enumerate(zip(column, paths, strict=True), first):
            data = image.as_py() if image is not None else None
            # A row without image is an image that is broken.
            yield data if data is not None else b"" if path is None else self._beside(path, row)

    def _beside(self, path: str, row: int) -> bytes:
        """The file that a row without bytes names."""
        whole = os.path.normpath(os.path.join(os.path.dirname(self.path), path))
        if os.path.isabs(path) or path.split("/")[0] == ".." or not os.path.isfile(whole):
            raise unsuitable(
                self.path,
                f"row {row:,} holds no image, only the path {path}, and there is no such file beside",
                "make the Parquet files anew with the images in them, or put the images below their folder",
            )
        with open(whole, "rb") as file:
            return file.read()

    def _labels(self, column: Any, first: int) -> np.ndarray | list[bytes]:
        if column.null_count:
            row = first + next(i for i, label in enumerate(column) if not label.is_valid)
            raise self._no_label(row, "there is none")
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not pa.types.is_integer(column.type):
            return [label.encode() for label in column.to_pylist()]
        numbers = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
        if self._names is None:
            return numbers
        if (outside := np.flatnonzero((numbers < 0) | (numbers >= len(self._names)))).size:
            row = int(outside[0])
            raise self._no_label(
                first + row, f"class {numbers[row]} is none of the {len(self._names)} that have names"
            )
        return [self._names[number] for number in numbers.tolist()]

    def _no_label(self, row: int, what: str) -> HostError:
        return unsuitable(
            self.path,
            f"the `{self._label}` of row {row:,}: {what}",
            "leave such rows out, or name another as `label`",
        )


def _holds_images(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _is_bytes(kind.field(place).type)
    return _is_bytes(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_bytes(kind: Any) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _tells_people(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _class_names(schema: Any, label: str) -> list[bytes] | None:
    """The names of a ClassLabel, which Hugging Face's library keeps in the schema."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]
        names = told["names"] if told.get("_type") == "ClassLabel" else None
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return None
    # Names that stand twice would make one person of two.
    return [name.encode() for name in names] if len(set(names)) == len(names) else None


@contextlib.contextmanager
def _blaming(path: str) -> Iterator[None]:
    """What pyarrow says of a file, as ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise unreadable(path, error) from error
    except (pa.ArrowException, OSError, ValueError, UnicodeError) as error:
        if (
            isinstance(error, OSError)
            and error.errno is not None
            and not isinstance(error, pa.ArrowException)
        ):
            raise unreadable(path, error) from error
        raise damaged(
            path, str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        ) from error
