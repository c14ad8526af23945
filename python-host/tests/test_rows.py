"""Rows of a parameter, `classes.rows(index)`: programs of `test/fixtures/rows-experiments.mjs` beside an optimizer for each row.

The reference touches the rows that a step takes, once each, with the sum of the gradients of the places that name a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from compare_f2c import as_float64
from compiled import FIXTURES, node, started
from test_optimizers import ADAMW, SGD, inputs_of, trained
from torch import Tensor

from f2c_host.run import checkpoint
from f2c_host.run.program import Program

LR = 0.1
SGD_OPTIONS = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.02}
ADAMW_OPTIONS = {"betas": (0.8, 0.95), "weight_decay": 0.1}


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "rows-experiments.mjs"))


@dataclass
class Row:
    """One row of the parameter with an optimizer of its own, which counts its updates."""

    value: Tensor
    optimizer: torch.optim.Optimizer = field(init=False)

    def begin(self, kind: str) -> Row:
        self.value.requires_grad_()
        if kind == "adamw":
            self.optimizer = ADAMW([self.value], **ADAMW_OPTIONS)
        elif kind == "clip":
            self.optimizer = SGD([self.value])
        else:
            self.optimizer = SGD([self.value], **SGD_OPTIONS)
        return self

    def move(self, gradient: Tensor, lr: float) -> None:
        self.value.grad = gradient
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()


def windows(plans: list[Any], steps: int) -> Iterator[list[Any]]:
    for i in range(0, len(plans), steps):
        yield plans[i : i + steps]


def reference(case: str, classes: Tensor, matrix: Tensor, plans: list[Any]) -> tuple[Tensor, Tensor]:
    """What the case makes of the parameters."""
    kind, accumulate = case.split()[0], 2 if "accumulate" in case else 1
    rate, begins = {"groups": (3 * LR, 3)}.get(case, (LR, 2 if kind == "groups" else 0))
    rows = [Row(row.detach().clone()).begin(kind) for row in classes]
    whole = matrix.detach().clone().requires_grad_()
    of_matrix = "adamw" if case == "groups" else kind
    optimizer: torch.optim.Optimizer
    if of_matrix == "adamw":
        optimizer = ADAMW([whole], lr=LR, **ADAMW_OPTIONS)
    else:
        optimizer = SGD([whole], lr=LR, **({} if kind == "clip" else SGD_OPTIONS))
    step = 0
    for window in windows(plans, accumulate):
        total = torch.zeros_like(matrix)
        for plan in window:
            arrays = plan["arrays"]
            given = torch.tensor(arrays["classes"]).to(classes).reshape(-1, classes.shape[1])
            sums: dict[int, Tensor] = {}
            for i, gradient in zip(arrays["index"], given, strict=True):
                sums[i] = sums.get(i, torch.zeros_like(gradient)) + gradient
            share = torch.tensor(arrays["matrix"]).to(matrix).reshape(matrix.shape) / accumulate
            total += share
            if kind == "clip":
                length = torch.cat([share.flatten(), *sums.values()]).norm()
                scale = min(1.0, 2 / (length.item() + 1e-6))
                sums = {i: scale * g for i, g in sums.items()}
                total *= scale
            if step >= begins:
                for i, gradient in sums.items():
                    rows[i].move(gradient / accumulate, rate)
            step += 1
        if step - 1 >= (2 if kind == "groups" else 0):
            whole.grad = total
            optimizer.step()
    return torch.stack([row.value.detach() for row in rows]), whole.detach()


CASES = [
    "sgd",
    "sgd twice",
    "sgd again",
    "sgd accumulate",
    "sgd always accumulate",
    "sgd f16",
    "adamw",
    "adamw twice",
    "adamw accumulate",
]
CASES += ["clip twice", "groups", "groups accumulate"]


def apart(case: str, ir: Any, plans: list[Any], backend: str = "eager") -> float:
    program = started(ir, backend)
    names = ("classes", "matrix")
    wanted = reference(case, *(program.storage[name] for name in names), plans)
    trained(program, plans)
    found = [program.storage[name].detach() for name in names]
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("case", [c for c in CASES if "16" not in c])
def test_rows_move_as_by_an_optimizer_each_to_12_digits(case, cases):
    # The count of a row is turned into a power in f64, and the power into f32: here that is f64 too.
    assert apart(case, as_float64(cases[case]["ir"]), cases[case]["plans"]) < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_and_in_f32(case, cases):
    assert apart(case, cases[case]["ir"], cases[case]["plans"]) < 2e-6


@pytest.mark.parametrize(
    ("case", "backend"),
    [("adamw twice", "torchscript"), ("groups", "torchscript"), ("sgd twice", "inductor")],
)
def test_and_on_every_backend(case, backend, cases):
    assert apart(case, cases[case]["ir"], cases[case]["plans"], backend) < 2e-6


@pytest.mark.parametrize("case", CASES)
def test_rows_that_a_step_does_not_take_keep_every_bit_and_so_do_their_slots(case, cases):
    program, plans = started(cases[case]["ir"]), cases[case]["plans"]
    kept = ["classes", *(s.name for s in program.module.storages if s.slot_of == "classes")]
    assert len(kept) >= 2
    moved = set()
    for plan in plans:
        before = {name: program.storage[name].detach().clone() for name in kept}
        trained(program, [plan])
        others = [i for i in range(len(before["classes"])) if i not in plan["arrays"]["index"]]
        for name, tensor in before.items():
            assert torch.equal(program.storage[name][others], tensor[others]), name
            if not torch.equal(program.storage[name], tensor):
                moved.add(name)
    unused = {"optimizer.velocity.classes"} if case.startswith("clip") else set()  # there is no momentum
    assert moved == set(kept) - unused


def test_no_gradient_of_the_whole_parameter_is_ever_asked_for(cases):
    program = started(cases["sgd"]["ir"])
    assert not program.storage["classes"].requires_grad
    assert program.storage["scratch.rows.classes"].requires_grad


def test_scratch_is_not_saved_and_a_restored_run_goes_on_as_it_would_have(cases, tmp_path):
    ir, plans = cases["adamw twice"]["ir"], cases["adamw twice"]["plans"]
    first, second = started(ir), started(ir)
    trained(first, plans[:4])
    checkpoint.save(first.kept, tmp_path / "saved")
    assert not any(name.startswith("scratch.") for name in first.kept)
    checkpoint.restore(second.kept, tmp_path / "saved")
    for program in (first, second):
        trained(program, plans[4:])
    assert all(torch.equal(tensor, second.kept[name]) for name, tensor in first.kept.items())


def test_what_lay_in_scratch_before_a_step_does_not_matter(cases):
    ir, plans = cases["adamw twice"]["ir"], cases["adamw twice"]["plans"]
    clean, dirty = started(ir), started(ir)

    def spoil(program: Program) -> None:
        with torch.no_grad():
            for storage in program.module.storages:
                if storage.role == "scratch":
                    program.storage[storage.name].fill_(3 if storage.type.dtype == "i64" else float("nan"))

    for plan in plans:
        spoil(dirty)
        assert torch.equal(
            clean.run("step", inputs_of(clean, plan))["loss"],
            dirty.run("step", inputs_of(dirty, plan))["loss"],
        )
    assert torch.equal(clean.storage["classes"], dirty.storage["classes"])
