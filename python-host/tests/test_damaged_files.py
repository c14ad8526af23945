"""Damages of each kind of file, a thousand with F2C_LONG=1: cut, flipped, or with numbers that lie.

Either the files are refused, by name, or all images but those that were struck are as they were: who is on them, what they are
called, their bytes. Nothing else is raised, nothing is read from outside, nobody takes memory as the file says.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_jpegs import drawn_jpegs
from lmdb_writer import write_lmdb
from python_2_pickle import python_2_pickle
from record_io_writer import MAGIC, image_record, insightface_records, write_records
from scanned import scanned, texts
from scripts import run_script
from shares import share

from f2c_host.errors import HostError

_DAMAGES = share(250, of=1000)
_MOST_MEMORY = 256 << 20
_TOO_LONG_S = 120


@dataclass
class _Set:
    """Files of one kind, and which of them are struck: those that say where images lie, and those that only list."""

    kind: str
    paths: list[Path]
    lists: list[Path] = field(default_factory=list)
    # How many images a blow between them may change.
    most: int = 2
    options: dict[str, Any] = field(default_factory=dict)


# Most are short, so that many blows fall on what lies between images.
_random = random.Random(5)
_IMAGES = [
    *(b"\xff\xd8\xff" + _random.randbytes(_random.randrange(10, 90)) for _ in range(24)),
    *drawn_jpegs(3, side=24),
    b"\xff\xd8\xff0" + MAGIC + b"0123" + MAGIC,
]
_LABELS = [i // 4 for i in range(len(_IMAGES))]


def _record_io(home: Path, variant: int) -> _Set:
    path = home / "train.rec"
    if variant % 2:
        people = [(label, [_IMAGES[i] for i, of in enumerate(_LABELS) if of == label]) for label in range(7)]
        write_records(path, insightface_records(people), index=variant == 1)
    else:
        rows = zip(_LABELS, _IMAGES, strict=True)
        payloads = [(i, image_record(label, image)) for i, (label, image) in enumerate(rows)]
        write_records(path, payloads, index=variant == 2)
    return _Set("recordio", [path], lists=[path.with_suffix(".idx")] if variant in (1, 2) else [])


def _message(image: bytes) -> bytes:
    """FFC's."""
    return b"\x0a" + bytes([len(image) & 0x7F | 0x80, len(image) >> 7]) + image


def _lmdb(home: Path, variant: int) -> _Set:
    path, labels = home / "data.mdb", home / "kv.txt"
    images = [image if i % 3 else (image + bytes(900))[:896] for i, image in enumerate(_IMAGES)]
    values = [_message(image) if variant == 3 else image for image in images]
    by_key = {b"%02d_0" % i: value for i, value in enumerate(values)}
    write_lmdb(path, by_key, (512, 1024)[variant % 2])
    labels.write_text("".join(f"{i:02}_0 {label}\n" for i, label in enumerate(_LABELS)))
    return _Set("lmdb", [path], lists=[labels], options={"labels": str(labels)})


def _web_dataset(home: Path, variant: int) -> _Set:
    paths = [home / "0.tar", home / "1.tar"]
    form = (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)[variant % 2]
    name = "é" * 80 if variant > 1 else ""
    for part, path in enumerate(paths):
        with tarfile.open(path, "w", format=form) as archive:
            for i in range(part, len(_IMAGES), 2):
                described = json.dumps({"id": _LABELS[i]}).encode() if variant % 2 else b"%d" % _LABELS[i]
                for ending, data in (("json" if variant % 2 else "cls", described), ("jpg", _IMAGES[i])):
                    info = tarfile.TarInfo(f"{name}{i:02}.{ending}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return _Set("webdataset", paths, options={"label": "json:id" if variant % 2 else "cls"})


def _bin_set(home: Path, variant: int) -> _Set:
    path = home / "lfw.bin"
    same = [i % 3 > 0 for i in range(len(_IMAGES) // 2)]
    arrays = [np.frombuffer(image, np.uint8) for image in _IMAGES]
    made = [
        *(lambda p=p: pickle.dumps((_IMAGES, same), p) for p in range(6)),
        *(lambda p=p: pickle.dumps((arrays, same), p) for p in (2, 4, 5)),
        *(lambda p=p: python_2_pickle(_IMAGES, same, p) for p in range(3)),
    ]
    path.write_bytes(made[variant]())
    return _Set("binset", [path])


def _list(home: Path, variant: int) -> _Set:
    rows = [(f"faces/{i:02}.jpg", label) for i, label in enumerate(_LABELS)]
    name, text = [
        ("train.txt", "".join(f"{path} {label}\n" for path, label in rows)),
        ("train.csv", "path,label\n" + "".join(f"{path},{label}\n" for path, label in rows)),
        ("train.json", json.dumps([{"path": path, "label": label} for path, label in rows])),
        ("train.jsonl", "".join(json.dumps({"path": path, "label": label}) + "\n" for path, label in rows)),
        ("train.lst", "".join(f"{i}\t{label}\t{path}\n" for i, (path, label) in enumerate(rows))),
    ][variant]
    (home / "faces").mkdir(exist_ok=True)
    for path, _ in rows:
        (home / path).touch()
    (home / name).write_text(text)
    return _Set("imagelist", [], lists=[home / name], options={"root": str(home)})


def _parquet(home: Path, variant: int) -> _Set:
    """Pages have sums, or not: then one that is struck may still be read, and all of its images are others."""
    import pyarrow as pa
    from pyarrow import parquet

    path, has_sums = home / "train.parquet", variant % 2 == 0
    structs = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": image, "path": None} for image in _IMAGES], structs)
    parquet.write_table(
        pa.table({"image": images, "label": pa.array(_LABELS, pa.int64())}),
        path,
        compression=("none", "snappy", "zstd")[variant // 2],
        row_group_size=9,
        write_page_checksum=has_sums,
    )
    return _Set("parquet", [path], most=2 if has_sums else 9)


_KINDS: dict[str, tuple[Callable[[Path, int], _Set], int]] = {
    "recordio": (_record_io, 4),
    "lmdb": (_lmdb, 4),
    "webdataset": (_web_dataset, 4),
    "binset": (_bin_set, 12),
    "imagelist": (_list, 5),
    "parquet": (_parquet, 6),
}
# A library in C may end the process.
_IN_C = ("parquet",)


@dataclass
class _Blow:
    """Data that was struck, and where: from a byte to before another."""

    data: bytes
    begin: int
    end: int
    is_cut: bool = False


def _cut(draw: random.Random, data: bytes) -> _Blow:
    at = draw.randrange(len(data))
    return _Blow(data[:at], at, len(data), True)


def _flipped(draw: random.Random, data: bytes) -> _Blow:
    at = draw.randrange(len(data))
    return _Blow(data[:at] + bytes([data[at] ^ draw.randrange(1, 256)]) + data[at + 1 :], at, at + 1)


def _lying(draw: random.Random, data: bytes) -> _Blow:
    """A number that is none, too large or another."""
    width = draw.choice([1, 2, 4, 8])
    most = (1 << 8 * width) - 1
    number = draw.choice([0, 1, most, most >> 1, most - 15, draw.randrange(1 << 8), draw.randrange(most)])
    at = draw.randrange(max(1, len(data) - width)) // width * width
    written = min(number, most).to_bytes(width, "little")
    return _Blow(data[:at] + written + data[at + width :], at, at + width)


def _images(found: dict[str, Any]) -> Counter:
    """Images with their names and people, and which pairs are one person's."""
    held = Counter((who, name, image) for who, images in found["people"].items() for name, image in images)
    held.update(("pair", i, one) for i, one in enumerate(found["arrays"].get("same", np.empty(0)).tolist()))
    return held


@contextmanager
def _bounded() -> Iterator[None]:
    """More memory than that cannot be had, and what takes as long as that hangs."""
    with open("/proc/self/statm") as sizes:
        now = int(sizes.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + _MOST_MEMORY, before[1]))

    def hangs(*_: object) -> None:
        raise TimeoutError

    handler = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(_TOO_LONG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


class _Before:
    """A set while it was whole."""

    def __init__(self, files: _Set, index: Path) -> None:
        self.files, self._index = files, index
        self.data = {path: path.read_bytes() for path in (*files.paths, *files.lists)}
        found = self._scanned()
        self._images = _images(found)
        assert sum(map(len, found["people"].values())) == len(_IMAGES)
        self._places = set[tuple[str, int]]()
        arrays = found["arrays"]
        if "at" in arrays:
            shards = texts(arrays["shards"].tobytes(), arrays["shardEnds"])
            shard = arrays["shard"] if "shard" in arrays else np.zeros(len(_IMAGES), int)
            for number, at, length in zip(shard, arrays["at"], arrays["length"], strict=True):
                self._places.update((shards[number], byte) for byte in range(at, at + length))

    def _scanned(self) -> dict[str, Any]:
        paths = self.files.paths or self.files.lists
        return scanned(self.files.kind, paths, self._index, **self.files.options)

    def outcome(self, struck: Path, blow: _Blow) -> str:
        """What became of it: `refused`, `same`, `other`; anything else is wrong."""
        in_images = all((str(struck), byte) in self._places for byte in range(blow.begin, blow.end))
        try:
            with _bounded():
                found = _images(self._scanned())
        except HostError as error:
            if in_images:
                return f"an image was struck, and all are refused: {error}"
            return (
                "refused"
                if any(str(path) in error.message for path in self.data)
                else f"no file is named: {error}"
            )
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        lost, new = (self._images - found).total(), (found - self._images).total()
        # A list that is cut says nothing of the rest; what is struck may be a border between two images.
        is_shorter = blow.is_cut and struck in self.files.lists
        most = 1 if in_images else self.files.most
        if new > most or (lost > most and not is_shorter):
            return f"{lost} images are lost, {new} are new"
        return "other" if lost or new else "same"


def _struck(kind: str, home: Path) -> tuple[Counter, list[str]]:
    """How often each outcome came, and those that are wrong."""
    make, variants = _KINDS[kind]
    outcomes: Counter = Counter()
    wrong = []
    for variant in range(variants):
        before = _Before(files := make(home, variant), home / "x.index")
        for seed in range(variant, _DAMAGES, variants):
            draw = random.Random(f"{kind} {seed}")
            is_list = files.lists and (not files.paths or draw.random() < 0.25)
            struck = draw.choice(files.lists if is_list else files.paths)
            blow = draw.choice([_cut, _flipped, _lying])(draw, before.data[struck])
            struck.write_bytes(blow.data)
            outcome = before.outcome(struck, blow)
            struck.write_bytes(before.data[struck])
            outcomes[outcome] += 1
            if outcome not in ("refused", "same", "other"):
                wrong.append(f"seed {seed}, {struck.name} from byte {blow.begin} to {blow.end}: {outcome}")
        for path in before.data:
            path.unlink()
    return outcomes, wrong


def _struck_in_child(kind: str, home: Path) -> tuple[Counter, list[str]]:
    ended = run_script(Path(__file__), kind, home)
    assert ended.returncode == 0, f"ended with {ended.returncode}: {ended.stderr}"
    outcomes, wrong = json.loads(ended.stdout)
    return Counter(outcomes), wrong


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded as Linux does")
@pytest.mark.parametrize("kind", _KINDS)
def test_damages(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(os, "fsync", lambda _: None)
    outcomes, wrong = (_struck_in_child if kind in _IN_C else _struck)(kind, tmp_path)
    assert not wrong, "\n".join([f"{len(wrong)} of {_DAMAGES}", *wrong[:10]])
    assert outcomes.total() == _DAMAGES
    assert {path.name for path in tmp_path.glob("x.index.*")} <= {"x.index.pack"}
    # Else the blows would all fall on one part of the file, and this test would show nothing of the other.
    assert outcomes["refused"] > 0.15 * _DAMAGES and outcomes["other"] > 0.05 * _DAMAGES, outcomes


@pytest.mark.parametrize("kind", _KINDS)
def test_in_the_process_that_scans(kind: str, tmp_path: Path) -> None:
    """Its last word is a refusal that names the file, and it ends as if nothing had happened."""
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    files = _KINDS[kind][0](tmp_path, 0)
    struck = (files.paths or files.lists)[0]
    data = struck.read_bytes()
    struck.write_bytes(
        data[: len(data) // 2 + 3] if kind != "imagelist" else b"\xff" + data.replace(b" ", b"")
    )
    paths = [str(path) for path in files.paths or files.lists]
    spec = {"kind": kind, "index": str(tmp_path / "x.index"), "paths": paths, **files.options}
    ended = subprocess.run(
        [sys.executable, "-m", "f2c_host", "scan"], input=json.dumps(spec), capture_output=True, text=True
    )
    last = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0 and ended.stderr == ""
    assert last["kind"] == "refused" and str(struck) in last["message"]


if __name__ == "__main__":
    print(json.dumps(_struck(sys.argv[1], Path(sys.argv[2]))))
