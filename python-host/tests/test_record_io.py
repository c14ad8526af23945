"""RecordIO: what is read of files that a literal writer made, and what is refused."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest
from record_io_writer import MAGIC, framed, image_record, insightface_records, write_records
from scanned import scanned

from f2c_host.errors import HostError
from f2c_host.scan import index_builder
from f2c_host.scan.rounded_labels import told_apart

_IMAGES = [bytes([65 + i]) * (5 + 3 * i) for i in range(9)]
_PEOPLE = [(0, _IMAGES[:2]), (1, _IMAGES[2:3]), (7, _IMAGES[3:])]
_EXPECTED = {
    "0": [(1, _IMAGES[0]), (2, _IMAGES[1])],
    "1": [(3, _IMAGES[2])],
    "7": list(zip(range(4, 10), _IMAGES[3:], strict=True)),
}


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return tmp_path / "train.rec"


def _people(rec: Path, **options: object) -> dict:
    return scanned("recordio", [rec], rec.parent / "x.index", **options)["people"]


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("index", [False, True])
def test_insightface(rec: Path, vector: bool, index: bool) -> None:
    write_records(rec, insightface_records(_PEOPLE, vector), index)
    assert _people(rec) == _EXPECTED


def test_im2rec_without_a_header(rec: Path) -> None:
    write_records(rec, [(10 * i, image_record(i % 2, image)) for i, image in enumerate(_IMAGES)])
    assert _people(rec) == {
        "0": [(10 * i, _IMAGES[i]) for i in range(0, 9, 2)],
        "1": [(10 * i, _IMAGES[i]) for i in range(1, 9, 2)],
    }


def test_records_that_were_cut_because_they_hold_the_magic(rec: Path) -> None:
    """Three times: at the beginning of the image, next to each other, and at its end; and once where it does not count."""
    cut = [MAGIC + b"1234", b"abcd" + MAGIC + MAGIC + b"x", b"abcdefgh" + MAGIC, b"ab" + MAGIC + b"cd"]
    assert [framed(image_record(0, image)).count(MAGIC) for image in cut] == [2, 3, 2, 2]
    write_records(rec, [(i, image_record(i, image)) for i, image in enumerate(cut)], index=False)
    assert _people(rec) == {str(i): [(i, image)] for i, image in enumerate(cut)}
    write_records(rec, [(i, image_record([i, 3.0], image)) for i, image in enumerate(cut)])
    assert _people(rec) == {str(i): [(i, image)] for i, image in enumerate(cut)}


def test_parts_share_their_labels(tmp_path: Path) -> None:
    for part in range(2):
        write_records(
            tmp_path / f"{part}.rec", [(i, image_record(i % 3, _IMAGES[i + part])) for i in range(4)]
        )
    found = scanned("recordio", [tmp_path / "0.rec", tmp_path / "1.rec"], tmp_path / "x.index")["people"]
    assert found["0"] == [(0, _IMAGES[0]), (3, _IMAGES[3]), (0, _IMAGES[1]), (3, _IMAGES[4])]


def test_labels_in_any_order_are_grouped(rec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces smaller than the file, against a plain sort."""
    monkeypatch.setattr(index_builder, "_ROWS", 7)
    draw = random.Random(0)
    rows = [(key, draw.randrange(20) ** 2, draw.randbytes(draw.randrange(1, 9))) for key in range(300)]
    write_records(rec, [(key, image_record(label, image)) for key, label, image in rows])
    expected: dict[str, list] = {}
    for key, label, image in sorted(rows, key=lambda row: row[1]):
        expected.setdefault(str(label), []).append((key, image))
    found = _people(rec)
    assert found == expected and list(found) == list(expected)


def test_what_is_left_out(rec: Path) -> None:
    write_records(rec, insightface_records(_PEOPLE))
    found = scanned("recordio", [rec], rec.parent / "x.index", leaveOut=["1", "7/5", "0/99"])
    assert found["people"] == {"0": _EXPECTED["0"], "7": [_EXPECTED["7"][0], *_EXPECTED["7"][2:]]}
    assert found["notes"] == [
        "2 images left out by `leaveOut`",
        "1 entries of `leaveOut` that name nothing (0/99)",
    ]


def test_an_empty_image_stays_an_image(rec: Path) -> None:
    """Only its payload is at fault."""
    write_records(rec, [(0, image_record(3, b"")), (1, image_record(3, b"x"))])
    assert _people(rec) == {"3": [(0, b""), (1, b"x")]}


def test_an_index_in_any_order(rec: Path) -> None:
    write_records(rec, insightface_records(_PEOPLE))
    lines = rec.with_suffix(".idx").read_text().splitlines()
    rec.with_suffix(".idx").write_text("\n".join(lines[::-1]))
    assert _people(rec) == _EXPECTED


def test_records_that_the_index_does_not_list_are_told_of(rec: Path) -> None:
    """As of a file before it grew. One that lists all says nothing, also of records that were cut."""
    records = [*insightface_records(_PEOPLE), (99, image_record(0, MAGIC + b"12345"))]
    write_records(rec, records)
    assert scanned("recordio", [rec], rec.parent / "x.index")["notes"] == []
    first, *lines = rec.with_suffix(".idx").read_text().splitlines()
    sizes = [len(framed(payload)) for _, payload in records]
    for kept, hidden in [
        ((first, *lines[:3]), sizes[4:]),
        (lines, sizes[:1]),
        ((first, *lines[2:]), sizes[1:3]),
    ]:
        rec.with_suffix(".idx").write_text("\n".join(kept))
        told = scanned("recordio", [rec], rec.parent / "x.index")["notes"]
        assert told == [f"{sum(hidden):,} of {sum(sizes):,} bytes, whose records train.idx does not list"]


def _refused(rec: Path) -> str:
    with pytest.raises(HostError) as error:
        _people(rec)
    return str(error.value)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize("index", [False, True])
def test_damage_is_named_by_record_and_byte(rec: Path, index: bool) -> None:
    write_records(rec, insightface_records(_PEOPLE), index)
    data = rec.read_bytes()
    rec.write_bytes(data[:-5])
    assert "F2C6117" in _refused(rec) and "record 12 at byte" in _refused(rec) and "cut off" in _refused(rec)
    second = len(framed(insightface_records(_PEOPLE)[0][1]))
    rec.write_bytes(_flipped(data, second))
    assert f"record 1 at byte {second}: no record begins there" in _refused(rec)
    rec.write_bytes(data[: second + 4] + struct.pack("<I", 1 << 28) + data[second + 8 :])
    assert "record 1 at byte" in _refused(rec) and "268,435,456 bytes long" in _refused(rec)
    rec.write_bytes(b"")
    assert "F2C6117" in _refused(rec) and "0 bytes" in _refused(rec)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists no records"),
        ("0\t0\n1\tx\n", "line 2 is no key and offset"),
        ("0\t0\n1\n", "is no key and offset"),
        ("0\t0\n1\t99999999\n", "record 1 is to begin at byte 99,999,999"),
        ("0\t0\n1\t-4\n", "record 1 is to begin at byte -4"),
        ("0\t0\n1\t0\n", "records 0 and 1 begin at one byte"),
        ("0\t0\n1\t7\n", "record 0 at byte 0: it overlaps the next"),
        ("\x00\xff\x01", "is no key and offset"),
    ],
)
def test_an_index_that_lies(rec: Path, text: str, says: str) -> None:
    write_records(rec, insightface_records(_PEOPLE))
    rec.with_suffix(".idx").write_text(text)
    assert "F2C6117" in _refused(rec) and says in _refused(rec)


@pytest.mark.parametrize("label", [float("nan"), float("inf"), -1.0, 2.5])
def test_a_label_that_is_no_identity(rec: Path, label: float) -> None:
    write_records(rec, [(5, image_record(label, b"x"))])
    assert "F2C6118" in _refused(rec) and "the label of record 5" in _refused(rec)


def test_a_payload_that_is_no_image_record(rec: Path) -> None:
    for payload in (b"short", struct.pack("<IfQQ", 1000, 0, 0, 0) + b"1234"):
        write_records(rec, [(0, payload)])
        assert "F2C6117" in _refused(rec) and "holds no image record" in _refused(rec)


def test_a_file_that_is_gone(rec: Path) -> None:
    assert "F2C6119" in _refused(rec)


def test_more_images_than_can_be_numbered(rec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_builder, "_MOST_IMAGES", 5)
    write_records(rec, insightface_records(_PEOPLE))
    assert "F2C6120" in _refused(rec)


class TestRoundedLabels:
    """Identities above 2^24, whose numbers and those of their first images are stored as f32."""

    @staticmethod
    def _stored(first_key: int, sizes: list[int], first: int = 2**24 - 2) -> tuple[np.ndarray, ...]:
        identities = np.arange(first, first + len(sizes))
        truth = np.repeat(identities, sizes)
        keys = first_key + np.arange(len(truth))
        begins = first_key + np.concatenate([[0], np.cumsum(sizes)[:-1]])
        in_f32 = truth.astype(np.float32).astype(np.int64)
        return keys, in_f32, identities, begins.astype(np.float32).astype(np.float64), truth

    def test_small_keys_are_exact(self) -> None:
        keys, stored, identities, begins, truth = self._stored(1000, [3, 1, 4, 2, 5, 1, 1, 2])
        assert len(np.unique(stored)) < len(identities)
        exact, unsure = told_apart(keys, stored, identities, begins)
        assert np.array_equal(exact, truth) and unsure == 0

    def test_large_keys_leave_some_borders_open(self) -> None:
        """Keys from 2^25 on are stored as multiples of 4: of a border a few places are possible, and it is off by two at most."""
        keys, stored, identities, begins, truth = self._stored(2**25 + 8, [20, 21, 22, 23, 20, 21, 22, 23])
        exact, unsure = told_apart(keys, stored, identities, begins)
        alike = len(identities) - len(np.unique(stored))
        assert unsure == alike
        assert (exact != truth).sum() <= 2 * alike

    def test_a_range_that_contradicts_the_labels_is_unsure(self) -> None:
        keys, stored, identities, begins, truth = self._stored(1000, [3, 1, 4, 2, 5])
        begins[:] = 5
        exact, unsure = told_apart(keys, stored, identities, begins)
        assert unsure > 0 and (exact[:4] == truth[:4]).all()


def test_rounded_labels_of_a_file(rec: Path) -> None:
    """Without ranges they are refused: two people would be one."""
    write_records(rec, [(0, image_record(2**24, b"x"))])
    assert "F2C6118" in _refused(rec) and "rounded" in _refused(rec)
