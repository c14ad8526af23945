"""Optimizers that are given gradients, beside torch.optim, which is given the same.

`test/fixtures/optimizer-experiments.mjs` writes the programs, whose losses are products of parameters and arrays of the plan, and
the plans that TypeScript made. What a reference does at a step is told by the options that the case was written with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from compare_f2c import as_float64
from compiled import FIXTURES, node, started
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from f2c_host.run import checkpoint
from f2c_host.run.program import Program

STEPS = 8
Parameters = dict[str, Tensor]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "optimizer-experiments.mjs"))


def cosine(step: int, base: float, end: float = 0.0) -> float:
    return end + (base - end) * (1 + math.cos(math.pi * step / STEPS)) / 2


def lr(step: int) -> float:
    """The experiments' own."""
    return cosine(step, 0.1, 0.02)


@dataclass
class Rule:
    """What torch does with some parameters: an optimizer, its learning rate at a step, from when on, to which length clipped."""

    optimizer: torch.optim.Optimizer
    lr: Callable[[int], float] = lr
    begins: int = 0
    clip: float | None = None

    @property
    def parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


class Inverse(torch.optim.Optimizer):
    """p -= lr / (number of the update) * gradient."""

    def __init__(self, parameters: list[Tensor]) -> None:
        super().__init__(parameters, {"lr": 0.0})
        self.count = 0

    def step(self) -> None:  # type: ignore[override]
        self.count += 1
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] / self.count * p.grad


class Lars(torch.optim.Optimizer):
    """Algorithm 1 of You, Gitman and Ginsburg 2017, a layer after the other, with the coefficient of equation 6:

        local = eta * |w| / (|g| + beta * |w|)          v = m * v + lr * local * (g + beta * w)          w = w - v

    `eps` beside the lengths that are divided by; `local` is 1 where a length is 0. Layers of fewer than two dimensions, unless
    `all`, have local = 1 and beta = 0.
    """

    def __init__(self, parameters: list[Tensor], m=0.9, eta=1e-3, beta=0.0, eps=0.0, all=False) -> None:
        super().__init__(parameters, {"lr": 0.0})
        self.m, self.eta, self.beta, self.eps, self.all = m, eta, beta, eps, all
        self.v = {p: torch.zeros_like(p) for p in parameters}

    def step(self) -> None:  # type: ignore[override]
        with torch.no_grad():
            for w in self.v:
                lr, g = self.param_groups[0]["lr"], w.grad
                beta, local = self.beta, 1.0
                if w.dim() < 2 and not self.all:
                    beta = 0.0
                elif w.norm() > 0 and g.norm() > 0:
                    local = self.eta * w.norm() / (g.norm() + beta * w.norm() + self.eps)
                self.v[w] = self.m * self.v[w] + lr * local * (g + beta * w)
                w -= self.v[w]


def every(p: Parameters) -> list[Tensor]:
    return list(p.values())


def by_rank(p: Parameters, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; the rest does not."""
    return [
        {"params": [t for t in p.values() if t.dim() >= 2], "weight_decay": weight_decay},
        {"params": [t for t in p.values() if t.dim() < 2], "weight_decay": 0.0},
    ]


SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW


def grouped(p: Parameters) -> list[Rule]:
    net = [t for name, t in p.items() if name.startswith("net.")]
    return [
        Rule(SGD([p["matrix"], p["head"]], momentum=0.9, weight_decay=0.01), lambda step: 3 * lr(step)),
        Rule(ADAMW(net)),
        Rule(ADAMW([p["vector"]], weight_decay=0.1), lambda step: cosine(step, 0.01), begins=3),
    ]


def clipped_twice(p: Parameters) -> list[Rule]:
    matrices = [t for t in p.values() if t.dim() >= 2]
    return [Rule(SGD(matrices), clip=1), Rule(SGD([t for t in p.values() if t.dim() < 2]))]


def by_two_losses(p: Parameters) -> list[Rule]:
    rest = {name: t for name, t in p.items() if name != "head"}
    return [
        Rule(SGD([p["head"]], momentum=0.9), lambda step: 2 * lr(step)),
        Rule(ADAMW(by_rank(rest, 0.1))),
    ]


REFERENCES: dict[str, Callable[[Parameters], list[Rule]]] = {
    "sgd": lambda p: [Rule(SGD(every(p)))],
    "sgd nesterov": lambda p: [Rule(SGD(every(p), momentum=0.9, nesterov=True, weight_decay=0.02))],
    "sgd matrices": lambda p: [Rule(SGD(by_rank(p, 0.5), momentum=0.9))],
    "sgd clip": lambda p: [Rule(SGD(every(p), momentum=0.9, weight_decay=0.02), clip=3)],
    "sgd clip matrices": lambda p: [Rule(SGD(by_rank(p, 0.5), momentum=0.9), clip=3)],
    "adamw": lambda p: [Rule(ADAMW(every(p)))],
    "adamw matrices": lambda p: [Rule(ADAMW(by_rank(p, 0.5), betas=(0.8, 0.95), eps=1e-3))],
    "adamw accumulate": lambda p: [Rule(ADAMW(every(p), weight_decay=0.1), clip=3)],
    "groups": grouped,
    "groups accumulate": grouped,
    "groups bf16": grouped,
    "groups f16": grouped,
    "groups clip": clipped_twice,
    "losses": by_two_losses,
    "losses accumulate": by_two_losses,
    "losses f16": by_two_losses,
    "losses again": by_two_losses,
    "lars": lambda p: [Rule(Lars(every(p), eta=0.02, beta=0.1))],
    "lars of all": lambda p: [Rule(Lars(every(p), m=0, eta=0.5, beta=0.1, eps=1e-3, all=True), clip=3)],
    "lars accumulate": lambda p: [Rule(Lars(every(p), eta=0.02))],
    "own parts": lambda p: [Rule(Inverse(every(p)))],
}


def clipped_together(case: str) -> float | None:
    return 4.0 if case == "groups clip" or case.startswith("losses") else None


def accumulated(case: str) -> int:
    return 2 if "accumulate" in case else 1


def reference(case: str, parameters: Parameters, plans: list[dict[str, Any]]) -> Parameters:
    """Trained by torch from these values on; a gradient is the array of its name, and zeros where there is none."""
    p = {name: tensor.detach().clone().requires_grad_() for name, tensor in parameters.items()}
    rules = REFERENCES[case](p)
    steps = accumulated(case)
    for last in range(steps - 1, len(plans), steps):
        for name, tensor in p.items():
            given = [plan["arrays"].get(name) for plan in plans[last - steps + 1 : last + 1]]
            arrays = [torch.zeros_like(tensor) if a is None else torch.tensor(a).to(tensor) for a in given]
            tensor.grad = torch.stack([a.reshape(tensor.shape) for a in arrays]).mean(0)
        if not case.startswith("losses"):
            # The whole loss has half of the matrix's sum in it, the part that the matrix may learn by has not.
            p["matrix"].grad += 0.5
        if (length := clipped_together(case)) is not None:
            clip_grad_norm_(every(p), length)
        for rule in rules:
            if last < rule.begins:
                continue
            if rule.clip is not None:
                clip_grad_norm_(rule.parameters, rule.clip)
            for group in rule.optimizer.param_groups:
                group["lr"] = rule.lr(last)
            rule.optimizer.step()
    return p


def inputs_of(program: Program, plan: dict[str, Any]) -> dict[str, Any]:
    arrays = {name: torch.tensor(values) for name, values in plan["arrays"].items()}
    pixels = {
        i.name: torch.zeros(i.type.dims, dtype=torch.uint8)
        for i in program.module.function("step").inputs
        if i.name.endswith(".images")
    }
    return plan["scalars"] | arrays | pixels


def trained(program: Program, plans: list[dict[str, Any]]) -> None:
    for plan in plans:
        program.run("step", inputs_of(program, plan))


def parameters_of(program: Program) -> Parameters:
    return {s.name: program.storage[s.name].detach() for s in program.module.parameters}


def apart(case: str, ir: Any, plans: list[dict[str, Any]], backend: str = "eager") -> float:
    """The largest difference of a parameter from torch's, by the largest number in it."""
    program = started(ir, backend)
    wanted = reference(case, parameters_of(program), plans)
    trained(program, plans)
    found = parameters_of(program)
    assert all(tensor.isfinite().all() for tensor in found.values())
    return max(
        ((found[name] - tensor).abs().max() / tensor.abs().max()).item() for name, tensor in wanted.items()
    )


@pytest.mark.parametrize("case", [c for c in REFERENCES if not c.endswith("16")])
def test_given_gradients_move_parameters_as_torch_optim_does_to_12_digits(case, cases):
    assert apart(case, as_float64(cases[case]["ir"]), cases[case]["plans"]) < 1e-12


@pytest.mark.parametrize("case", REFERENCES)
def test_and_in_f32_to_6(case, cases):
    assert apart(case, cases[case]["ir"], cases[case]["plans"]) < 1e-6


BACKENDS = [
    *((case, "torchscript") for case in ("sgd clip matrices", "groups accumulate", "losses again", "lars")),
    *((case, "inductor") for case in ("groups", "lars")),
]


@pytest.mark.parametrize(("case", "backend"), BACKENDS)
def test_and_on_every_backend(case, backend, cases):
    assert apart(case, cases[case]["ir"], cases[case]["plans"], backend) < 1e-6


def test_a_group_that_stands_still_keeps_its_parameters_and_slots(cases):
    program, plans = started(cases["groups"]["ir"]), cases["groups"]["plans"]
    names = ["vector", "optimizer.moment.vector", "optimizer.square.vector"]
    for step, plan in enumerate(plans[:5]):
        before = {name: program.storage[name].detach().clone() for name in names}
        trained(program, [plan])
        for name in names:
            assert torch.equal(program.storage[name], before[name]) == (step < 3), (step, name)


@pytest.mark.parametrize("case", ["groups", "groups accumulate"])
def test_a_restored_run_goes_on_as_it_would_have(case, cases, tmp_path):
    ir, plans = cases[case]["ir"], cases[case]["plans"]
    first, second = started(ir, "torchscript"), started(ir, "torchscript")
    trained(first, plans[:5])
    checkpoint.save(first.storage, tmp_path / "saved")
    checkpoint.restore(second.storage, tmp_path / "saved")
    for program in (first, second):
        trained(program, plans[5:])
    assert all(torch.equal(tensor, second.storage[name]) for name, tensor in first.storage.items())
