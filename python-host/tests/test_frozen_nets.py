"""A frozen net between parts that learn stands still to the last bit, whatever is around it: gradients that accumulate, narrow
types, every backend. Programs of `test/fixtures/frozen-nets.mjs`."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor, nn
from torch.nn import functional as F

from f2c_host.run.program import Program

CASES = ("plain", "accumulate", "bf16", "f16", "bf16 accumulate", "f16 accumulate")
# Inductor takes seconds to compile each.
RUNS = [
    *((name, backend) for name in CASES for backend in ("eager", "torchscript")),
    *((name, "inductor") for name in ("plain", "accumulate", "f16 accumulate")),
]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "frozen-nets.mjs"))


def made(case: Any, backend: str) -> Program:
    """The program, with statistics that differ from those of any batch."""
    program = started(case["ir"], backend)
    with torch.no_grad():
        for name, tensor in program.storage.items():
            if name.startswith("still.") and name.endswith(("mean", "variance")):
                tensor.copy_(
                    0.5 + torch.rand(tensor.shape, generator=torch.Generator().manual_seed(len(name)))
                )
    return program


def inputs(program: Program, plan: Any, step: int) -> dict[str, Any]:
    [images] = [i for i in program.module.function("step").inputs if i.name == "x.images"]
    drawn = torch.Generator().manual_seed(step)
    pixels = torch.randint(0, 256, images.type.dims, dtype=torch.uint8, generator=drawn)
    return {n: torch.tensor(v) for n, v in plan["arrays"].items()} | plan["scalars"] | {"x.images": pixels}


def steps(program: Program, case: Any) -> list[float]:
    return [
        program.run("step", inputs(program, plan, step))["loss"].item()
        for step, plan in enumerate(case["plans"])
    ]


@pytest.mark.parametrize(("name", "backend"), RUNS)
def test_a_frozen_net_ends_as_it_began_to_the_last_bit_and_the_rest_learns(name, backend, cases):
    program = made(cases[name], backend)
    before = {of: tensor.detach().clone() for of, tensor in program.storage.items()}
    losses = steps(program, cases[name])
    assert all(torch.isfinite(torch.tensor(losses)))
    still = [of for of in before if of.startswith("still.")]
    assert {of.rsplit(".", 1)[1] for of in still} >= {"weight", "bias", "slope", "mean", "variance"}
    assert any(of.startswith("still.follower.") for of in still)
    for of in still:
        assert torch.equal(program.storage[of], before[of]), of
    for of in ("stem.0.weight", "stem.1.mean", "stem.2.slope", "head.weight"):
        assert not torch.equal(program.storage[of], before[of]), of
    assert not [of for of in before if of.startswith(("optimizer.", "accumulate.")) and "still" in of]


@pytest.mark.parametrize("name", ["plain", "accumulate"])
@pytest.mark.parametrize("backend", ["torchscript", "inductor"])
def test_backends_agree_on_what_passes_through_a_frozen_net(name, backend, cases):
    eager, other = made(cases[name], "eager"), made(cases[name], backend)
    wanted, found = steps(eager, cases[name]), steps(other, cases[name])
    assert found == pytest.approx(wanted, rel=1e-5)
    for of, tensor in eager.storage.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(other.storage[of], tensor, rtol=1e-5, atol=1e-5, msg=of)


class Literal(nn.Module):
    """The net of the fixture; what is frozen is in evaluation."""

    def __init__(self, storage: dict[str, Tensor]):
        super().__init__()
        self.storage = {of: tensor.detach().clone() for of, tensor in storage.items()}
        self.trained = {of: self.storage[of].requires_grad_() for of in self.storage if self.learns(of)}

    @staticmethod
    def learns(of: str) -> bool:
        return of.startswith(("stem.", "head.")) and not of.endswith(("mean", "variance"))

    def norm(self, at: str, x: Tensor, training: bool) -> Tensor:
        mean, variance = self.storage[f"{at}.mean"], self.storage[f"{at}.variance"]
        return F.batch_norm(
            x, mean, variance, self.storage[f"{at}.weight"], self.storage[f"{at}.bias"], training
        )

    def block(self, at: str, x: Tensor, training: bool) -> Tensor:
        y = self.norm(f"{at}.1", F.conv2d(x, self.storage[f"{at}.0.weight"], None, 2, 1), training)
        return F.prelu(y, self.storage[f"{at}.2.slope"])

    def forward(self, images: Tensor) -> Tensor:
        x = self.block("stem", (images.float() - 127.5) / 128, True)
        # A twin passes no gradient, frozen or not.
        y = self.block("still.first", x, False) + self.block("still.follower", x, False).detach()
        return F.linear(
            self.norm("still.bn", y, False).flatten(1), self.storage["head.weight"], self.storage["head.bias"]
        )


def test_a_frozen_net_computes_as_in_evaluation_and_passes_the_gradient_of_a_literal_one(cases):
    program = made(cases["plain"], "eager")
    literal = Literal(dict(program.storage))
    optimizer = torch.optim.SGD(literal.trained.values(), lr=0.05, momentum=0.9, weight_decay=0.1)
    for step, plan in enumerate(cases["plain"]["plans"]):
        given = inputs(program, plan, step)
        optimizer.zero_grad()
        loss = F.cross_entropy(literal(given["x.images"]), given["labels"].long())
        loss.backward()
        optimizer.step()
        assert program.run("step", given)["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for of, tensor in literal.storage.items():
        if of.startswith(("stem.", "head.", "still.")):
            torch.testing.assert_close(program.storage[of], tensor, rtol=1e-5, atol=1e-6, msg=of)
