"""Files that are kept from start to start."""

from __future__ import annotations

import os

import pytest

from f2c_host.files.kept_files import KeptFiles, forget_unused


def test_what_was_kept_is_read_and_what_was_not_is_none(tmp_path):
    kept = KeptFiles(tmp_path, 1000)
    assert kept.read("one") is None
    kept.write("one", b"content")
    assert KeptFiles(tmp_path, 1000).read("one") == b"content"


@pytest.mark.parametrize(
    "damage",
    [
        lambda held: b"",
        lambda held: held[:20],
        lambda held: held[:-1],
        lambda held: held[:-1] + b"!",
        lambda held: b"x" + held,
    ],
    ids=["emptied", "no digest", "cut off", "another byte", "shifted"],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path, damage):
    kept = KeptFiles(tmp_path, 1000)
    kept.write("one", b"content")
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert kept.read("one") is None


def test_what_was_used_longest_ago_goes_first(tmp_path):
    kept = KeptFiles(tmp_path, 500)
    for age, name in enumerate(("c", "b", "a")):
        kept.write(name, bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert kept.read("a") == bytes(100)  # used now
    kept.write("d", bytes(100))
    assert {path.name for path in tmp_path.iterdir()} == {"d", "a", "c"}
    kept.write("large", bytes(1000))
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_kept_nothing_is(tmp_path):
    nowhere = KeptFiles(None, 1000)
    nowhere.write("one", b"content")
    assert nowhere.read("one") is None
    gone = KeptFiles(tmp_path / "gone", 1000)
    gone.write("one", b"content")
    assert gone.read("one") is None


def test_files_that_nobody_used_for_long_are_forgotten_and_no_others(tmp_path):
    (tmp_path / "in").mkdir()
    paths = {name: tmp_path / "in" / name for name in ("unused", "read", "written")}
    for path, accessed, modified in zip(paths.values(), (1e9, 4e9, 1e9), (1e9, 1e9, 4e9), strict=True):
        path.touch()
        os.utime(path, (accessed, modified))
    (tmp_path / "link").symlink_to(paths["unused"])
    forget_unused(tmp_path, 60)
    assert {path.name for path in (tmp_path / "in").iterdir()} == {"read", "written"}
    forget_unused(tmp_path / "gone", 60)
