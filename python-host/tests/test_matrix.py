"""Rows of a matrix read like images, against the array that was written."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from f2c_host.data import open_source
from f2c_host.errors import HostError

ROWS = np.random.default_rng(0).standard_normal((10, 6)).astype(np.float32)


@pytest.fixture
def path(tmp_path) -> str:
    offsets = torch.arange(3, dtype=torch.int32)
    save_file({"offsets": offsets, "embeddings": torch.from_numpy(ROWS)}, tmp_path / "m.safetensors")
    return str(tmp_path / "m.safetensors")


def spec(file: str, **changes: object) -> dict:
    return {"kind": "matrix", "path": file, "tensor": "embeddings", "first": 0, "rows": 10, **changes}


def test_a_row_is_an_image_of_one_pixel_bit_for_bit(path):
    source = open_source(spec(path), {})
    assert (len(source), source.shape) == (10, (6, 1, 1))
    read = source.read(np.array([7, 0, 7], np.int32))
    assert read.dtype == torch.float32 and read.shape == (3, 6, 1, 1)
    assert np.array_equal(read.numpy().reshape(3, 6), ROWS[[7, 0, 7]])


def test_a_set_is_some_of_the_rows(path):
    source = open_source(spec(path, first=4, rows=3), {})
    assert np.array_equal(source.read(np.arange(3)).numpy().reshape(3, 6), ROWS[4:7])
    with pytest.raises(HostError, match="F2C6105"):
        source.read(np.array([3]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rows": 11}, "rows is 11"),
        ({"first": 8, "rows": 3}, "rows is 3"),
        ({"tensor": "features"}, "holds no rows f32 called `features`"),
        ({"tensor": "offsets"}, "holds no rows f32 called `offsets`"),
        ({"path": "/nowhere"}, "cannot read `/nowhere`"),
        ({"path": None}, "path is None, not a text"),
    ],
)
def test_what_is_no_matrix_is_refused_by_name(path, changes, says):
    with pytest.raises(HostError, match="F2C6101") as refused:
        open_source(spec(path, **changes), {})
    assert says in refused.value.message


def test_a_file_that_is_cut_short_is_refused(path, tmp_path):
    whole = (tmp_path / "m.safetensors").read_bytes()
    for size in (0, 5, 40, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(HostError, match="F2C6101"):
            open_source(spec(str(tmp_path / "cut")), {})
