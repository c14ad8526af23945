"""Indexes of images for tests, written by the safetensors library."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

FACTS = {"kind": "f2c index", "version": "1", "id": "test", "source": "image_folder", "skipped": "[]"}


def write_index(path: Path, people: Sequence[tuple[bytes, Sequence[bytes]]], **facts: str) -> None:
    """An index of people: the name of each one's folder, and the names of the files below it."""
    names = [name for _, files in people for name in files]
    owners = [owner for owner, _ in people]
    save_file(
        {
            "names": _bytes(names),
            "nameEnds": _ends(names),
            "identities": _bytes(owners),
            "identityEnds": _ends(owners),
            "offsets": np.array([0, *accumulate(len(files) for _, files in people)], np.int32),
        },
        path,
        metadata={**FACTS, **facts},
    )


def index_spec(
    root: Path, files: Sequence[str | bytes], counts: Sequence[int] | None = None
) -> dict[str, Any]:
    """The part of a spec that says which images there are: `files` below `root`, `counts` of each person."""
    paths = [file if isinstance(file, bytes) else file.encode() for file in files]
    people, first = [], 0
    for count in counts or [len(paths)]:
        own = paths[first : first + count]
        first += count
        folders = {path.rpartition(b"/")[0] for path in own}
        folder = folders.pop() if len(folders) == 1 else b""
        people.append((folder, [path.removeprefix(folder + b"/") for path in own]))
    index = Path(tempfile.mkdtemp(prefix="f2c-index-")) / "test.index"
    write_index(index, people)
    return {"root": str(root), "index": str(index), "indexId": "test", "people": [[0, len(people)]]}


def _bytes(parts: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(parts) or b"\0", np.uint8)


def _ends(parts: Sequence[bytes]) -> np.ndarray:
    return np.array([0, *accumulate(map(len, parts))], np.int64)
