"""A pool in bf16 gives, bit for bit, what one in f32 gives whose rows are rounded to bf16 after each step."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started

POOL = ("pool.rows.0", "pool.rows.1")


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "narrow-pools.mjs"))


@pytest.mark.parametrize("backend", ["eager", "torchscript"])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_pool_in_bf16_is_one_whose_rows_are_rounded(programs, precision, backend):
    narrow, wide = (started(programs[f"{dtype} in {precision}"]["ir"], backend) for dtype in ("bf16", "f32"))
    plans = programs[f"f32 in {precision}"]["plans"]
    assert plans == programs[f"bf16 in {precision}"]["plans"]
    pixels = torch.Generator().manual_seed(0)
    for name in POOL:
        assert narrow.storage[name].dtype == torch.bfloat16
    before = narrow.storage[POOL[0]].clone()
    for plan in plans:
        for name in POOL:
            wide.storage[name].copy_(wide.storage[name].bfloat16())
            assert torch.equal(wide.storage[name], narrow.storage[name].float())
        inputs = {**plan["scalars"], **{n: torch.tensor(a) for n, a in plan["arrays"].items()}}
        for stream in ("x", "y"):
            images = len(plan["arrays"][f"{stream}.images"])
            drawn = torch.randint(0, 256, (images, 1, 16, 16), generator=pixels, dtype=torch.uint8)
            inputs[f"{stream}.images"] = drawn
        results = [program.run("step", inputs) for program in (narrow, wide)]
        assert results[0].keys() == results[1].keys()
        for name, value in results[0].items():
            assert torch.equal(value, results[1][name]), name
    assert not torch.equal(before, narrow.storage[POOL[0]])
    for name, value in narrow.storage.items():
        if name not in POOL:
            assert torch.equal(value, wide.storage[name]), name
