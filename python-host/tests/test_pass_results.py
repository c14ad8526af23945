"""What passes change of a program's meaning, and of its memory: against the program without them.

`test/fixtures/pass-cases.mjs` writes the programs.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor

from f2c_host.run.program import Program

BACKENDS = ("torchscript", "eager")


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "pass-cases.mjs"))


def batch(step: int, rows: int = 8) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(step)
    return {
        "x": torch.randn(rows, 6, generator=chance),
        "t": torch.randint(0, 5, (rows,), generator=chance),
        "slot": torch.tensor([step % 3]),
        "lr": 0.1,
    }


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_halves_with_one_update_are_a_whole_batch(cases, backend):
    whole, halves = started(cases["whole"], backend), started(cases["halves"], backend)
    for step in range(5):
        data = batch(step)
        loss = whole.run("step", data)["loss"]
        parts = []
        for half in range(2):
            rows = slice(4 * half, 4 * half + 4)
            window = {"accumulate.first": half == 0, "accumulate.last": half == 1}
            parts.append(
                halves.run("step", data | {"x": data["x"][rows], "t": data["t"][rows]} | window)["loss"]
            )
        assert torch.allclose(torch.stack(parts).mean(), loss, rtol=1e-6)
        for name in ("w", "average", "optimizer.velocity.w"):
            assert torch.allclose(halves.storage[name], whole.storage[name], atol=1e-6), name
        # What depends on images happens in every step: the second half's first row came last.
        assert torch.equal(halves.storage["pool"][step % 3], data["x"][4])
        assert halves.storage["accumulate.gradient.w"].abs().max() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_f16_follows_f32_and_keeps_its_scale_while_gradients_are_finite(cases, backend):
    wide, narrow = started(cases["f32"], backend), started(cases["f16"], backend)
    for step in range(10):
        a, b = (p.run("step", batch(step))["loss"] for p in (wide, narrow))
        assert torch.allclose(a, b, rtol=5e-3)
    assert torch.allclose(wide.storage["w"], narrow.storage["w"], atol=5e-3)
    assert narrow.storage["precision.loss_scale"] == 65536
    assert narrow.storage["precision.good_steps"] == 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_update_from_gradients_that_overflow_is_taken_back_and_the_scale_is_halved(cases, backend):
    narrow = started(cases["f16, too large"], backend)
    before = {name: t.detach().clone() for name, t in narrow.storage.items()}
    # 65,536 times 1e5 is no f16.
    for step in range(3):
        narrow.run("step", batch(step))
    assert narrow.storage["precision.loss_scale"] == 65536 / 8
    assert narrow.storage["precision.good_steps"] == 0
    for name in ("w", "optimizer.velocity.w"):
        assert torch.equal(narrow.storage[name], before[name]), name
    while narrow.storage["precision.good_steps"] == 0:
        narrow.run("step", batch(3))
    assert not torch.equal(narrow.storage["w"], before["w"])
    assert narrow.storage["w"].isfinite().all()


def test_the_scale_doubles_after_two_thousand_good_steps(cases):
    narrow = started(cases["f16"])
    with torch.no_grad():
        narrow.storage["precision.good_steps"].fill_(1998)
    narrow.run("step", batch(0))
    assert (narrow.storage["precision.loss_scale"], narrow.storage["precision.good_steps"]) == (65536, 1999)
    narrow.run("step", batch(1))
    assert (narrow.storage["precision.loss_scale"], narrow.storage["precision.good_steps"]) == (131072, 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_made_again_gives_the_same_gradients(cases, backend):
    images = torch.randn(4, 8, 16, 16, generator=torch.Generator().manual_seed(1))
    kept, again = started(cases["kept"], backend), started(cases["made again"], backend)
    for _ in range(3):
        losses = [p.run("step", {"y": images, "lr": 0.5})["loss"] for p in (kept, again)]
        assert torch.equal(*losses)
    for name in kept.storage:
        assert torch.equal(kept.storage[name], again.storage[name]), name


def test_what_is_made_again_is_not_kept(cases):
    """The most that autograd holds at a time: of every block its input, and the inside of one."""
    images = torch.randn(4, 8, 16, 16)
    one = images.numel() * 4
    kept, again = (most_saved(started(cases[name]), images) for name in ("kept", "made again"))
    inside = kept / 8
    assert kept > 8 * 3 * one
    assert again < 1.5 * inside


def most_saved(made: Program, images: Tensor) -> int:
    live, most = 0, 0

    class Saved:
        def __init__(self, tensor: Tensor) -> None:
            nonlocal live, most
            self.tensor = tensor
            live += tensor.untyped_storage().nbytes()
            most = max(most, live)

        def __del__(self) -> None:
            nonlocal live
            live -= self.tensor.untyped_storage().nbytes()

    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        made.run("step", {"y": images, "lr": 0.5})
    return most


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_gradient_leaves_a_region_without_one_whatever_it_gives_back(cases, backend):
    for ir in cases["still"]:
        made = started(ir, backend)
        w = made.storage["w"].detach().clone().requires_grad_()
        data = batch(0)
        z = data["x"] @ w
        (z.detach() * z).mean().backward()
        made.run("step", {"x": data["x"], "lr": 0.1})
        assert torch.allclose(made.storage["w"], w.detach() - 0.1 * w.grad, atol=1e-6)
