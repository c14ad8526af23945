"""Checkpoints: bit for bit, whole or absent, and never half restored."""

from __future__ import annotations

import hashlib
import math
import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from f2c_host.errors import HostError
from f2c_host.run import checkpoint


def storage() -> dict[str, torch.Tensor]:
    bits = torch.tensor([0x7FC00001, 0x7F800000, 1, 0x80000000 - 2**32], dtype=torch.int64).to(torch.int32)
    return {
        "net.weight": torch.randn(3, 2, 4, 4).to(memory_format=torch.channels_last).requires_grad_(),
        "odd floats": bits.view(torch.float32),
        "half": torch.randn(5).to(torch.bfloat16),
        "double": torch.randn(2, dtype=torch.float64),
        "slots": torch.arange(-3, 3, dtype=torch.int32),
        "step": torch.tensor(2**40),
        "mask": torch.tensor([True, False]),
        "bytes": torch.tensor([0, 255], dtype=torch.uint8),
        "transposed": torch.randn(4, 3).T,
        "nothing": torch.zeros(0, 7),
    }


def blank(like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(tensor) for name, tensor in like.items()}


def bits_of(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def test_every_dtype_comes_back_bit_for_bit(tmp_path):
    torch.manual_seed(0)
    saved = storage()
    written = checkpoint.save(saved, tmp_path / "s.safetensors")
    restored = blank(saved)
    checkpoint.restore(restored, tmp_path / "s.safetensors")
    data = (tmp_path / "s.safetensors").read_bytes()
    assert written == checkpoint.Saved(len(data), hashlib.sha256(data).hexdigest())
    assert {name: bits_of(t) for name, t in restored.items()} == {
        name: bits_of(t) for name, t in saved.items()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


def test_restore_fills_the_tensors_in_place(tmp_path):
    checkpoint.save({"w": torch.ones(2)}, tmp_path / "s")
    held = torch.zeros(2, requires_grad=True)
    checkpoint.restore({"w": held}, tmp_path / "s")
    assert held.tolist() == [1, 1] and held.is_leaf and held.requires_grad


ONES = torch.ones
MISMATCHES = {
    "missing": ({"a": ONES(2)}, {"a": ONES(2), "b": ONES(1)}, "F2C6201", "lacks b"),
    "extra": ({"a": ONES(2), "z": ONES(1)}, {"a": ONES(2)}, "F2C6202", "has z"),
    "another shape": ({"a": ONES(2), "b": ONES(3)}, {"a": ONES(2), "b": ONES(1, 3)}, "F2C6203", "b is [3]"),
    "another dtype": ({"a": ONES(2).double()}, {"a": ONES(2)}, "F2C6204", "a is F64"),
}


@pytest.mark.parametrize("saved, wanted, code, complaint", MISMATCHES.values(), ids=MISMATCHES.keys())
def test_a_checkpoint_of_another_program_is_refused_and_nothing_changes(
    tmp_path, saved, wanted, code, complaint
):
    checkpoint.save(saved, tmp_path / "s")
    storage = {name: torch.full_like(tensor, 5) for name, tensor in wanted.items()}
    with pytest.raises(HostError) as caught:
        checkpoint.restore(storage, tmp_path / "s")
    assert caught.value.code == code and complaint in caught.value.message
    assert all((tensor == 5).all() for tensor in storage.values())


def test_of_many_offending_names_the_first_are_told_and_the_rest_counted(tmp_path):
    checkpoint.save({}, tmp_path / "s")
    with pytest.raises(HostError, match="lacks w0, w1, w2 and 7 more"):
        checkpoint.restore({f"w{n}": ONES(1) for n in range(10)}, tmp_path / "s")


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    checkpoint.save({"a": torch.arange(64)}, tmp_path / "s")
    whole = (tmp_path / "s").read_bytes()
    for length in [0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 1]:
        (tmp_path / "cut").write_bytes(whole[:length])
        target = torch.full((64,), -1)
        with pytest.raises(HostError) as caught:
            checkpoint.restore({"a": target}, tmp_path / "cut")
        assert caught.value.code == "F2C6205" and "cut short" in caught.value.message
        assert (target == -1).all()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(HostError) as caught:
            checkpoint.restore({}, path)
        assert caught.value.code == "F2C6205"


def test_a_disk_that_refuses_leaves_the_previous_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "s"
    checkpoint.save({"a": ONES(2)}, path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError) as caught:
        checkpoint.save({"a": torch.zeros(2)}, path)
    assert (caught.value.code, caught.value.kind) == ("F2C6206", "resource")
    assert "No space left" in caught.value.message
    monkeypatch.undo()
    restored = {"a": torch.zeros(2)}
    checkpoint.restore(restored, path)
    assert restored["a"].tolist() == [1, 1] and list(tmp_path.iterdir()) == [path]


def test_the_new_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    calls = []
    real = {name: getattr(os, name) for name in ("fsync", "replace")}
    for name, function in real.items():
        monkeypatch.setattr(os, name, lambda *a, n=name, f=function: (calls.append(n), f(*a))[1])
    checkpoint.save({"a": ONES(1)}, tmp_path / "s")
    assert calls == ["fsync", "replace", "fsync"]  # the file, the name, the folder


def test_a_foreign_safetensors_reader_reads_it(tmp_path):
    from safetensors.numpy import load_file

    checkpoint.save({"a": torch.arange(6).reshape(2, 3)}, tmp_path / "s")
    assert np.array_equal(load_file(tmp_path / "s")["a"], [[0, 1, 2], [3, 4, 5]])


def test_the_library_of_the_format_reads_what_is_written(tmp_path):
    torch.manual_seed(1)
    saved = storage()
    checkpoint.save(saved, tmp_path / "s.safetensors")
    read = load_file(tmp_path / "s.safetensors")
    assert {name: bits_of(t) for name, t in read.items()} == {name: bits_of(t) for name, t in saved.items()}
    assert all(read[name].shape == t.shape and read[name].dtype == t.dtype for name, t in saved.items())


def test_a_byte_that_changed_since_is_found_wherever_it_lies(tmp_path):
    saved = {"a": torch.ones(3, 5), "b": torch.zeros(7, dtype=torch.int32)}
    path = tmp_path / "s"
    digest = checkpoint.save(saved, path).sha256
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        storage = blank(saved)
        with pytest.raises(HostError) as caught:
            checkpoint.restore(storage, path, sha256=digest)
        assert caught.value.code == "F2C6205"
        assert not storage["a"].any()
    path.write_bytes(whole)
    checkpoint.restore(blank(saved), path, sha256=digest)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_must_be_finite_and_is_not_is_not_written(tmp_path, value):
    path = tmp_path / "s"
    checkpoint.save({"w": torch.ones(2)}, path)
    before = path.read_bytes()
    broken = {"w": torch.tensor([1, value]), "v": torch.tensor([-value, value]), "bound": torch.tensor(value)}
    with pytest.raises(HostError, match="w, v hold NaN or infinity") as caught:
        checkpoint.save(broken, path, finite=["w", "v"])
    assert caught.value.code == "F2C6207" and caught.value.kind == "user"
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["s"]
    checkpoint.save(broken, path, finite=[])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_looking_for_nan_takes_no_memory_of_the_tensors_size(dtype):
    pool = torch.ones(1 << 20, dtype=dtype)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        checkpoint.refuse_non_finite({"pool": pool}, "nothing is written")
    allocated = sum(max(0, event.self_cpu_memory_usage) for event in profile.events())
    assert 0 < allocated < 4096


def test_large_finite_values_are_finite(tmp_path):
    checkpoint.save(
        {"w": torch.full((4,), 3e38), "d": torch.full((4,), 1.7e308, dtype=torch.float64)},
        tmp_path / "s",
        ["w", "d"],
    )
