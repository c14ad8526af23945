"""LMDB: what is read of databases that the library writes, and what is refused."""

from __future__ import annotations

import pickle
import random
import struct
from collections.abc import Mapping
from pathlib import Path

import lmdb
import pytest
from drawn_jpegs import drawn_jpegs
from lmdb_writer import write_lmdb
from scanned import scanned

from f2c_host.errors import HostError
from f2c_host.scan import lmdb as scanner
from f2c_host.scan import sorted_labels

_IMAGES = drawn_jpegs(40)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.mdb"


def _labels(file: Path, text: str | Mapping[bytes, str]) -> Path:
    path = file.parent / "kv.txt"
    if isinstance(text, str):
        path.write_text(text)
    else:
        path.write_bytes(b"".join(b"%b %b\n" % (key, label.encode()) for key, label in text.items()))
    return path


def _read(file: Path, labels: str | Mapping[bytes, str], **options: object) -> dict:
    return scanned("lmdb", [file], file.parent / "x.index", labels=str(_labels(file, labels)), **options)


def _people(file: Path, labels: str | Mapping[bytes, str], **options: object) -> dict:
    return _read(file, labels, **options)["people"]


def _refused(file: Path, labels: str | Mapping[bytes, str] = "a 0\n", **options: object) -> str:
    with pytest.raises(HostError) as error:
        _read(file, labels, **options)
    return str(error.value)


def _written(folder: Path, values: Mapping[bytes, bytes]) -> Path:
    with lmdb.open(str(folder / "db"), map_size=1 << 26) as env, env.begin(write=True) as txn:
        for key, value in values.items():
            txn.put(key, value)
    return folder / "db" / "data.mdb"


def test_what_the_library_wrote_over_many_transactions(tmp_path: Path) -> None:
    """Values within pages and beyond, some deleted, some written anew: each is what the library itself reads."""
    draw = random.Random(0)

    def drawn() -> bytes:
        return b"%03d" % draw.randrange(500) + 100 * b"long"

    with lmdb.open(str(tmp_path / "db"), map_size=1 << 26) as env:
        for _ in range(12):
            with env.begin(write=True) as txn:
                for _ in range(60):
                    length = draw.choice([5, 300, 1900, 2100, 5000, 9000])
                    txn.put(drawn(), b"\xff\xd8\xff" + draw.randbytes(length))
                for _ in range(15):
                    txn.delete(drawn())
        with env.begin() as txn:
            held = {bytes(key): bytes(value) for key, value in txn.cursor()}
            assert env.stat()["depth"] == 3 and env.stat()["overflow_pages"] > 100
    labels = {key: str(int(key[:3]) % 7) for key in held}
    found = _people(tmp_path / "db" / "data.mdb", labels)
    assert found == {
        str(label): [(key.decode(), value) for key, value in held.items() if int(key[:3]) % 7 == label]
        for label in range(7)
    }


@pytest.mark.parametrize("page", [512, 1024, 4096, 16384, 32768])
def test_pages_of_any_size(file: Path, page: int) -> None:
    """Also the library reads what is written here."""
    values = {b"%02d" % i: image for i, image in enumerate(_IMAGES)}
    write_lmdb(file, values, page)
    with lmdb.open(str(file), subdir=False, readonly=True, lock=False) as env, env.begin() as txn:
        assert env.stat()["psize"] == page
        assert {bytes(key): bytes(value) for key, value in txn.cursor()} == values
    assert _people(file, dict.fromkeys(values, "ann")) == {
        "ann": [(key.decode(), value) for key, value in values.items()]
    }


def test_databases_with_names(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 24, max_dbs=2) as env:
        for name, images in ((b"train", _IMAGES[:3]), (b"test", _IMAGES[3:5])):
            database = env.open_db(name)
            with env.begin(write=True, db=database) as txn:
                for i, image in enumerate(images):
                    txn.put(b"%d" % i, image)
    file = tmp_path / "db" / "data.mdb"
    assert _people(file, "0 5\n1 5\n2 6\n", database="train") == {
        "5": [("0", _IMAGES[0]), ("1", _IMAGES[1])],
        "6": [("2", _IMAGES[2])],
    }
    assert _people(file, "0 5\n1 5\n", database="test") == {"5": [("0", _IMAGES[3]), ("1", _IMAGES[4])]}
    assert "it holds databases: test, train" in _refused(file)
    assert "no database 'tests', but test, train" in _refused(file, database="tests")


def _message(image: bytes) -> bytes:
    """FFC's `Datum { optional bytes data = 1; }`, as protobuf writes it."""
    length, size = b"", len(image)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return b"\x0a" + length + bytes([size]) + image


def test_the_message_of_ffc(tmp_path: Path) -> None:
    long = _IMAGES[1] + b"\0" * 70_000
    images = [b"\xff\xd8\xff" + b"x" * 100, long, *_IMAGES[2:9]]
    file = _written(tmp_path, {b"%d_0" % i: _message(image) for i, image in enumerate(images)})
    assert _people(file, {b"%d_0" % i: str(i % 2) for i in range(9)}) == {
        "0": [(f"{i}_0", images[i]) for i in range(0, 9, 2)],
        "1": [(f"{i}_0", images[i]) for i in range(1, 9, 2)],
    }


def test_a_message_that_lies_is_that_image_alone(tmp_path: Path) -> None:
    """One whose length is too large is shown as it is, and cannot be decoded."""
    values = {b"%d" % i: _message(image) for i, image in enumerate(_IMAGES[:5])}
    values[b"2"] = b"\x0a\xff\xff\xff\xff\x0f" + _IMAGES[2]
    found = _people(_written(tmp_path, values), dict.fromkeys(values, "0"))["0"]
    expected = [(str(i), image) for i, image in enumerate(_IMAGES[:5])]
    expected[2] = ("2", values[b"2"])
    assert found == expected


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([pickle.dumps((image, 3)) for image in _IMAGES[:3]], "pickles"),
        ([b"\x08\x03\x10\x70\x18\x70\x22\x04" + b"1234"] * 3, "Caffe's Datum"),
        ([b"ann/1.jpg"] * 3, "text"),
        ([b""] * 3, "empty"),
        ([b"\x01\x02\x03\x04"] * 3, "one begins with 01 02 03 04"),
    ],
)
def test_values_that_are_no_images(tmp_path: Path, values: list[bytes], says: str) -> None:
    file = _written(tmp_path, {b"%d" % i: value for i, value in enumerate(values)})
    refused = _refused(file, "0 0\n1 0\n2 1\n")
    assert "F2C6118" in refused and says in refused and "key 0" in refused


def test_values_without_a_label_are_counted(tmp_path: Path) -> None:
    file = _written(tmp_path, {b"a": _IMAGES[0], b"b": _IMAGES[1], b"num-samples": b"2", b"z": b""})
    found = _read(file, "b 1\na 1\n")
    assert found["people"] == {"1": [("a", _IMAGES[0]), ("b", _IMAGES[1])]}
    assert found["notes"] == ["2 values without a label, such as num-samples"]


class TestTheListOfLabels:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return _written(tmp_path, {b"a": _IMAGES[0], b"b b": _IMAGES[1], b"c": _IMAGES[2]})

    @pytest.mark.parametrize(
        "text",
        ["c ann\na ann\nb b bob\n", "a\tann\r\nb b\tbob\r\n\r\nc  ann", "a ann\na ann\nb b bob\nc ann\n"],
    )
    def test_any_order_and_blanks(self, file: Path, text: str) -> None:
        assert _people(file, text) == {
            "ann": [("a", _IMAGES[0]), ("c", _IMAGES[2])],
            "bob": [("b b", _IMAGES[1])],
        }

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("a 0\nb\n", "line 2 is no key and label: 'b'"),
            ("a 0\nd 1\ne 1\n", "2 of its keys are not in"),
            ("a 0\nb b 1\na 1\n", "key a has two labels, 0 and 1"),
            ("\n", "there are no images"),
            ("a " + "0" * 70_000, "line 1 is no key and label"),
        ],
    )
    def test_what_is_refused(self, file: Path, text: str, says: str) -> None:
        assert "F2C6118" in _refused(file, text) and says in _refused(file, text)

    def test_one_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(HostError, match=r"F2C6119.*gone\.txt"):
            scanned("lmdb", [file], file.parent / "x.index", labels=str(file.parent / "gone.txt"))

    def test_sorted_in_parts(self, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sorted_labels, "_LINES", 3)
        draw = random.Random(1)
        keys = [b"%04d" % i for i in range(50)]
        lines = {key: str(i) for i, key in enumerate(keys)}
        shuffled = {key: lines[key] for key in draw.sample(keys, 50)}
        found = list(sorted_labels.sorted_labels(str(_labels(file, shuffled)), tmp_path))
        assert found == [(key, label.encode()) for key, label in lines.items()]


def test_images_are_told_of_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "_ROWS", 7)
    values = {b"%02d" % i: image for i, image in enumerate(_IMAGES)}
    assert _people(_written(tmp_path, values), dict.fromkeys(values, "0")) == {
        "0": [(key.decode(), value) for key, value in values.items()]
    }


@pytest.mark.parametrize(("option", "says"), [("dupsort", "MDB_DUPSORT"), ("integerkey", "MDB_INTEGERKEY")])
def test_databases_of_other_kinds(tmp_path: Path, option: str, says: str) -> None:
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 24, max_dbs=2) as env:
        database = env.open_db(b"faces", **{option: True})
        with env.begin(write=True, db=database) as txn:
            txn.put(struct.pack("@N", 7), b"short")
            txn.put(struct.pack("@N", 7), b"other")
    refused = _refused(tmp_path / "db" / "data.mdb", database="faces")
    assert "F2C6118" in refused and says in refused


class TestDamage:
    @pytest.fixture
    def file(self, file: Path) -> Path:
        self.values = [image + bytes(3000) if i % 2 else image[:250] for i, image in enumerate(_IMAGES)]
        by_key = {b"%02d" % i: value for i, value in enumerate(self.values)}
        write_lmdb(file, by_key)
        self.labels = dict.fromkeys(by_key, "0")
        self.long = file.read_bytes().index(self.values[1])
        return file

    def _damage(self, file: Path, at: int, data: bytes) -> str:
        whole = file.read_bytes()
        file.write_bytes(whole[:at] + data + whole[at + len(data) :])
        refused = _refused(file, self.labels)
        file.write_bytes(whole)
        assert "F2C6117" in refused and str(file) in refused
        return refused

    def test_of_the_meta_pages(self, file: Path) -> None:
        assert "page 0 at byte 0 does not begin" in self._damage(file, 16, b"x")
        assert "page 1 at byte 4,096 does not begin" in self._damage(file, 4096 + 16, b"x")
        assert "how the file is laid out" in self._damage(file, 10, b"\0")
        assert "pages of 4,097 bytes" in self._damage(file, 40, b"\1")
        assert "is to hold 41 values, and holds 40" in self._damage(file, 4096 + 16 + 24 + 48 + 32, b"\x29")
        assert "page 1,000,000 is needed" in self._damage(file, 4096 + 128, struct.pack("<Q", 1_000_000))
        assert "page 0 is needed" in self._damage(file, 4096 + 128, struct.pack("<Q", 0))
        assert "33 pages deep" in self._damage(file, 4096 + 16 + 24 + 48 + 6, b"\x21")
        assert "in a tree of 3" in self._damage(file, 4096 + 16 + 24 + 48 + 6, b"\x03")

    def test_of_pages(self, file: Path) -> None:
        whole = file.read_bytes()
        root = struct.unpack_from("<Q", whole, 4096 + 128)[0] * 4096
        first = struct.unpack_from("<H", whole, root + 16)[0]
        leaf = struct.unpack_from("<I", whole, root + first)[0] * 4096
        node = leaf + struct.unpack_from("<H", whole, leaf + 16)[0]
        assert "it says it is page" in self._damage(file, leaf, b"\xff")
        assert "is needed twice" in self._damage(file, root + first, struct.pack("<I", root // 4096))
        assert "its nodes are to lie from" in self._damage(file, leaf + 12, b"\xff\xff")
        assert "behind the page" in self._damage(file, node, b"\xff\x0f")
        third = leaf + struct.unpack_from("<H", whole, leaf + 20)[0]
        assert "nodes overlap" in self._damage(file, third, b"\xff\x01")
        assert "stands behind" in self._damage(file, node + 8, b"99")
        assert "a node is to lie at" in self._damage(file, leaf + 16, b"\xff\x0f")

    def test_of_long_values(self, file: Path) -> None:
        page = self.long - 16
        assert "none does" in self._damage(file, page + 10, b"\x02")
        assert "has not the pages" in self._damage(file, page + 12, b"\0")

    def test_a_file_that_is_cut(self, file: Path) -> None:
        whole = file.read_bytes()
        for length in (0, 100, 5000, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:length])
            refused = _refused(file, self.labels)
            assert "F2C6117" in refused and str(file) in refused

    def test_of_an_image_is_that_image_alone(self, file: Path) -> None:
        whole = bytearray(file.read_bytes())
        whole[self.long + 50] ^= 0xFF
        file.write_bytes(whole)
        before = [(f"{i:02}", value) for i, value in enumerate(self.values)]
        found = _people(file, self.labels)["0"]
        assert found[1] != before[1] and found[:1] + found[2:] == before[:1] + before[2:]


def test_other_machines_and_versions(file: Path) -> None:
    write_lmdb(file, {b"a": _IMAGES[0]})
    whole = file.read_bytes()
    file.write_bytes(whole[:20] + b"\2" + whole[21:])
    assert "F2C6118" in _refused(file) and "data version 2" in _refused(file)
    file.write_bytes(whole[4:])
    assert "F2C6118" in _refused(file) and "machine of 32 bits" in _refused(file)
    file.write_bytes(whole[:16] + whole[16:20][::-1] + whole[20:])
    assert "F2C6118" in _refused(file) and "the other byte order" in _refused(file)
