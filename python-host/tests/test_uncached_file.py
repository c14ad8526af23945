"""Files that are written past the system's cache of files."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from f2c_host.files import uncached_file
from f2c_host.files.uncached_file import open_uncached
from f2c_host.run import checkpoint

BLOCK = uncached_file._BLOCK
SIZES = {
    "nothing": [],
    "less than a block": [1, 5000, 3],
    "a block": [BLOCK],
    "blocks and a rest, in parts that straddle them": [7, BLOCK - 8, 2, 3 * BLOCK + 1, 0, 999],
}


def written(path: Path, sizes: list[int]) -> bytes:
    """Writes so many bytes at a time; returns them all."""
    data = np.random.default_rng(3).bytes(sum(sizes))
    at = 0
    with open_uncached(path) as file:
        for size in sizes:
            assert file.write(memoryview(data)[at : at + size]) == size
            at += size
        file.flush()
        os.fsync(file.fileno())
    return data


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_what_is_written_is_there(tmp_path: Path, sizes: list[int]):
    assert written(tmp_path / "file", sizes) == (tmp_path / "file").read_bytes()


def test_it_has_the_rights_of_an_ordinary_file(tmp_path: Path):
    written(tmp_path / "file", [3])
    (tmp_path / "ordinary").write_bytes(b"abc")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_system_that_has_nothing_but_its_cache_writes_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uncached_file, "_UNCACHED", 0)
    assert written(tmp_path / "file", [BLOCK, 5]) == (tmp_path / "file").read_bytes()


def refusing(call: Callable[..., Any], times: int, error: int) -> Callable[..., Any]:
    """A call of the system that is refused so many times."""
    left = [times]

    def refused(*arguments: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise OSError(error, os.strerror(error))
        return call(*arguments)

    return refused


@pytest.mark.parametrize("call", ["open", "write"])
def test_a_disk_that_refuses_it_is_written_through_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
):
    monkeypatch.setattr(uncached_file.os, call, refusing(getattr(os, call), 1, errno.EINVAL))
    assert written(tmp_path / "file", [2 * BLOCK, 5]) == (tmp_path / "file").read_bytes()


def test_a_write_that_is_cut_short_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write = os.write
    monkeypatch.setattr(uncached_file.os, "write", lambda file, data: write(file, data[: BLOCK // 2]))
    assert written(tmp_path / "file", [2 * BLOCK, 5]) == (tmp_path / "file").read_bytes()


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uncached_file.os, "write", refusing(os.write, 1, errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path / "file", [2 * BLOCK])


def test_a_large_checkpoint_is_written_so_and_is_that_of_an_ordinary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tensors = {"a": torch.randn(3000, 1001), "b": torch.arange(5)}
    small = checkpoint.save(tensors, tmp_path / "small")
    monkeypatch.setattr(checkpoint, "_LARGE", 2**20)
    opened: list[Path] = []
    monkeypatch.setattr(
        "f2c_host.files.whole_file.open_uncached", lambda path: opened.append(path) or open_uncached(path)
    )
    assert checkpoint.save(tensors, tmp_path / "large") == small
    assert len(opened) == 1
    assert (tmp_path / "large").read_bytes() == (tmp_path / "small").read_bytes()
    assert torch.equal(load_file(tmp_path / "large")["a"], tensors["a"])
