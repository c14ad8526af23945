"""Lists of image files: what is read of each way to write one, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from scanned import FORMATS, scanned

from f2c_host.data.image_folder import ImageFolder
from f2c_host.data.index_file import IndexFile
from f2c_host.errors import HostError
from f2c_host.scan import image_list, json_values, list_rows
from f2c_host.scan.command import scan

_PATHS = ["images/ann lee/1.jpg", "images/bob/2.jpg", 'images/"c", d/3.jpg', "images/ann lee/4.jpg"]
_LABELS = ["7", "900", "12", "7"]
_EXPECTED = {"7": [_PATHS[0], _PATHS[3]], "12": [_PATHS[2]], "900": [_PATHS[1]]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for path in _PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"an image")
    return tmp_path


def _scanned(home: Path, name: str, content: str | bytes, **options: Any) -> dict[str, Any]:
    data = content.encode() if isinstance(content, str) else content
    (home / name).write_bytes(data)
    return scanned("imagelist", [home / name], home / "x.index", root=str(home), **options)


def _people(home: Path, name: str, content: str | bytes, **options: Any) -> dict[str, list[str]]:
    found = _scanned(home, name, content, **options)["people"]
    return {person: [path for path, _ in images] for person, images in found.items()}


def _refused(home: Path, name: str, content: str | bytes, **options: Any) -> str:
    with pytest.raises(HostError) as error:
        _people(home, name, content, **options)
    return f"{error.value} | {error.value.hint}"


def _csv(rows: Sequence[Sequence[str]], home: Path, **dialect: Any) -> str:
    with open(home / "rows", "w", newline="") as file:
        csv.writer(file, **dialect).writerows(rows)
    return (home / "rows").read_bytes().decode()


_ROWS = list(zip(_PATHS, _LABELS, strict=True))


class TestText:
    @pytest.mark.parametrize("name", ["train.txt", "train.list", "train"])
    @pytest.mark.parametrize("between", [" ", "   ", "\t"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_path_and_label(self, home: Path, name: str, between: str, end: str) -> None:
        rows = [row for row in _ROWS if '"' not in row[0]] if between == "\t" else _ROWS
        found = _people(home, name, end.join(between.join(row) for row in rows) + end + end)
        assert found == {k: v for k, v in _EXPECTED.items() if len(rows) == 4 or k != "12"}

    def test_magface(self, home: Path) -> None:
        assert _people(home, "a.list", "".join(f"{path} 0 {label} 0\n" for path, label in _ROWS)) == _EXPECTED

    def test_im2rec(self, home: Path) -> None:
        lines = [f"{i}\t{label}.000000\t0.5\t{path}\n" for i, (path, label) in enumerate(_ROWS)]
        assert _people(home, "a.lst", "".join(lines)) == _EXPECTED

    def test_columns_by_number(self, home: Path) -> None:
        lines = ["7 0.9 images/bob/2.jpg x\n", "8 0.3 images/bob/2.jpg x\n"]
        found = _people(home, "a.txt", "".join(lines), path=2, label=0)
        assert found == {"7": ["images/bob/2.jpg"], "8": ["images/bob/2.jpg"]}

    def test_a_header(self, home: Path) -> None:
        assert _people(home, "a.txt", "path label\nimages/bob/2.jpg 3\n") == {"3": ["images/bob/2.jpg"]}

    def test_a_line_without_label(self, home: Path) -> None:
        assert "line 2: `images` is not like" in _refused(home, "a.txt", "images/bob/2.jpg 3\nimages\n")

    def test_names_that_are_no_text_survive(self, home: Path) -> None:
        """After a byte order mark."""
        (home / "images" / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
        (home / "a.txt").write_bytes(b"\xef\xbb\xbfimages/\xff.jpg \xc3\xa9\n")
        index = home / "x.index"
        scan({"kind": "imagelist", "paths": [str(home / "a.txt")], "root": str(home), "index": str(index)})
        with safe_open(index, "numpy") as file:
            identifier = file.metadata()["id"]
            assert file.get_tensor("identities").tobytes() == "é".encode()
        assert IndexFile(str(index), identifier, [(0, 1)]).path(0) == b"images/\xff.jpg"


class TestTables:
    @pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
    @pytest.mark.parametrize(
        "header", [None, ("path", "label"), ("Image", "Identity_ID"), ("filename", "Name"), ("", "label")]
    )
    def test_with_and_without_header(
        self, home: Path, name: str, delimiter: str, header: tuple[str, str] | None
    ) -> None:
        rows = ([header] if header else []) + _ROWS
        assert _people(home, name, _csv(rows, home, delimiter=delimiter)) == _EXPECTED

    def test_columns_by_name_and_number(self, home: Path) -> None:
        rows = [("n", "who", "where"), *((str(i), label, path) for i, (path, label) in enumerate(_ROWS))]
        text = _csv(rows, home)
        assert _people(home, "a.csv", text, path="where", label="who") == _EXPECTED
        assert _people(home, "a.csv", text, path="where", label=1) == _EXPECTED
        assert _people(home, "b.csv", _csv(rows[1:], home), path=2, label=1) == _EXPECTED
        assert _people(home, "b.csv", _csv(rows[1:], home), label=1) == _EXPECTED

    def test_a_column_that_is_not_there(self, home: Path) -> None:
        text = _csv([("id", "path"), ("3", _PATHS[0])], home)
        assert 'no column "where": its first line has 2 (id, path)' in _refused(
            home, "a.csv", text, path="where"
        )
        assert "no column 4" in _refused(home, "a.csv", text, label=4)

    def test_which_column_is_the_label_is_not_guessed(self, home: Path) -> None:
        said = _refused(home, "a.csv", f"{_PATHS[1]},3,4\n")
        assert "which of its columns is the label is not told" in said and "label: 0" in said

    def test_fields_with_line_feeds(self, home: Path) -> None:
        (home / "a\nb.jpg").write_bytes(b"x")
        assert _people(home, "a.csv", 'path,label\r\n"a\nb.jpg",0\r\n') == {"0": ["a\nb.jpg"]}

    @pytest.mark.parametrize("text", ['"a.jpg"b,0\n', 'path,label\n"a.jpg,0\nb.jpg,1\n'])
    def test_bad_quotes_are_refused_by_line(self, home: Path, text: str) -> None:
        said = _refused(home, "a.csv", text)
        assert "F2C6117" in said and "line " in said and "quotes" in said

    def test_a_row_that_is_short(self, home: Path) -> None:
        assert "line 3: `images` lacks" in _refused(home, "a.csv", f"path,label\n{_PATHS[1]},1\nimages\n")


class TestJson:
    @pytest.mark.parametrize(
        "value",
        [
            [{"image": path, "id": int(label)} for path, label in _ROWS],
            [{"label": label, "box": [1, 2], "path": path} for path, label in _ROWS],
            [[path, int(label)] for path, label in _ROWS],
            _EXPECTED,
            {path: int(label) for path, label in _ROWS},
        ],
    )
    @pytest.mark.parametrize("indent", [None, 2])
    def test_forms(self, home: Path, value: Any, indent: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """In pieces that cut values and numbers."""
        monkeypatch.setattr(json_values, "_PIECE", 5)
        assert _people(home, "a.json", json.dumps(value, indent=indent)) == _EXPECTED

    def test_paths_of_each_identity(self, home: Path) -> None:
        """As DCQ's: an identity is its position."""
        value = [[_PATHS[0], _PATHS[3]], [_PATHS[1]], []]
        assert _people(home, "a.json", json.dumps(value)) == {"0": [_PATHS[0], _PATHS[3]], "1": [_PATHS[1]]}

    @pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.txt"])
    def test_json_lines(self, home: Path, name: str) -> None:
        lines = [json.dumps({"file": path, "person": label}) for path, label in _ROWS]
        assert _people(home, name, "\n\n".join(lines)) == _EXPECTED

    def test_keys_by_name(self, home: Path) -> None:
        value = [{"id": i, "who": label, "at": path} for i, (path, label) in enumerate(_ROWS)]
        assert _people(home, "a.json", json.dumps(value), path="at", label="who") == _EXPECTED
        assert "which of its keys are path and label" in _refused(home, "a.json", json.dumps(value))

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('[["a.jpg", 0], ["b', "no value of JSON stands there, or it is cut off"),
            ('[["a.jpg", 0]', "cut off"),
            ('[["a.jpg", 0]] x', "goes on after its last ]"),
            ('[["a.jpg", 0] ["b.jpg", 1]]', "`[` stands where `,` belongs"),
            ("[" * 100_000, "no value of JSON"),
            ('[["a.jpg", 0], "b.jpg"]', "does not say whose image"),
            ('[{"path": "a.jpg", "label": 0}, {"path": "a.jpg"}]', "entry 2: `null` is no label"),
            ('{"a.jpg": true}', "`true` is no label"),
            ('{"a.jpg": 1.5}', "`1.5` is no label"),
            ('{"ann": [3]}', "`3` is no path"),
            ('[["\\ud800.jpg", 0]]', "is no text"),
            ("", "it is cut off"),
            ("[]", "there are no images in it"),
        ],
    )
    def test_what_is_wrong_is_said(self, home: Path, text: str, says: str) -> None:
        for path in ("a.jpg", "b.jpg"):
            (home / path).write_bytes(b"x")
        assert says in _refused(home, "l.json", text)


def test_labels_that_are_text(home: Path) -> None:
    """In natural order; where the first batches held numbers only, those are texts as well."""
    rows = [("images/bob/2.jpg", label) for label in ["10", "9", "007", "b", "9", "a", "-3"]]
    expected = ["-3", "007", "9", "10", "a", "b"]
    for size in (1, 3, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(image_list, "_ROWS", size)
            found = _people(home, "a.txt", "".join(f"{path} {label}\n" for path, label in rows))
        assert sorted(found) == sorted(expected) and len(found["9"]) == 2
        assert [name for name in found if name != "-3"] == expected[1:]


def test_what_is_left_out_goes_by_whole_paths(home: Path) -> None:
    text = "".join(f"{path} {label}\n" for path, label in _ROWS)
    found = _people(home, "a.txt", text, leaveOut=["900", _PATHS[0]])
    assert found == {"7": [_PATHS[3]], "12": [_PATHS[2]]}


def test_several_lists_share_their_labels(home: Path) -> None:
    (home / "a.txt").write_text(f"{_PATHS[0]} 7\n")
    (home / "b.csv").write_text(f"path,label\n{_PATHS[3]},7\n")
    found = scanned("imagelist", [home / "a.txt", home / "b.csv"], home / "x.index", root=str(home))["people"]
    assert [path for path, _ in found["7"]] == [_PATHS[0], _PATHS[3]]


class TestFilesThatAreMissing:
    def test_all(self, home: Path) -> None:
        said = _refused(home, "a.txt", "nowhere/1.jpg 0\nnowhere/2.jpg 1\n")
        assert "F2C6118" in said and "none of the 2 files" in said and f"{home}/nowhere/1.jpg" in said
        assert "`root`" in said and "`path` and `label`" in said

    def test_some(self, home: Path) -> None:
        found = _scanned(home, "a.txt", f"{_PATHS[1]} 0\nnowhere/2.jpg 1\n")
        remarks = json.loads(found["facts"]["remarks"])
        assert len(remarks) == 1 and remarks[0].startswith("1 of 2 files that were looked for are not there")

    def test_few_are_looked_for(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[bytes] = []
        monkeypatch.setattr(image_list.os.path, "exists", lambda path: asked.append(path) or True)
        looked_for = image_list._LookedFor("/")
        for first in range(0, 1_000_000, 1000):
            looked_for.some_of([b"%d" % i for i in range(first, first + 1000)])
        assert 900 < len(asked) < 1100 and asked[:100] == [b"/%d" % i for i in range(100)]
        assert int(asked[-1][1:]) > 980_000


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json", "a.jsonl"])
def test_millions_of_rows_are_never_held(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the list: as much of 20,000 rows as of 80,000, in batches of 1,000."""
    monkeypatch.setattr(image_list, "_ROWS", 1000)
    write = {
        "a.txt": lambda rows: "".join(f"{p} {n}\n" for p, n in rows),
        "a.csv": lambda rows: "".join(f"{p},{n}\n" for p, n in rows),
        "a.json": lambda rows: json.dumps([[p, n] for p, n in rows]),
        "a.jsonl": lambda rows: "".join(f"{json.dumps([p, n])}\n" for p, n in rows),
    }[name]
    peaks = []
    for count in (20_000, 80_000):
        (home / name).write_text(write([("images/bob/2.jpg", i % 50) for i in range(count)]))
        tracemalloc.start()
        for _ in list_rows.rows_of(str(home / name), None, None):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000


def test_a_file_without_line_feeds(home: Path) -> None:
    assert "line 1 is longer than" in _refused(home, "a.txt", "a b" * 500_000)
    assert "UTF-16" in _refused(home, "a.csv", "a.jpg,0\n".encode("utf-16"))
    with pytest.raises(HostError, match="F2C6119"):
        scanned("imagelist", [home / "none.txt"], home / "x.index", root=str(home))


def test_the_host_reads_the_files(home: Path) -> None:
    (home / "images/bob/2.jpg").write_bytes(b"P5 2 1 255\n\x10\x20")
    found = _scanned(home, "a.txt", "images/bob/2.jpg 4\nimages/bob/none.jpg 5\n")
    spec = {"kind": "image_folder", "root": str(home), "index": str(home / "x.index")}
    spec |= {"indexId": found["facts"]["id"], "people": [[0, 2]], "channels": 1, "height": 1, "width": 2}
    images = ImageFolder({**spec, "fit": "crop"}, {})
    assert images.read([0]).flatten().tolist() == [0x10, 0x20]
    with pytest.raises(HostError, match=r"F2C6103.*images/bob/none\.jpg does not exist"):
        images.read([1])


@pytest.mark.skipif(not FORMATS.exists(), reason="the instances that others' libraries wrote are elsewhere")
@pytest.mark.parametrize(
    "name",
    ["lists/train.txt", "lists/magface.list", "lists/train.csv", "lists/train.json", "flat/labels.csv"],
)
def test_lists_that_others_wrote(name: str, tmp_path: Path) -> None:
    root = str((FORMATS / name).parent)
    found = scanned("imagelist", [FORMATS / name], tmp_path / "x.index", root=root)
    assert [len(images) for images in found["people"].values()] == [4] * 14
    assert list(found["people"]) == [str(i) for i in range(14)]
    assert found["facts"]["remarks"] == "[]"
