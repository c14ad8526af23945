"""Parquet files of images: what is read of those that pyarrow writes, and what is refused."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scanned import FORMATS, scanned

from f2c_host.data.packed_images import PackedImages
from f2c_host.errors import HostError
from f2c_host.scan.command import scan

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

_IMAGES = [b"P5 2 1 255\n" + bytes([i, 9 + i]) for i in range(7)]
_LABELS = [4, 9, 4, 1, 9, 9, 1]
_EXPECTED = {
    "1": [(3, _IMAGES[3]), (6, _IMAGES[6])],
    "4": [(0, _IMAGES[0]), (2, _IMAGES[2])],
    "9": [(1, _IMAGES[1]), (4, _IMAGES[4]), (5, _IMAGES[5])],
}


def _structs(images: Sequence[bytes | None], paths: Sequence[str | None] | None = None) -> Any:
    rows = [
        {"bytes": image, "path": path}
        for image, path in zip(images, paths or [None] * len(images), strict=True)
    ]
    return pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def _written(path: Path, table: dict[str, Any], features: dict[str, Any] | None = None, **how: Any) -> Path:
    made = pa.table(table)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, path, **how)
    return path


def _people(*paths: Path, **options: Any) -> dict[str, Any]:
    return scanned("parquet", list(paths), paths[0].parent / "x.index", **options)["people"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.parquet"


@pytest.mark.parametrize(
    "images",
    [
        _structs(_IMAGES),
        pa.array(_IMAGES, pa.binary()),
        pa.array(_IMAGES, pa.large_binary()),
    ],
)
@pytest.mark.parametrize(
    "labels",
    [
        pa.array(_LABELS, pa.int64()),
        pa.array(_LABELS, pa.uint8()),
        pa.array(map(str, _LABELS)),
        pa.array(list(map(str, _LABELS))).dictionary_encode(),
    ],
)
def test_what_columns_may_be(path: Path, images: Any, labels: Any) -> None:
    """In row groups smaller than the file."""
    assert _people(_written(path, {"image": images, "label": labels}, row_group_size=3)) == _EXPECTED


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_compressed_and_in_small_batches(
    path: Path, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from f2c_host.scan import parquet_file

    monkeypatch.setattr(parquet_file, "_AT_ONCE", 30)
    assert (
        _people(_written(path, {"image": _structs(_IMAGES), "label": _LABELS}, compression=compression))
        == _EXPECTED
    )


def test_several_files_share_their_labels_and_count_on(tmp_path: Path) -> None:
    first = _written(tmp_path / "0.parquet", {"image": _structs(_IMAGES[:3]), "label": _LABELS[:3]})
    rest = _written(tmp_path / "1.parquet", {"image": _structs(_IMAGES[3:]), "label": _LABELS[3:]})
    assert _people(first, rest) == _EXPECTED


def test_numbers_in_one_file_and_text_in_the_next(tmp_path: Path) -> None:
    for order in ((0, 1), (1, 0)):
        files = [
            _written(tmp_path / "0.parquet", {"image": _structs(_IMAGES[:2]), "label": [4, 9]}),
            _written(tmp_path / "1.parquet", {"image": _structs(_IMAGES[2:4]), "label": ["4", "ann"]}),
        ]
        found = _people(*(files[i] for i in order))
        assert {name: len(images) for name, images in found.items()} == {"4": 2, "9": 1, "ann": 1}


def test_names_of_classes(path: Path) -> None:
    features = {"label": {"names": ["ann", "bob", "cy"], "_type": "ClassLabel"}}
    table = {"image": _structs(_IMAGES[:3]), "label": [2, 0, 2]}
    found = _people(_written(path, table, features))
    assert found == {"ann": [(1, _IMAGES[1])], "cy": [(0, _IMAGES[0]), (2, _IMAGES[2])]}
    twice = {"label": {"names": ["ann", "ann", "cy"], "_type": "ClassLabel"}}
    assert list(_people(_written(path, table, twice))) == ["0", "2"]
    with pytest.raises(HostError, match="the `label` of row 1: class -1 is none of the 3"):
        _people(_written(path, {"image": _structs(_IMAGES[:3]), "label": [2, -1, 2]}, features))


def test_columns_by_name(path: Path) -> None:
    table = {"a": _structs(_IMAGES), "b": pa.array(_IMAGES[::-1]), "c": _LABELS, "d": _LABELS[::-1]}
    _written(path, table)
    assert _people(path, image="a", label="c") == _EXPECTED
    for options, says in (
        ({}, "which of its columns is the image is not told: a: struct"),
        ({"image": "a"}, "which of its columns is the label is not told"),
        ({"image": "e"}, "no column `e`, but a: struct"),
        ({"image": "c"}, "`c` is of type int64, which holds no images"),
        ({"image": "a", "label": "b"}, "`b` is of type binary, which holds no labels"),
    ):
        with pytest.raises(HostError) as error:
            _people(path, **options)
        assert error.value.code == "F2C6118" and says in error.value.message


def test_images_that_are_paths(path: Path) -> None:
    """Beside the file; those elsewhere are not looked for."""
    for name in ("a.pgm", "below/b.pgm"):
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_bytes(_IMAGES[0])
    paths = ["a.pgm", "below/b.pgm"]
    for column in (_structs([None, None], paths), pa.array(paths)):
        found = _people(_written(path, {"image": column, "label": [1, 2]}))
        assert found == {"1": [(0, _IMAGES[0])], "2": [(1, _IMAGES[0])]}
    for elsewhere in ("none.pgm", str(path.parent / "a.pgm"), "../a.pgm", "below/../../a.pgm"):
        with pytest.raises(HostError, match=r"F2C6118.*row 0 holds no image, only the path"):
            _people(_written(path, {"image": _structs([None], [elsewhere]), "label": [1]}))


def test_rows_without_image_stay_images(path: Path) -> None:
    """Only they are at fault."""
    table = {"image": pa.array([_IMAGES[0], None], pa.binary()), "label": [1, 1]}
    assert _people(_written(path, table)) == {"1": [(0, _IMAGES[0]), (1, b"")]}


def test_rows_without_label_are_refused(path: Path) -> None:
    with pytest.raises(HostError, match=r"F2C6118.*the `label` of row 1: there is none"):
        _people(_written(path, {"image": _structs(_IMAGES[:2]), "label": pa.array([1, None], pa.int32())}))


def test_what_is_copied_is_said_and_has_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(path, {"image": _structs(_IMAGES), "label": _LABELS})
    spec = {"kind": "parquet", "index": str(path.parent / "x.index"), "paths": [str(path)]}
    said: list[str] = []
    scan(spec, tell=said.append)
    assert len(said) == 1 and said[0].startswith("copying 0.0 MB of images to ")
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(HostError, match=r"F2C6128: 0\.0 GB of images are to be copied to"):
        scan(spec)


def test_the_index_is_made_of_the_copy_too(path: Path) -> None:
    """So that it is made anew where the copy is gone; and the host reads the images out of it."""
    _written(path, {"image": _structs(_IMAGES), "label": _LABELS})
    index = path.parent / "x.index"
    facts = scanned("parquet", [path], index)["facts"]
    pack = Path(f"{index}.pack")
    assert [entry[:2] for entry in json.loads(facts["files"])] == [
        [str(path), path.stat().st_size],
        [str(pack), pack.stat().st_size],
    ]
    spec = {"kind": "packed_images", "index": str(index), "indexId": facts["id"], "people": [[0, 3]]}
    images = PackedImages({**spec, "channels": 1, "height": 1, "width": 2, "fit": "crop"}, {})
    assert images.read(list(range(7))).flatten(1).tolist() == [[i, 9 + i] for i in (3, 6, 0, 2, 1, 4, 5)]


def test_a_missing_package_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from f2c_host.scan import parquet

    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    with pytest.raises(HostError) as error:
        _people(path)
    assert error.value.code == "F2C6127" and "f2c-dsl setup --parquet" in (error.value.hint or "")


def test_damage_is_refused_or_confined(path: Path) -> None:
    """In a child, as scans run: it may not hang, and says what is wrong."""
    _written(path, {"image": _structs(_IMAGES), "label": _LABELS}, row_group_size=2, write_page_checksum=True)
    whole = path.read_bytes()
    draw = random.Random(3)
    damages = [whole[: draw.randrange(len(whole))] for _ in range(10)]
    for _ in range(20):
        at = draw.randrange(len(whole))
        damages.append(whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :])
    files = []
    for i, data in enumerate(damages):
        files.append(path.parent / f"{i}.parquet")
        files[-1].write_bytes(data)
    child = subprocess.run(
        [sys.executable, "-c", _SCAN_EACH, *map(str, files)], capture_output=True, text=True, timeout=120
    )
    said = child.stdout.splitlines()
    assert child.returncode == 0, child.stderr
    assert len(said) == len(files) and set(said) <= {"read", "F2C6117", "F2C6118"}
    assert said[:10] == ["F2C6117"] * 10


_SCAN_EACH = """
import sys
from f2c_host.errors import HostError
from f2c_host.scan.command import scan
for path in sys.argv[1:]:
    try:
        scan({"kind": "parquet", "index": path + ".index", "paths": [path]})
        print("read")
    except HostError as error:
        print(error.code)
"""


@pytest.mark.skipif(not FORMATS.exists(), reason="the instances that others' libraries wrote are elsewhere")
def test_a_file_that_others_wrote(tmp_path: Path) -> None:
    path = FORMATS / "parquet/train-00000-of-00001.parquet"
    people = scanned("parquet", [path], tmp_path / "x.index")["people"]
    assert [len(images) for images in people.values()] == [4] * 14
    written = [file.read_bytes() for file in sorted((FORMATS / "lists/images").glob("*/*.jpg"))]
    assert sorted(data for images in people.values() for _, data in images) == sorted(written)
