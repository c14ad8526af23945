"""WebDataset: what is read of archives that Python's tarfile writes, in each of its formats, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from drawn_jpegs import drawn_jpegs
from scanned import scanned

from f2c_host.errors import HostError
from f2c_host.scan import web_dataset

_IMAGES = drawn_jpegs(8)
_FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    return tmp_path / "s-0.tar"


def _packed(path: Path, members: Sequence[tuple[str, bytes]], form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _samples(labels: Sequence[str], ending: str = "jpg") -> list[tuple[str, bytes]]:
    return [
        member
        for i, label in enumerate(labels)
        for member in ((f"{i:03}.cls", label.encode()), (f"{i:03}.{ending}", _IMAGES[i]))
    ]


def _read(*tars: Path, label: str = "cls", **options: object) -> dict:
    return scanned("webdataset", list(tars), tars[0].parent / "x.index", label=label, **options)


def _refused(*tars: Path, **options: str) -> str:
    with pytest.raises(HostError) as error:
        _read(*tars, **options)
    return f"{error.value}; {error.value.hint}"


@pytest.mark.parametrize("form", _FORMATS)
def test_each_format_of_tar(tar: Path, form: int) -> None:
    """Also with names that fit no header's field."""
    folder = "f" * 90 + "/"
    members = [*_samples(["3", "10", "3"]), (f"{folder}009.cls", b"ann\n"), (f"{folder}009.png", _IMAGES[3])]
    if form != tarfile.USTAR_FORMAT:
        long = "l" * 300 + "/üöä"
        members += [(f"{long}.JPG", _IMAGES[4]), (f"{long}.cls", b" 3 ")]
    expected = {
        "3": [("000", _IMAGES[0]), ("002", _IMAGES[2])],
        "10": [("001", _IMAGES[1])],
        "ann": [(f"{folder}009", _IMAGES[3])],
    }
    if form != tarfile.USTAR_FORMAT:
        expected["3"].append((long, _IMAGES[4]))
    found = _read(_packed(tar, members, form))
    assert found["people"] == expected and found["notes"] == []


def test_a_person_in_several_archives(tmp_path: Path) -> None:
    tars = [_packed(tmp_path / f"s-{i}.tar", _samples(["0", "1"])) for i in range(3)]
    assert _read(*tars)["people"] == {
        "0": [("000", _IMAGES[0])] * 3,
        "1": [("001", _IMAGES[1])] * 3,
    }


def test_samples_are_told_of_in_parts(tar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_dataset, "_ROWS", 3)
    labels = list("01010101")
    assert [len(images) for images in _read(_packed(tar, _samples(labels)))["people"].values()] == [4, 4]


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "png", "webp", "bmp", "ppm", "pgm", "face.jpg"])
def test_what_images_end_in(tar: Path, ending: str) -> None:
    assert _read(_packed(tar, _samples(["0"], ending)))["people"] == {"0": [("000", _IMAGES[0])]}


def test_the_image_that_is_wanted(tar: Path) -> None:
    members = [("0.cls", b"7"), ("0.left.jpg", _IMAGES[0]), ("0.right.jpg", _IMAGES[1]), ("0.x", _IMAGES[2])]
    _packed(tar, members)
    assert "F2C6118" in _refused(tar) and "left.jpg, right.jpg" in _refused(tar)
    assert _read(tar, images=["right.jpg"])["people"] == {"7": [("0", _IMAGES[1])]}
    assert _read(tar, images=["y", "x", "left.jpg"])["people"] == {"7": [("0", _IMAGES[2])]}


@pytest.mark.parametrize(
    ("value", "label"),
    [(17, "17"), ("ann lee", "ann lee"), (17.0, "17"), (True, None), (None, None), ([1], None), (0.5, None)],
)
def test_labels_in_json(tar: Path, value: object, label: str | None) -> None:
    described = json.dumps({"person": {"id": value}, "url": "…"}).encode()
    other = json.dumps({"person": {"id": 1}}).encode()
    members = [("0.json", described), ("0.jpg", _IMAGES[0]), ("1.jpg", _IMAGES[1]), ("1.json", other)]
    found = _read(_packed(tar, members), label="json:person.id")
    expected = {"1": [("1", _IMAGES[1])]}
    if label is not None:
        expected[label] = [("0", _IMAGES[0])]
    assert found["people"] == expected
    assert found["notes"] == ([] if label else ["1 samples without a label (json:person.id)"])


@pytest.mark.parametrize(
    "broken", [b"{", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}", b"\xff", b"7", b'{"id": ""}']
)
def test_json_that_says_nothing_is_that_sample_alone(tar: Path, broken: bytes) -> None:
    members = [("0.json", broken), ("0.jpg", _IMAGES[0]), ("1.jpg", _IMAGES[1]), ("1.json", b'{"id": 4}')]
    assert _read(_packed(tar, members), label="json:id")["people"] == {"4": [("1", _IMAGES[1])]}


def test_folders_as_labels(tar: Path) -> None:
    members = [
        ("./ann/1.jpg", _IMAGES[0]),
        ("./ann/2.jpg", _IMAGES[1]),
        ("./b.c/1.jpg", _IMAGES[2]),
        ("x.jpg", b""),
    ]
    found = _read(_packed(tar, members), label="folder")
    assert found["people"] == {"ann": [("1", _IMAGES[0]), ("2", _IMAGES[1])], "b.c": [("1", _IMAGES[2])]}
    assert found["notes"] == ["1 samples without a label (folder)"]


def test_samples_that_lack_something_are_counted(tar: Path) -> None:
    members = [
        *_samples(["0", "1"]),
        ("2.jpg", _IMAGES[2]),
        ("3.cls", b"1"),
        ("4.jpg", _IMAGES[4]),
        ("4.cls", b"two\nlines"),
        ("README", b"no ending"),
        ("._0.jpg", b"of macOS"),
    ]
    found = _read(_packed(tar, members))
    assert found["people"] == {"0": [("000", _IMAGES[0])], "1": [("001", _IMAGES[1])]}
    assert found["notes"] == ["2 samples without a label (cls)", "1 samples without an image"]


def test_links_and_folders(tar: Path) -> None:
    _packed(tar, _samples(["0"]))
    with tarfile.open(tar, "a") as archive:
        for name, kind in (("1.jpg", tarfile.SYMTYPE), ("2.jpg", tarfile.LNKTYPE), ("a", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "000.jpg"
            archive.addfile(info)
    found = _read(tar)
    assert found["people"] == {"0": [("000", _IMAGES[0])]} and found["notes"] == ["2 links and devices"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("0.jpg", _IMAGES[0]), ("1.json", b"{}")], "they hold jpg, json"),
        ([("0.npy", b"x"), ("0.cls", b"0")], "none of 1 samples has an image, but npy, cls"),
        ([("0.jpg", b"x"), ("1.jpg", b"y"), ("0.cls", b"0"), ("1.cls", b"0")], "tar --sort=name"),
        ([("README", b"x")], "there are no images"),
        ([*_samples(["0"]), *_samples(["0"])[1:]], "two files of one sample are called 000.jpg"),
    ],
)
def test_archives_without_samples(tar: Path, members: list[tuple[str, bytes]], says: str) -> None:
    refused = _refused(_packed(tar, members))
    assert "F2C6118" in refused and says in refused and str(tar) in refused


def test_what_is_left_out(tar: Path) -> None:
    _packed(tar, _samples(["0", "1", "1"]))
    found = _read(tar, leaveOut=["0", "1/002"])
    assert found["people"] == {"1": [("001", _IMAGES[1])]}


def test_sparse_files_are_refused(tar: Path) -> None:
    _packed(tar, _samples(["0"]))
    with tarfile.open(tar, "a") as archive:
        info = tarfile.TarInfo("1.jpg")
        info.type = tarfile.GNUTYPE_SPARSE
        archive.addfile(info)
    assert "F2C6118" in _refused(tar) and "1.jpg at byte" in _refused(tar) and "sparse" in _refused(tar)
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("1.jpg")
        info.pax_headers = {"GNU.sparse.major": "1"}
        archive.addfile(info)
    assert "sparse" in _refused(tar)


def test_compressed_archives_are_refused(tar: Path) -> None:
    data = _packed(tar, _samples(["0"])).read_bytes()
    tar.write_bytes(gzip.compress(data))
    refused = _refused(tar)
    assert "F2C6118" in refused and "gzip" in refused and "unpack it to a .tar (gunzip)" in refused


class TestDamage:
    @pytest.fixture
    def whole(self, tar: Path) -> bytes:
        return _packed(tar, _samples(["0", "1"]), tarfile.USTAR_FORMAT).read_bytes()

    @staticmethod
    def _said(tar: Path, data: bytes) -> str:
        tar.write_bytes(data)
        refused = _refused(tar)
        assert "F2C6117" in refused and str(tar) in refused
        return refused

    def test_an_archive_that_is_cut(self, tar: Path, whole: bytes) -> None:
        assert "it is empty" in self._said(tar, b"")
        assert "ends at byte 100" in self._said(tar, whole[:100])
        assert "ends at byte 1,024 without the mark" in self._said(tar, whole[:1024])
        assert "at byte 1,024: " in self._said(tar, whole[:2000]) and "cut off" in self._said(
            tar, whole[:2000]
        )

    def test_of_a_header(self, tar: Path, whole: bytes) -> None:
        for place in (0, 50, 110, 130, 160, 300, 511):
            broken = bytearray(whole)
            broken[1024 + place] ^= 0x5A
            assert "at byte 1,024: " in self._said(tar, bytes(broken))

    def test_a_hole(self, tar: Path, whole: bytes) -> None:
        """A part that never came is zeros: what is behind it would be lost."""
        said = self._said(tar, whole[:1024] + bytes(512) + whole[1536:])
        assert "at byte 1,024: the archive ends, but there is more from byte 1,536 on" in said

    def test_two_archives_put_together(self, tar: Path, whole: bytes) -> None:
        assert "two archives were put together" in self._said(tar, whole + whole)

    @pytest.mark.parametrize("text", [b"9 path=", b"99 path=x\n", b"x", b"7 path\n", b"12 size=8x8\n"])
    def test_of_an_extended_header(self, tar: Path, text: bytes) -> None:
        _packed(tar, [("0" * 120 + ".jpg", b"x")], tarfile.PAX_FORMAT)
        data = tar.read_bytes()
        assert data[156:157] == b"x"
        assert "at byte" in self._said(tar, data[:512] + text.ljust(512, b"\0") + data[1024:])

    def test_of_an_image_is_that_image_alone(self, tar: Path, whole: bytes) -> None:
        broken = bytearray(whole)
        broken[whole.index(_IMAGES[0]) + 30] ^= 0xFF
        tar.write_bytes(broken)
        found = _read(tar)["people"]
        assert found["0"][0][1] != _IMAGES[0] and found["1"] == [("001", _IMAGES[1])]
