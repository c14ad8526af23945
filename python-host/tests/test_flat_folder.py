"""Flat folders: whose each image is, by its name; what is passed over and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from scanned import FORMATS, scanned

from f2c_host.errors import HostError

_MARKET = {"pattern": "^(?<identity>.+)_c.*_.*$", "part": "stem", "written": "`{identity}_c{camera}_{image}`"}


def _scanned(root: Path, index: Path, **options: Any) -> tuple[dict[str, list[str]], list[str]]:
    found = scanned("flatfolder", [root], index, **{**_MARKET, **options})
    people = {person: [name for name, _ in images] for person, images in found["people"].items()}
    return people, found["notes"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    folder.mkdir()
    for name in ["0010_c1_2.jpg", "0010_c1_1.PNG", "0002_c9_7.jpeg", "labels.csv", ".hidden.jpg", "odd.jpg"]:
        (folder / name).write_bytes(b"x")
    (folder / "below").mkdir()
    return folder


def test_by_a_pattern(root: Path, tmp_path: Path) -> None:
    people, notes = _scanned(root, tmp_path / "x.index")
    assert people == {"0002": ["0002_c9_7.jpeg"], "0010": ["0010_c1_1.PNG", "0010_c1_2.jpg"]}
    assert notes == [
        "1 hidden file",
        "1 folder",
        "1 file of another kind",
        "1 image whose name does not fit `{identity}_c{camera}_{image}` (such as odd.jpg)",
    ]


def test_by_a_regular_expression_of_javascript(root: Path, tmp_path: Path) -> None:
    people, _ = _scanned(
        root, tmp_path / "x.index", pattern=r"(?<!x)(?<identity>C\d+)_", part="name", ignoreCase=True
    )
    assert people == {"c1": ["0010_c1_1.PNG", "0010_c1_2.jpg"], "c9": ["0002_c9_7.jpeg"]}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    root.mkdir()
    (root / os.fsdecode(b"\xff\xc3\xa9_c1_1.jpg")).write_bytes(b"x")
    people, _ = _scanned(root, tmp_path / "x.index")
    assert people == {"\\xffé": ["\\xffé_c1_1.jpg"]}


def _refused(root: Path, **options: Any) -> str:
    with pytest.raises(HostError) as error:
        _scanned(root, root.parent / "x.index", **options)
    return f"{error.value} | {error.value.hint}"


def test_what_is_refused(root: Path, tmp_path: Path) -> None:
    said = _refused(root, pattern="^(?<identity>x)$")
    assert "F2C6118" in said and "no name of an image in it fits" in said and "0002_c9_7.jpeg" in said
    assert "is none for Python" in _refused(root, pattern=r"(?<identity>\p{L})")
    (tmp_path / "folders/ann").mkdir(parents=True)
    assert "imageFolder({ root })" in _refused(tmp_path / "folders")
    (tmp_path / "empty").mkdir()
    assert "there are no images in it" in _refused(tmp_path / "empty")
    assert "F2C6119" in _refused(tmp_path / "nowhere")


@pytest.mark.skipif(not FORMATS.exists(), reason="the instances that others' libraries wrote are elsewhere")
def test_a_folder_that_others_wrote(tmp_path: Path) -> None:
    people, notes = _scanned(FORMATS / "flat", tmp_path / "x.index")
    assert list(people) == [f"{i:04}" for i in range(14)]
    assert all(len(images) == 4 for images in people.values())
    assert notes == ["1 file of another kind"]
    assert json.dumps(people["0003"][0]) == '"0003_c1_00012.jpg"'
