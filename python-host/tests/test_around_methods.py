"""Methods around others: `distil` adds what a literal loss of embeddings says, `averaged` keeps a literal average.

Programs of `test/fixtures/around-methods.mjs`, in f64. Images are not augmented.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compare_f2c import as_float64
from compiled import FIXTURES, node
from torch import Tensor

from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

LR = 0.1


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "around-methods.mjs"))


def drawn(shape: torch.Size, seed: int) -> Tensor:
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(case: Any, backend: str = "eager") -> Program:
    """The program with values that depend on what they are of: student, teacher, bank."""
    program = Program(parse_module(as_float64(case["ir"])), backend=backend)
    with torch.no_grad():
        for storage in program.module.storages:
            tensor, name = program.storage[storage.name], storage.name
            if name.startswith("optimizer.") or not tensor.is_floating_point():
                tensor.fill_(-1 if name == "bank.ids" else 0)
            else:
                tensor.copy_(
                    drawn(tensor.shape, {"teacher": 2, "bank": 3, "pool": 4}.get(name.split(".")[0], 1))
                )
    return program


def pixels(program: Program, seed: int) -> dict[str, Tensor]:
    inputs = [i for i in program.module.function("step").inputs if i.name.endswith(".images")]
    return {
        i.name: torch.randint(
            0, 256, i.type.dims, dtype=torch.uint8, generator=torch.Generator().manual_seed(100 * seed + n)
        )
        for n, i in enumerate(inputs)
    }


def run(program: Program, plan: dict[str, Any], seed: int) -> dict[str, Tensor]:
    arrays = {name: torch.tensor(values) for name, values in plan["arrays"].items()}
    return program.run("step", plan["scalars"] | arrays | pixels(program, seed))


def trained_net(program: Program) -> str:
    return next(name for name in ("net.weight", "probe.weight") if name in program.storage)


def embeddings(images: Tensor, weight: Tensor) -> Tensor:
    """Unit embeddings of the net of the fixture, row by row a product with the pixels, which lie within -1 and 1."""
    embedded = images.double().sub(127.5).div(128).flatten(1) @ weight.T
    return embedded / embedded.norm(dim=1, keepdim=True)


def angular(student: Tensor, teacher: Tensor) -> Tensor:
    return torch.stack([(1 - s @ t) ** 2 for s, t in zip(student, teacher, strict=True)]).mean()


def relational(student: Tensor, teacher: Tensor) -> Tensor:
    def distances(rows: Tensor) -> Tensor:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        found = torch.stack([(rows[i] - rows[j]).norm() for i, j in pairs])
        return found / found.mean()

    apart = torch.nn.functional.smooth_l1_loss(distances(student), distances(teacher), reduction="sum")
    return apart / len(student) ** 2


LOSSES = {"angular": angular, "relational": relational}
DISTILLED = [
    "softmax angular",
    "softmax relational",
    "f2c angular",
    "f2c relational",
    "dcq angular",
]


@pytest.mark.parametrize("backend", ["eager", "torchscript"])
@pytest.mark.parametrize("name", DISTILLED)
def test_distil_adds_the_literal_loss_and_its_gradient(name, backend, cases):
    method, kind = name.split()
    alone, both = made(cases[method], backend), made(cases[name], backend)
    net = trained_net(alone)
    seen = ["x.images", "y.images"] if method == "f2c" else ["x.images"]
    for step, (plan, other) in enumerate(zip(cases[method]["plans"], cases[name]["plans"], strict=True)):
        images = pixels(both, step)
        weight = both.storage[net].detach().clone().requires_grad_()
        teacher = both.storage["teacher.weight"].detach()
        losses = [LOSSES[kind](embeddings(images[s], weight), embeddings(images[s], teacher)) for s in seen]
        extra = torch.stack(losses).mean()
        (gradient,) = torch.autograd.grad(extra, weight)
        with torch.no_grad():
            for stored in alone.module.storages:
                alone.storage[stored.name].copy_(both.storage[stored.name])
        wanted, found = run(alone, plan, step), run(both, other, step)
        factor = other["scalars"]["teacherWeight"]
        assert factor == (3 + step if kind == "angular" else 1)
        assert found["teacher"].item() == pytest.approx(extra.item(), abs=1e-12)
        assert found["loss"].item() == pytest.approx((wanted["loss"] + factor * extra).item(), rel=1e-12)
        moved = alone.storage[net] - LR * factor * gradient
        assert torch.allclose(both.storage[net], moved, rtol=0, atol=1e-12)
        assert torch.equal(both.storage["teacher.weight"], teacher)
        for stored in alone.module.storages:
            if net.split(".")[0] not in stored.name:
                assert torch.equal(alone.storage[stored.name], both.storage[stored.name]), stored.name


def test_distil_under_accumulation_is_the_mean_of_its_steps(cases):
    alone, both = made(cases["f2c accumulate"]), made(cases["f2c accumulate angular"])
    begun = both.storage["probe.weight"].detach().clone()
    teacher = both.storage["teacher.weight"].detach()
    total = torch.zeros_like(begun)
    for step in range(2):
        weight = begun.clone().requires_grad_()
        images = pixels(both, step)
        losses = [
            angular(embeddings(images[s], weight), embeddings(images[s], teacher))
            for s in ("x.images", "y.images")
        ]
        factor = cases["f2c accumulate angular"]["plans"][step]["scalars"]["teacherWeight"]
        total += factor * torch.autograd.grad(torch.stack(losses).mean(), weight)[0] / 2
        run(alone, cases["f2c accumulate"]["plans"][step], step)
        run(both, cases["f2c accumulate angular"]["plans"][step], step)
    moved = alone.storage["probe.weight"] - LR * total
    assert not torch.equal(alone.storage["probe.weight"], begun)
    assert torch.allclose(both.storage["probe.weight"], moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["softmax averaged", "f2c averaged", "dcq averaged"])
def test_averaged_keeps_a_literal_average_and_trains_as_the_method_alone(name, cases):
    method = name.split()[0]
    alone, kept = made(cases[method]), made(cases[name])
    net = trained_net(alone)
    average = kept.storage["average.weight"].clone()
    for step, (plan, other) in enumerate(zip(cases[method]["plans"], cases[name]["plans"], strict=True)):
        m = other["scalars"]["averageEma"]
        assert m == (step / (1 + step) if method == "softmax" else 0.9)
        average = m * average + (1 - m) * alone.storage[net].detach()
        assert torch.equal(run(alone, plan, step)["loss"], run(kept, other, step)["loss"])
        assert torch.allclose(kept.storage["average.weight"], average, rtol=0, atol=1e-13)
    for stored in alone.module.storages:
        assert torch.equal(alone.storage[stored.name], kept.storage[stored.name]), stored.name
    images = pixels(kept, 99)["x.images"]
    found = kept.run("infer", {"images": images})["embedding"]
    assert torch.allclose(found, embeddings(images, average), rtol=0, atol=1e-12)
    assert not torch.allclose(found, embeddings(images, alone.storage[net]), atol=1e-6)


def test_averaged_around_distil_is_both(cases):
    student, both = made(cases["dcq angular"]), made(cases["dcq angular averaged"])
    for step, (plan, other) in enumerate(
        zip(cases["dcq angular"]["plans"], cases["dcq angular averaged"]["plans"], strict=True)
    ):
        assert torch.equal(run(student, plan, step)["loss"], run(both, other, step)["loss"])
    images = pixels(both, 99)["x.images"]
    found = both.run("infer", {"images": images})["embedding"]
    assert torch.allclose(found, embeddings(images, both.storage["average.weight"]), rtol=0, atol=1e-12)
