"""What decides whether `bench/device.py` says that a device computes what the CPU computes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import device as bench

from f2c_host.kernels import negatives_in_chunks

CPU = torch.device("cpu")


@pytest.fixture
def report(tmp_path: Path) -> bench.Report:
    return bench.Report(CPU, 1, tmp_path / "device.json")


def test_only_checks_that_were_done_and_passed_are_a_success(report):
    assert report.exit_code == 1
    report.check("right", lambda: None)
    assert report.exit_code == 0
    report.check("long", lambda: None, seconds=1000)
    assert report.exit_code == 0
    report.check("wrong", lambda: "1e-3 apart")
    assert report.exit_code == 1
    assert report.checks == {"passed": 1, "failed": 1, "left out": 1}
    written = json.loads(report.file.read_text())
    assert [row["figure"] for row in written["rows"]] == ["equal", "left out", "DIFFERS"]


def test_a_check_that_breaks_off_has_failed(report):
    def broken() -> None:
        raise RuntimeError("no such kernel")

    report.check("broken", broken)
    assert report.checks["failed"] == 1
    assert "no such kernel" in report.rows[-1]["beside"]


@pytest.mark.parametrize("rows", [torch.float32, torch.bfloat16])
def test_the_heads_kernels_are_compared_with_float64(rows, monkeypatch):
    assert bench.kernel_is_in_chunks(12, 600, 16, rows, CPU) is None
    right = negatives_in_chunks.forward

    def off(given, nearest):
        lse, *rest = right(given, nearest)
        return (lse * (1 + 1e-3) if given.features.dtype == torch.float32 else lse), *rest

    monkeypatch.setattr(negatives_in_chunks, "forward", off)
    assert bench.kernel_is_in_chunks(12, 600, 16, rows, CPU).startswith("logarithm")
