"""Files that others' libraries wrote of the same 56 photographs of 14 people: the same people, the same pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_folder import FORMATS, needs_formats
from PIL import Image
from scanned import scanned

pytestmark = needs_formats

_LMDB = FORMATS / "lmdb"


def _pixels(image: bytes) -> bytes:
    return np.asarray(Image.open(io.BytesIO(image))).tobytes()


def _expected() -> dict[str, list[bytes]]:
    people: dict[str, list[bytes]] = {}
    for line in (FORMATS / "lists/train.txt").read_text().splitlines():
        path, label = line.split()
        people.setdefault(label, []).append(_pixels((FORMATS / "lists" / path).read_bytes()))
    return {label: sorted(pixels) for label, pixels in people.items()}


@pytest.mark.parametrize(
    ("kind", "paths", "options"),
    [
        ("recordio", [FORMATS / "rec/train.rec"], {}),
        ("webdataset", sorted((FORMATS / "webdataset").glob("*.tar")), {"label": "cls"}),
        ("lmdb", [_LMDB / "faces_lmdb/data.mdb"], {"labels": str(_LMDB / "faces_kv.txt")}),
    ],
)
def test_the_same_people(kind: str, paths: list[Path], options: dict[str, Any], tmp_path: Path) -> None:
    found = scanned(kind, paths, tmp_path / "x.index", **options)
    assert found["notes"] == []
    pixels = {
        label: sorted(_pixels(image) for _, image in images) for label, images in found["people"].items()
    }
    assert len(pixels) == 14 and sum(map(len, pixels.values())) == 56
    assert pixels == _expected()
