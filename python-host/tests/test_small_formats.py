"""Files that others' libraries wrote of the same 56 photographs of 14 people: the same people, the same pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scanned import FORMATS, scanned

pytestmark = pytest.mark.skipif(not FORMATS.is_dir(), reason="the small instances are not on this machine")

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


def test_the_same_images_in_a_verification_set(tmp_path: Path) -> None:
    """28 pairs, 14 genuine, of 56 images; all are among the photographs."""
    found = scanned("binset", [FORMATS / "bin/lfw.bin"], tmp_path / "x.index")
    images = [_pixels(image) for [(_, image)] in found["people"].values()]
    same = found["arrays"]["same"].tolist()
    assert len(images) == 56 and len(set(images)) == 28 and sum(same) == 14 and len(same) == 28
    whose = {pixels: label for label, people in _expected().items() for pixels in people}
    pairs = zip(images[::2], images[1::2], strict=True)
    assert same == [int(whose[one] == whose[other]) for one, other in pairs]
