"""Heads that a method writes by hand: the head's op that the compiler makes of them gives the same, and has the same gradients.

`test/fixtures/handwritten-head-cases.mjs` makes the programs, in f64: as written, with the op, and with the op in plain ops.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor

from f2c_host.run.program import Program

LEAVES = {"x": (7, 5), "w": (9, 5), "columns": (5, 9), "five": (5, 5), "positive": (7, 1), "bias": (9,)}


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "handwritten-head-cases.mjs"))


def plan(name: str, seed: int) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 9, (7,), generator=chance)
    if name.startswith("open"):
        target[[1, 4]] = -1
    return {
        "target": target,
        # Both below 0 too, and equal there: to these programs, an identity like others.
        "labels": torch.tensor([3, -1, 0, 2**40, -2, 5, 7]),
        "ids": torch.tensor([-1, -1, 0, 2**40, 3, 3, -2, 8, 1]),
        "mask": torch.rand(9, generator=chance) < 0.4,
        "limit": (6, 0, 9)[seed % 3],
        "m": 0.3,
        "s": (20.0, 0.0, -3.0)[seed % 3],
        "yes": seed % 2 == 0,
        "weight": torch.rand(7, generator=chance, dtype=torch.float64) + 0.5,
        "newer": torch.randn((9, 5), generator=chance, dtype=torch.float64),
    }


def made(ir: Any, backend: str) -> Program:
    program = started(ir, backend)
    chance = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, shape in LEAVES.items():
            value = torch.randn(shape, generator=chance, dtype=torch.float64)
            program.storage[name].copy_(value / value.norm(dim=-1, keepdim=True))
    return program


def run(program: Program, plan: dict[str, Any]) -> dict[str, Tensor]:
    """The results, and the gradients, which the program puts into states."""
    results = program.run("step", plan)
    return results | {f"d{name}": program.storage[f"d{name}"].clone() for name in LEAVES}


def difference(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """The largest, where both are finite; infinite if they are not the same elsewhere."""
    largest = 0.0
    for name, value in wanted.items():
        finite = value.isfinite()
        if not torch.equal(finite, found[name].isfinite()) or not torch.equal(
            value[~finite], found[name][~finite]
        ):
            return float("inf")
        apart = (found[name] - value)[finite].abs() / value[finite].abs().clamp(min=1)
        largest = max(largest, apart.max().item() if apart.numel() else 0.0)
    return largest


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
@pytest.mark.parametrize("way", ["op", "lowered"])
def test_a_head_gives_what_is_written_and_has_its_gradients(cases, way, backend):
    assert len(cases) > 15
    apart = {}
    for name, case in cases.items():
        becomes, written = made(case[way], backend), made(case["written"], backend)
        for seed in range(6):
            given = plan(name, seed)
            apart[name, seed] = difference(run(becomes, given), run(written, given))
    assert {key: value for key, value in apart.items() if value > 1e-12} == {}


def test_the_programs_are_no_trifles(cases):
    """Losses and gradients differ from row to row, and at least one largest cosine is that of none."""
    for name, case in cases.items():
        found = run(made(case["written"], "eager"), plan(name, 0))
        assert found["loss"].unique().numel() > 4, name
        assert sum(found[f"d{leaf}"].abs().sum() for leaf in ("w", "columns", "five", "positive")) > 1e-3, (
            name
        )
    empty = run(made(cases["a queue, filled in part"]["written"], "eager"), plan("", 1))
    assert torch.equal(empty["near"], torch.full((7, 1), -torch.inf, dtype=torch.float64))
