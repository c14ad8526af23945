"""The head's Triton kernels: equal to the definition in Triton's interpreter, compiled for an H100, and chosen where they serve.

No device is needed. What is compiled here is a part: `python bench/kernels.py` compiles every variant.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from scripts import run_script
from test_negatives import drawn
from torch._subclasses.fake_tensor import FakeTensorMode

from f2c_host.kernels import negatives, negatives_in_chunks
from f2c_host.kernels.classes import Given

pytest.importorskip("triton", reason="Triton is not installed")
from f2c_host.kernels import negatives_triton

HERE = Path(__file__).parent
LARGEST = ("ids", "left_out", "bound")


def test_in_the_interpreter_the_kernels_are_the_definition():
    run = run_script(HERE / "interpreted_negatives.py")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert len(found) > 20
    assert not any(found.values()), "\n".join(f"{name}: {why}" for name, why in found.items() if why)


@pytest.mark.parametrize(
    "variant", [("stream", "bf16", 512, LARGEST), ("gradient", "f32", 512, LARGEST)], ids=str
)
def test_a_kernel_fits_an_h100(variant, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    bench = runpy.run_path(str(HERE.parents[1] / "bench" / "kernels.py"))
    found = bench["compiled"](variant)
    assert found["shared"] <= bench["SHARED"]
    assert found["spilled"] <= 64


def given(**others: Any) -> dict[str, Any]:
    """A stream of everything, in f32."""
    stream = drawn(True, "each", True, True, 1) | others
    return {
        name: v.float() if name in ("features", "rows", "bound") and v.dtype == torch.float64 else v
        for name, v in stream.items()
    }


def test_nothing_waits_for_the_device(monkeypatch):
    """Fake tensors have no numbers: whoever asks for one raises."""
    launched = []
    for kernel in ("sums_of_split", "rows_gradient_of_tile"):
        launch = {"__getitem__": lambda _, grid: lambda **given: launched.append((grid, given))}
        monkeypatch.setattr(negatives_triton, kernel, type(kernel, (), launch)())
    with FakeTensorMode() as fake:
        stream = [fake.from_tensor(v) if isinstance(v, torch.Tensor) else v for v in given().values()]
        asked = Given(*stream[:-1])
        lse, nearest, *_ = negatives_triton.forward(asked, stream[-1])
        gradient = negatives_triton.rows_gradient(lse, lse, asked)
    assert (*lse.shape, *nearest.shape, *gradient.shape) == (12, 12, 5, 301, 16)
    assert len(launched) == 2


@pytest.mark.parametrize(
    ("others", "is_served"),
    [
        ({}, True),
        ({"rows": torch.zeros(301, 16, dtype=torch.bfloat16)}, True),
        ({"features": torch.zeros(12, 513), "rows": torch.zeros(301, 513)}, False),
        ({"features": torch.zeros(0, 16)}, False),
        ({"rows": torch.zeros(3 * 301, 16), "centres": 3}, False),
        ({"limit": torch.zeros(32)}, False),
    ],
)
def test_a_stream_that_the_kernels_do_not_know_is_computed_in_aten(others, is_served, monkeypatch):
    monkeypatch.setattr(negatives_triton, "is_usable", lambda: True)
    stream = given(**others)
    asked = Given(*list(stream.values())[:-1])
    ways = {True: negatives_triton, False: negatives_in_chunks}
    assert negatives.way_on_cuda(asked) is ways[is_served]
    wide = asked._replace(features=asked.features.double(), rows=asked.rows.double())
    assert negatives.way_on_cuda(wide) is negatives_in_chunks


def test_where_triton_makes_no_kernels_or_is_not_there_a_head_is_computed_in_aten(monkeypatch):
    stream = given()
    asked = Given(*list(stream.values())[:-1])
    if not torch.cuda.is_available():
        negatives_triton.is_usable.cache_clear()
        with pytest.warns(
            UserWarning, match="Triton makes no kernels here, so that heads are computed in aten"
        ):
            assert negatives.way_on_cuda(asked) is negatives_in_chunks
    monkeypatch.setattr(negatives_triton, "is_usable", lambda: True)
    monkeypatch.setattr(negatives, "find_spec", lambda name: None)
    assert negatives.way_on_cuda(asked) is negatives_in_chunks
