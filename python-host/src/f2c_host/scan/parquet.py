"""Parquet files of images, where pyarrow is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from .index_builder import IndexBuilder
from .refusals import package_missing


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of files whose labels are of one set of identities; perhaps `image` and `label`, columns by name."""
    if find_spec("pyarrow") is None:
        raise package_missing("pyarrow", "parquet")
    from .parquet_file import ParquetFile  # pyarrow takes longer to import than most scans

    files = [ParquetFile(path, spec.get("image"), spec.get("label")) for path in spec["paths"]]
    into.make_room(sum(file.bytes for file in files))
    first = 0
    for file in files:
        into.reads(file.path)
        first = file.copy(into, first)
