"""Coloured JPEGs (4:2:0) out of files of many: what training sees is what Pillow decodes, in its colours."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_jpegs import drawn_jpegs
from lmdb_writer import write_lmdb
from PIL import Image
from record_io_writer import image_record, write_records
from safetensors import safe_open

from f2c_host.data.packed_images import PackedImages
from f2c_host.scan.command import scan

# Pictures are larger, and less than twice as large: then none is decoded at half its size.
_SIDE = 48
_IMAGES = drawn_jpegs(12, side=_SIDE)


def _record_io(home: Path) -> dict[str, Any]:
    write_records(home / "a.rec", [(i, image_record(0, image)) for i, image in enumerate(_IMAGES)])
    return {"kind": "recordio", "paths": ["a.rec"]}


def _lmdb(home: Path) -> dict[str, Any]:
    write_lmdb(home / "data.mdb", {b"%02d" % i: image for i, image in enumerate(_IMAGES)})
    (home / "kv.txt").write_text("".join(f"{i:02} 0\n" for i in range(len(_IMAGES))))
    return {"kind": "lmdb", "paths": ["data.mdb"], "labels": str(home / "kv.txt")}


def _web_dataset(home: Path) -> dict[str, Any]:
    with tarfile.open(home / "a.tar", "w") as archive:
        for i, image in enumerate(_IMAGES):
            for ending, data in (("cls", b"0"), ("jpg", image)):
                info = tarfile.TarInfo(f"{i:02}.{ending}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return {"kind": "webdataset", "paths": ["a.tar"], "label": "cls"}


def _bin_set(home: Path) -> dict[str, Any]:
    (home / "a.bin").write_bytes(pickle.dumps((_IMAGES, [True] * 6), 2))
    return {"kind": "binset", "paths": ["a.bin"]}


@pytest.mark.parametrize("make", [_record_io, _lmdb, _web_dataset, _bin_set])
def test_each_picture_as_pillow_decodes_it(make: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    """To one grey level; with red and blue swapped they would be far from it."""
    told = make(tmp_path)
    scan(
        {
            **told,
            "index": str(tmp_path / "x.index"),
            "paths": [str(tmp_path / path) for path in told["paths"]],
        }
    )
    with safe_open(tmp_path / "x.index", "numpy") as index:
        identifier, people = index.metadata()["id"], len(index.get_tensor("offsets")) - 1
    where = {"kind": "packed_images", "index": str(tmp_path / "x.index"), "indexId": identifier}
    spec = {
        **where,
        "people": [[0, people]],
        "channels": 3,
        "height": _SIDE,
        "width": _SIDE,
        "fit": "stretch",
    }
    found = PackedImages(spec, {}).read(list(range(len(_IMAGES)))).numpy()
    for image, decoded in zip(_IMAGES, found, strict=True):
        whole = Image.open(io.BytesIO(image))
        assert whole.layer[1][1:3] == (1, 1) and whole.layer[0][1:3] == (2, 2)
        expected = np.asarray(whole.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert np.abs(decoded.astype(int) - expected).max() <= 1
        assert np.abs(decoded[::-1].astype(int) - expected).max() > 20
