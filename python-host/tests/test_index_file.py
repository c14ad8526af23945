"""The index of images: which path is whose, in parts of it, with names that are no text; and what no index is."""

from __future__ import annotations

from pathlib import Path

import pytest
from indexed import write_index

from f2c_host.data.index_file import IndexFile, shown
from f2c_host.errors import HostError

PEOPLE = [
    (b"ann", [b"0.jpg", b"1.jpg"]),
    (b"\xd5\xd5", [b"clip/0.jpg"]),
    (b"cy", [b"a\nb.png", b"x.png", b"y.png"]),
    (b"", [b"flat.png"]),
]
PATHS = [folder + b"/" + name if folder else name for folder, names in PEOPLE for name in names]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    write_index(tmp_path / "a.index", PEOPLE)
    return tmp_path / "a.index"


def refusal(*arguments) -> HostError:
    with pytest.raises(HostError) as caught:
        IndexFile(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("people", "images", "ends"),
    [
        ([(0, 4)], [0, 1, 2, 3, 4, 5, 6], [2, 3, 6, 7]),
        ([(0, 1), (2, 3)], [0, 1, 3, 4, 5], [2, 5]),
        ([(3, 4), (1, 2)], [6, 2], [1, 2]),
        ([], [], []),
    ],
)
def test_images_of_some_people_are_numbered_through(index, people, images, ends):
    part = IndexFile(str(index), "test", people)
    assert [part.path(i) for i in range(len(part))] == [PATHS[image] for image in images]
    assert part.ends_of_identities().tolist() == ends


def test_paths_are_shown_as_text_where_they_are_text(index):
    part = IndexFile(str(index), "test", [(0, 4)])
    assert [part.shown(i) for i in (0, 2, 3)] == ["ann/0.jpg", "\\xd5\\xd5/clip/0.jpg", "cy/a\\x0ab.png"]
    assert shown("照片/é\u0085.jpg".encode()) == "照片/é\\xc2\\x85.jpg"


def test_what_is_not_the_index_that_was_meant_is_refused(index, tmp_path):
    assert refusal(str(index), "other", []).code == "F2C6116"
    assert refusal(str(tmp_path / "none"), "test", []).code == "F2C6116"
    write_index(tmp_path / "new.index", PEOPLE, version="2")
    assert refusal(str(tmp_path / "new.index"), "test", []).code == "F2C6116"
    assert refusal(str(index), "test", [(0, 5)]).code == "F2C6101"
    for content in (b"", b"short", b"\xff" * 64, index.read_bytes()[:-8]):
        (tmp_path / "torn").write_bytes(content)
        assert refusal(str(tmp_path / "torn"), "test", []).code == "F2C6116"
