"""Rows of a matrix as images: row i of a tensor f32 [N, D] in a safetensors file is an image of D channels and one pixel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from f2c_host.data.source import Source
from f2c_host.data.source_spec import bad_spec, checked_indices, whole

_KIND = "matrix"
_ROW = np.dtype("<f4")


class Matrix(Source):
    """The file is mapped, not read: only rows that are asked for come into memory. A set is the rows from `first` on."""

    def __init__(self, spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> None:
        self._rows = _mapped(Path(_text(spec, "path")), _text(spec, "tensor"))
        first = whole(spec, "first", 0, len(self._rows), 0)
        self._rows = self._rows[first : first + whole(spec, "rows", 0, len(self._rows) - first)]
        self.shape = (self._rows.shape[1], 1, 1)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Rows f32 [n, D, 1, 1]."""
        wanted = checked_indices(_KIND, indices, len(self))
        return torch.from_numpy(self._rows[wanted]).reshape(-1, *self.shape)


def _text(spec: dict[str, Any], name: str) -> str:
    value = spec.get(name)
    if not isinstance(value, str):
        raise bad_spec(_KIND, f"{name} is {value!r}, not a text", f"give {name}")
    return value


def _mapped(path: Path, tensor: str) -> np.ndarray:
    """The tensor, mapped read-only. Format: huggingface.co/docs/safetensors"""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        entry = header[tensor]
        rows, columns = entry["shape"]
        if entry["dtype"] != "F32" or columns < 1:
            raise ValueError(f"{tensor} is {entry['dtype']} {entry['shape']}")
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        ends = (e["data_offsets"][1] for name, e in header.items() if name != "__metadata__")
        if 8 + length + max(ends) > path.stat().st_size or end - start != rows * columns * _ROW.itemsize:
            raise ValueError("it is cut short")
    except OSError as error:
        raise bad_spec(_KIND, f"cannot read `{path}`: {error}", "run the stage that makes it") from error
    except (KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise bad_spec(
            _KIND,
            f"`{path}` holds no rows f32 called `{tensor}`: {error!r:.100}",
            "run the stage that makes it again",
        ) from error
    if rows == 0:
        return np.empty((0, columns), _ROW)
    return np.memmap(path, _ROW, "r", start, (rows, columns))
