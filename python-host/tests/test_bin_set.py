"""Verification sets: what is read of those that Python 2 and 3 pickle, and what is refused."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from drawn_jpegs import drawn_jpegs
from python_2_pickle import python_2_pickle
from scanned import scanned

from f2c_host.data.index_file import IndexFile
from f2c_host.errors import HostError
from f2c_host.scan import pickled_bytes

_IMAGES = drawn_jpegs(6)
_SAME = [True, False, True]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lfw.bin"


def _read(file: Path, data: bytes) -> tuple[list[bytes], list[int]]:
    file.write_bytes(data)
    found = scanned("binset", [file], file.parent / "x.index")
    assert list(found["people"]) == [str(i) for i in range(len(found["people"]))]
    assert found["notes"] == []
    return [image for [(_, image)] in found["people"].values()], found["arrays"]["same"].tolist()


def _refused(file: Path, data: bytes) -> str:
    with pytest.raises(HostError) as error:
        _read(file, data)
    assert str(file) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("arrays", [False, True])
def test_what_python_3_pickles(file: Path, protocol: int, arrays: bool) -> None:
    images = [np.frombuffer(image, np.uint8) for image in _IMAGES] if arrays else _IMAGES
    assert _read(file, pickle.dumps((images, _SAME), protocol)) == (_IMAGES, [1, 0, 1])


@pytest.mark.parametrize("protocol", range(6))
def test_older_numpy_and_its_truth_values(file: Path, protocol: int) -> None:
    """numpy 2 calls `numpy.core` `numpy._core`. An array that may be written to is pickled in another way."""
    images = [np.array(bytearray(image)) for image in _IMAGES]
    for same in ([np.bool_(one) for one in _SAME], np.array(_SAME), [1, 0, 1]):
        data = pickle.dumps([images, same], protocol)
        assert _read(file, data) == (_IMAGES, [1, 0, 1])
        if protocol < 4:  # names of protocol 4 have their length before them
            assert _read(file, data.replace(b"numpy._core", b"numpy.core")) == (_IMAGES, [1, 0, 1])


@pytest.mark.parametrize("protocol", range(3))
def test_what_python_2_pickles(file: Path, protocol: int) -> None:
    """Also strings with a quote, which are written between other quotes."""
    images = [*_IMAGES[:4], b"\xff\xd8\xff it's", b'\xff\xd8\xff "so\\n"\n']
    data = python_2_pickle(images, _SAME, protocol)
    assert pickle.loads(data, encoding="bytes") == (images, _SAME)
    assert _read(file, data) == (images, [1, 0, 1])


def test_images_that_are_one_object_and_empty_ones(file: Path) -> None:
    for protocol in range(6):
        images = [_IMAGES[0], b"", _IMAGES[0], _IMAGES[1], _IMAGES[0], b""]
        assert _read(file, pickle.dumps((images, _SAME), protocol)) == (images, [1, 0, 1])


def test_large_lists(file: Path) -> None:
    """Lists are pickled in parts of a thousand, values remembered under numbers above 255; large bytes lie between frames."""
    images = [b"\xff\xd8\xff%d" % i for i in range(2998)] + [b"\xff\xd8" + bytes(70_000)] * 2
    for protocol in range(6):
        assert _read(file, pickle.dumps((images, [True, False, True] * 500), protocol))[0] == images


def test_images_stay_where_they_lie(file: Path) -> None:
    """Only what is written in another way is copied."""
    pack = file.parent / "x.index.pack"
    _read(file, pickle.dumps((_IMAGES, _SAME), 4))
    assert not pack.exists()
    _read(file, pickle.dumps((_IMAGES, _SAME), 2))
    assert pack.read_bytes() == b"".join(_IMAGES)


def test_an_image_is_called_by_its_number(file: Path) -> None:
    _read(file, pickle.dumps((_IMAGES, _SAME)))
    index = file.parent / "x.index"
    from safetensors import safe_open

    with safe_open(index, "numpy") as opened:
        identifier = opened.metadata()["id"]
    assert IndexFile(str(index), identifier, [(0, 6)]).shown(4) == "4"


class _Asks:
    """Pickled, it has a function called when it is read."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._asked = function, arguments

    def __reduce__(self) -> tuple:
        return self._asked


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_code_is_refused_by_what_it_asks_for(file: Path, protocol: int) -> None:
    import os
    import subprocess

    trace = file.parent / "ran"
    for function, name in (
        (os.system, "posix.system"),
        (subprocess.call, ".call"),
        (eval, ".eval"),
    ):
        asks = _Asks(function, f"touch {trace}")
        for held in (asks, (_IMAGES, [asks]), ([asks], _SAME)):
            refused = _refused(file, pickle.dumps(held, protocol))
            assert "F2C6122" in refused and name in refused and "nothing of it was run" in refused
    assert not trace.exists()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"(S'touch x'\nios\nsystem\n.", "os.system"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0bcore.x.load\x93.", "numpy.core.x.load"),
        (b"c__builtin__\ngetattr\n.", "__builtin__.getattr"),
    ],
)
def test_names_that_are_not_admitted(file: Path, data: bytes, name: str) -> None:
    assert "F2C6122" in _refused(file, data) and f"asks for {name}," in _refused(file, data)


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ((_IMAGES[:5], _SAME), "5 images and tells of 3 pairs, which are of 6"),
        ((_IMAGES, [True]), "6 images and tells of 1 pairs"),
        (([], []), "it lists no pairs"),
        (_IMAGES, "it does not hold two lists"),
        ((_IMAGES, _SAME, 1), "it does not hold two lists"),
        (([*_IMAGES[:5], "text"], _SAME), "image 5 is no bytes"),
        (([*_IMAGES[:5], 7], _SAME), "image 5 is no bytes"),
        ((_IMAGES, [True, False, 2]), "no list of True and False"),
        ((_IMAGES, [True, False, None]), "no list of True and False"),
        ((_IMAGES, b"\1\0\1"), "no list of True and False"),
        (([b"ann", b"bob"], [True]), "none that are read, but text"),
        (([np.zeros(3, np.float32)] * 6, _SAME), "arrays of 'f4'"),
        (([np.zeros((2, 2, 3), np.uint8)] * 6, _SAME), "arrays of shape (2, 2, 3)"),
        (({}, 1), "EMPTY_DICT"),
        ((1.5, 1), "BINFLOAT"),
    ],
)
def test_pickles_of_something_else(file: Path, held: object, says: str) -> None:
    for protocol in (2, 4, 5):
        refused = _refused(file, pickle.dumps(held, protocol))
        assert "F2C6118" in refused and says in refused


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"\x80", "the file ends there"),
        (b"\x80\x04", "the file ends there"),
        (b"\xff", "0xff is no step of a pickle"),
        (b"B\xff\xff\xff\xffx", "4,294,967,295 bytes are to follow"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fx", "9,223,372,036,854,775,807 bytes are to follow"),
        (b"\x96\xff\xff\xff\xff\xff\xff\xff\xffx", "bytes are to follow"),
        (b"\x8d\x00\x00\x00\x00\x01\x00\x00\x00x", "4,294,967,296 bytes are to follow"),
        (b"T\xff\xff\xff\xff", "bytes are to follow"),
        (b"j\xff\xff\xff\xff.", "value 4294967295 is used before"),
        (b"Nr\xff\xff\xff\xff0.", "nothing is there"),
        (b"\x8a\xff" + b"\x01" * 255 + b".", "a number has 255 bytes"),
        (b"\x8b\xff\xff\xff\x7f.", "LONG4"),
        (b"I" + b"9" * 100_000 + b"\n.", "a line has no end"),
        (b"S'abc", "a line has no end"),
        (b"R.", "nothing is there for this step"),
        (b"(R.", "nothing is there for this step"),
        (b"NNR.", "no name"),
        (b"NNb.", "nothing is there that has a state"),
        (b"NNa.", "is put in none"),
        (b"NNe.", "nothing is there for this step"),
        (
            b"c_codecs\nencode\n(X\x01\0\0\0xX\x05\0\0\0utf-8tR.",
            "_codecs.encode is asked for what it cannot give",
        ),
        (b"\x80\x09.", "protocol 9"),
    ],
)
def test_pickles_that_are_broken_or_lie(file: Path, data: bytes, says: str) -> None:
    """Nobody takes as much memory as the file says."""
    tracemalloc.start()
    try:
        refused = _refused(file, data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert ("F2C6117" in refused or "F2C6118" in refused) and says in refused


def test_one_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled_bytes, "_MOST_STEPS", 100)
    assert "more than 100 steps" in _refused(file, b"(" * 1000)


def test_a_text_that_is_broken_is_that_image_alone(file: Path) -> None:
    """Bytes as text in UTF-8, in which one byte is wrong."""
    data = bytearray(pickle.dumps((_IMAGES, _SAME), 2))
    at = data.index(_IMAGES[2].decode("latin-1").encode())
    data[at + 40] = 0xFF
    images, same = _read(file, bytes(data))
    assert (
        images[2] != _IMAGES[2] and images[:2] + images[3:] == _IMAGES[:2] + _IMAGES[3:] and same == [1, 0, 1]
    )
