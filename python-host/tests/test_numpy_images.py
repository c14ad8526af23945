"""NumPy's files of images: what is read where, in place or copied, and what is refused."""

from __future__ import annotations

import io
import os
import pickle
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scanned import FORMATS, scanned

from f2c_host.data.packed_images import PackedImages
from f2c_host.errors import HostError
from f2c_host.scan import numpy_images

_GREY = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
_COLOUR = np.random.default_rng(1).integers(0, 256, (7, 5, 4, 3), np.uint8)
_LABELS = np.array([4, 9, 4, 1, 9, 9, 1])
_ROWS = {"1": [3, 6], "4": [0, 2], "9": [1, 4, 5]}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "x.index"


def _found(index: Path, *paths: Path, **options: Any) -> dict[str, Any]:
    return scanned("numpy", list(paths), index, **{"order": "hwc", **options})


def _read(found: dict[str, Any], index: Path, images: np.ndarray, **options: Any) -> np.ndarray:
    """As the host reads them, [N, H, W, C], in the order of the index."""
    height, width, channels = (*images.shape[1:], 1)[:3]
    people = len(found["people"])
    spec = {
        "kind": "packed_images",
        "index": str(index),
        "indexId": found["facts"]["id"],
        "people": [[0, people]],
    }
    size = {"channels": channels, "height": height, "width": width, "fit": "crop"}
    source = PackedImages({**spec, **size, **options}, {})
    return source.read(np.arange(len(source))).permute(0, 2, 3, 1).numpy()


def _order() -> list[int]:
    return [row for rows in _ROWS.values() for row in rows]


@pytest.mark.parametrize("images", [_GREY, _GREY[..., None], _COLOUR])
@pytest.mark.parametrize(
    "labels", [_LABELS, _LABELS.astype(">i2"), _LABELS.astype("U5"), _LABELS.astype("S5")]
)
@pytest.mark.parametrize("file", ["npy", "npz", "compressed"])
def test_pixels_are_served_as_they_are(
    index: Path, images: np.ndarray, labels: np.ndarray, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_images, "_MOST_ROWS", 3)
    home = index.parent
    if file == "npy":
        np.save(home / "i.npy", images)
        np.save(home / "l.npy", labels)
        found = _found(index, home / "i.npy", home / "l.npy")
    else:
        save = np.savez if file == "npz" else np.savez_compressed
        save(home / "f.npz", faces=images, ids=labels)
        found = _found(index, home / "f.npz")
    assert {name: [row for row, _ in rows] for name, rows in found["people"].items()} == _ROWS
    assert Path(f"{index}.pack").exists() == (file == "compressed")
    expected = images.reshape(*images.shape[:3], -1)[_order()]
    assert np.array_equal(_read(found, index, expected), expected)


def test_rows_keep_their_numbers_where_some_are_left_out(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_images, "_MOST_ROWS", 3)
    np.savez(index.parent / "f.npz", images=_GREY, labels=_LABELS)
    people = _found(index, index.parent / "f.npz", leaveOut=["4", "9/4"])["people"]
    assert {name: [row for row, _ in rows] for name, rows in people.items()} == {"1": [3, 6], "9": [1, 5]}


def test_channels_before_height_and_width(index: Path) -> None:
    np.save(index.parent / "i.npy", _COLOUR.transpose(0, 3, 1, 2))
    np.save(index.parent / "l.npy", _LABELS)
    found = _found(index, index.parent / "i.npy", index.parent / "l.npy", order="chw")
    assert np.array_equal(_read(found, index, _COLOUR), _COLOUR[_order()])
    swapped = _read(found, index, _COLOUR, channelOrder="bgr")
    assert np.array_equal(swapped, _COLOUR[_order()][..., ::-1])


def test_versions_of_the_header(index: Path) -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(index.parent / "i.npy", "wb") as file:
            np.lib.format.write_array(file, _GREY, version)
        np.save(index.parent / "l.npy", _LABELS)
        found = _found(index, index.parent / "i.npy", index.parent / "l.npy")
        assert np.array_equal(_read(found, index, _GREY)[..., 0], _GREY[_order()])


def test_arrays_by_name(index: Path) -> None:
    path = index.parent / "f.npz"
    np.savez(path, a=_GREY, b=255 - _GREY, c=_LABELS, d=_LABELS[::-1])
    found = _found(index, path, imagesKey="a", labelsKey="c")
    assert np.array_equal(_read(found, index, _GREY)[..., 0], _GREY[_order()])
    for options, says in (
        ({}, "which of its arrays are the images is not told: a uint8 [7, 5, 4]"),
        ({"imagesKey": "a"}, "which of its arrays are the labels is not told"),
        ({"imagesKey": "c"}, "and images are u8 [N, H, W]"),
        ({"imagesKey": "none"}, "and images are u8 [N, H, W]"),
    ):
        assert says in _refused(index, path, **options)


def _refused(index: Path, *paths: Path, **options: Any) -> str:
    with pytest.raises(HostError) as error:
        _found(index, *paths, **options)
    return f"{error.value} | {error.value.hint}"


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (_GREY.astype(np.float32), _LABELS, "it holds one float32 [7, 5, 4], and images are u8"),
        (_GREY[0], _LABELS, "it holds one uint8 [5, 4]"),
        (_GREY, _LABELS[:6], "it holds one int64 [6], and labels are whole numbers"),
        (_GREY, _LABELS.astype(float), "it holds one float64 [7]"),
        (
            np.zeros((7, 3, 5, 4), np.uint8),
            _LABELS,
            'have 4 channels, read as hwc | save grey images or RGB, or say `order: "chw"`',
        ),
        (np.asfortranarray(_GREY), _LABELS, "fortran_order"),
        (np.zeros((7, 0, 4), np.uint8), _LABELS, "its images are 0 x 4"),
        (np.array([_GREY[0], None], object), _LABELS, "pickled objects, which are not read"),
    ],
)
def test_what_is_no_images_or_labels(index: Path, images: np.ndarray, labels: np.ndarray, says: str) -> None:
    np.save(index.parent / "i.npy", images)
    np.save(index.parent / "l.npy", labels)
    said = _refused(index, index.parent / "i.npy", index.parent / "l.npy")
    assert "F2C6118" in said and says in said


def test_a_pickle_is_not_opened(index: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(index.parent / "sprung"),)

    path = index.parent / "i.npy"
    path.write_bytes(pickle.dumps(Trap()))
    assert "F2C6117" in _refused(index, path, path)
    with zipfile.ZipFile(index.parent / "f.npz", "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        archive.writestr("images.npy", header.getvalue() + pickle.dumps(Trap()))
    assert "pickled objects" in _refused(index, index.parent / "f.npz")
    assert not (index.parent / "sprung").exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not begin as an array"),
        (b"\x93NUMPY\x01\x00\x76", "does not begin as an array"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 99, "its header is to have 2,147,483,647 bytes"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"__import__('os')", "its header is none"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, "its header is none"),
    ],
)
def test_headers_that_lie(index: Path, data: bytes, says: str) -> None:
    path = index.parent / "i.npy"
    path.write_bytes(data)
    said = _refused(index, path, path)
    assert "F2C6117" in said and says in said


def test_a_shape_that_lies(index: Path) -> None:
    header = io.BytesIO()
    shape = (1 << 40, 112, 112)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    path = index.parent / "i.npy"
    path.write_bytes(header.getvalue() + b"x" * 100)
    assert "and there are 100: it is cut off" in _refused(index, path, path)


def test_damage_is_refused_or_confined(index: Path) -> None:
    """In a child: cut off, or with a bit that is flipped. No traceback."""
    draw = random.Random(2)
    files = []
    for kind, save in (("plain", np.savez), ("compressed", np.savez_compressed)):
        save(index.parent / "whole.npz", images=_GREY, labels=_LABELS)
        whole = (index.parent / "whole.npz").read_bytes()
        for i in range(60):
            at = draw.randrange(len(whole))
            flipped = whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :]
            files.append(index.parent / f"{kind}{i}.npz")
            files[-1].write_bytes(flipped if i % 3 else whole[:at])
    command = [sys.executable, "-c", _SCAN_EACH, *map(str, files)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert child.returncode == 0, child.stderr
    said = child.stdout.splitlines()
    assert len(said) == len(files) and set(said) <= {"read", "F2C6117", "F2C6118"}
    assert "F2C6117" in said


_SCAN_EACH = """
import sys
from f2c_host.errors import HostError
from f2c_host.scan.command import scan
for path in sys.argv[1:]:
    try:
        scan({"kind": "numpy", "index": path + ".index", "paths": [path], "order": "hwc"})
        print("read")
    except HostError as error:
        print(error.code)
"""


@pytest.mark.skipif(not FORMATS.exists(), reason="the instances that others' libraries wrote are elsewhere")
def test_files_that_others_wrote(index: Path) -> None:
    npy = FORMATS / "npy"
    for paths in ([npy / "images.npy", npy / "labels.npy"], [npy / "faces.npz"]):
        found = _found(index, *paths)
        assert [len(images) for images in found["people"].values()] == [4] * 14
        images = np.load(npy / "images.npy")
        assert np.array_equal(_read(found, index, images)[..., 0], images)
    assert "it holds one float32 [56, 512]" in _refused(index, npy / "embeddings.npy", npy / "labels.npy")
