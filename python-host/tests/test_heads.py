"""The head's op, as a call, and as the compiler writes it, against its definition row by row.

`test/fixtures/head-cases.mjs` writes the programs: a head of each form, and its gradients copied into states.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor

ROWS, CLASSES, DIM, SCALE = 7, 9, 5, 16.0
FORMS = [
    "plain",
    "with ids",
    "with a limit",
    "with ids and a limit",
    "with hard negatives",
    "with a patch and a limit",
    "with a patch, a limit and hard negatives",
    "with a scale of 0, as planned",
    "with ids and a scale below 0, as planned",
    "of three centres",
    "of three centres with ids",
]
NAMES = ("w", "x", "own", "patch")


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "head-cases.mjs"))


def data(form: str, dtype: torch.dtype) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What a head of this form is given: what has a gradient, and what comes with the plan."""
    chance = torch.Generator().manual_seed(len(form))
    centres = 3 if "three" in form else 1

    def unit(*shape: int) -> Tensor:
        rows = torch.randn(shape, generator=chance, dtype=torch.float64)
        return (rows / rows.norm(dim=-1, keepdim=True)).to(dtype)

    stored = {
        "w": unit(CLASSES * centres, DIM),
        "x": unit(ROWS, DIM),
        "own": torch.rand(ROWS, generator=chance, dtype=torch.float64).to(dtype),
        "patch": unit(4, DIM),
    }
    ids = torch.tensor([5, 11, -1, 3, 40, 41, 2, -1, 7])
    target = (
        torch.tensor([3, 11, -1, 40, 3, -1, 99]) if "ids" in form else torch.tensor([3, 1, -1, 4, 0, -1, 8])
    )
    plan = {
        "target": target,
        "ids": ids,
        "limit": 6,
        "bound": torch.tensor([0.1, -0.2, 0.3, 0.0, 0.9, -1.0, 0.2], dtype=dtype),
        "t": torch.tensor(0.4, dtype=dtype),
        # Twice a class beyond the limit, which is none.
        "touched": torch.tensor([4, 0, 8, 8]),
        "planned": scale_of(form),
        "weight": torch.rand(ROWS, generator=chance, dtype=torch.float64).to(dtype) + 0.5,
    }
    return stored, plan


def scale_of(form: str) -> float:
    if "planned" not in form:
        return SCALE
    return -3.0 if "below" in form else 0.0


def literal(form: str, stored: dict[str, Tensor], plan: dict[str, Any]) -> list[list[Tensor]]:
    """Row by row and class by class, with no sum that is not written down."""
    centres = 3 if "three" in form else 1
    results = []
    for n in range(ROWS):
        target, own = int(plan["target"][n]), stored["own"][n]
        negatives = []
        for c in range(CLASSES):
            name = int(plan["ids"][c]) if "ids" in form else c
            if name < 0 or ("limit" in form and c >= plan["limit"]) or name == target:
                continue
            rows = [stored["w"][c * centres + i] for i in range(centres)]
            if "patch" in form and c in plan["touched"].tolist():
                rows = [stored["patch"][plan["touched"].tolist().index(c)]]
            cosines = [(stored["x"][n] * row).sum() for row in rows]
            negatives.append(max(cosines, key=lambda c: float(c.detach())))
        ruled = [
            c * c + plan["t"] * c - 0.25 if "hard" in form and c > plan["bound"][n] else c for c in negatives
        ]
        loss = own * 0
        if target >= 0 and ruled:
            loss = torch.log1p(sum(torch.exp(scale_of(form) * (c - own)) for c in ruled))
        largest = sorted(negatives, key=lambda c: float(c.detach()))[-3:]
        # Of fewer than three classes the others count as cosines below 0.
        hardest = sum(c.clamp(min=0) for c in largest) / 3
        nearest = max(negatives, key=lambda c: float(c.detach())) if negatives else torch.tensor(-1e30)
        results.append([loss, nearest, hardest])
    return [list(column) for column in zip(*results, strict=True)]


def run(
    ir: Any, form: str, dtype: torch.dtype, backend: str, **others: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    program = started(ir, backend)
    stored, plan = data(form, dtype)
    with torch.no_grad():
        for name, value in stored.items():
            program.storage[name].copy_(others.get(name, value))
    results = program.run("step", plan | {name: v for name, v in others.items() if name in plan})
    return results, {name: program.storage[f"d{name}"] for name in NAMES}


def expected(form: str) -> tuple[list[Tensor], dict[str, Tensor]]:
    stored, plan = data(form, torch.float64)
    leaves = {name: value.requires_grad_() for name, value in stored.items()}
    loss, nearest, hardest = (
        torch.stack([v.double() for v in column]) for column in literal(form, leaves, plan)
    )
    total = ((loss + hardest) * plan["weight"]).sum()
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    gradients = {
        name: torch.zeros_like(leaf) if g is None else g
        for (name, leaf), g in zip(leaves.items(), found, strict=True)
    }
    return [v.detach() for v in (loss, nearest, hardest)], gradients


@pytest.mark.parametrize("way", ["stream", "matrix"])
@pytest.mark.parametrize("form", FORMS)
def test_a_head_is_its_definition_in_double_precision(cases, form, way):
    results, gradients = run(cases[form][f"{way} in f64"], form, torch.float64, "eager")
    wanted, slopes = expected(form)
    for value, right in zip(results.values(), wanted, strict=True):
        assert torch.allclose(value, right, rtol=1e-12, atol=1e-13)
    for name in NAMES:
        assert torch.allclose(gradients[name], slopes[name], rtol=1e-11, atol=1e-12), name


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
@pytest.mark.parametrize("way", ["op", "stream", "matrix"])
@pytest.mark.parametrize("form", FORMS)
def test_a_head_is_its_definition_in_every_way(cases, form, way, backend):
    results, gradients = run(cases[form][way], form, torch.float32, backend)
    wanted, slopes = expected(form)
    for value, right in zip(results.values(), wanted, strict=True):
        assert torch.allclose(value.double(), right, rtol=1e-5, atol=1e-5)
    for name in NAMES:
        assert torch.allclose(gradients[name].double(), slopes[name], rtol=1e-4, atol=1e-4), name


@pytest.mark.parametrize("way", ["op", "stream", "matrix"])
def test_a_head_without_negatives_has_loss_and_gradients_of_zero(cases, way):
    results, gradients = run(cases["with a limit"][way], "with a limit", torch.float32, "eager", limit=0)
    assert results["loss"].tolist() == [0] * ROWS
    assert results["nearest"].tolist() == [pytest.approx(-1e30)] * ROWS
    for name in NAMES:
        assert torch.equal(gradients[name], torch.zeros_like(gradients[name])), name


@pytest.mark.parametrize("way", ["op", "stream", "matrix"])
def test_a_loss_far_below_the_precision_of_one_is_still_right(cases, way):
    """The logarithm of a softmax, in f32, would be 0 or a multiple of 1e-7 here."""
    own = torch.full((ROWS,), 2.2)
    results, gradients = run(cases["plain"][way], "plain", torch.float32, "eager", own=own)
    stored, plan = data("plain", torch.float64)
    wanted = torch.stack(literal("plain", stored | {"own": own.double()}, plan)[0])
    assert 0 < wanted[plan["target"] >= 0].max() < 1e-7
    assert torch.allclose(results["loss"].double(), wanted, rtol=1e-4, atol=0)
    assert gradients["own"][plan["target"] >= 0].abs().min() > 0
