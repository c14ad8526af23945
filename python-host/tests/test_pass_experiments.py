"""A small F2C experiment with every precision, layout and number of steps an update, plain and checkpointed.

`test/fixtures/pass-experiments.mjs` writes the programs, and verifies each after every pass.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor

from f2c_host.export import export_function
from f2c_host.run import checkpoint
from f2c_host.run.program import Program

STEPS = 2
CAPACITY, ROWS = 24, 10
KINDS = [
    f"{precision} {layout} {accumulate}"
    for precision in ("f32", "bf16", "f16")
    for layout in ("contiguous", "channels_last")
    for accumulate in (1, 3)
]
# The same products in another order; rounded to 8 and 11 bits, and followed through the steps.
TOLERANCE = {"f32": 1e-5, "bf16": 5e-2, "f16": 1e-2}


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "pass-experiments.mjs"))


def inputs_of(program: Program, step: int, of: int = 1, part: int = 0) -> dict[str, Any]:
    """A plan of its form: every index is a slot of the pool, each once."""
    chance = torch.Generator().manual_seed(step)
    known = {"lr": 0.005, "ema": 0.9, "accumulate.first": part == 0, "accumulate.last": part == of - 1}
    known |= {"random.seed": 3, "random.step": step}
    inputs: dict[str, Any] = {}
    for given in program.module.function("step").inputs:
        name = given.name
        shape = [d for d in getattr(given.type, "dims", [])]
        dtype = getattr(given.type, "dtype", None)
        if name in known:
            inputs[name] = known[name]
        elif dtype == "u8":
            inputs[name] = torch.randint(0, 256, shape, generator=chance, dtype=torch.uint8)
        elif dtype == "i64":
            # Sources are rows of the batch, places those of what it touches, the others slots.
            most = shape[0] if "source" in name or "place" in name else CAPACITY
            inputs[name] = torch.randperm(most, generator=chance)[: shape[0]]
        elif dtype == "bool":
            inputs[name] = torch.rand(shape, generator=chance) > 0.5
        else:
            inputs[name] = {"limit": float(CAPACITY), "inside": float(ROWS), "outside": 0.0}[
                name.split(".")[-1]
            ]
    return inputs


def made(ir: Any, backend: str = "eager") -> Program:
    program = started(ir, backend)
    if "precision.loss_scale" in program.storage:
        # The first scale makes these gradients overflow, and the first updates are taken back.
        program.storage["precision.loss_scale"].fill_(256)
    return program


def trained(program: Program, accumulate: int, steps: int = STEPS, start: int = 0) -> list[Tensor]:
    """Losses of some updates, each of so many steps on the same images."""
    return [
        program.run("step", inputs_of(program, update, accumulate, part))["loss"]
        for update in range(start, start + steps)
        for part in range(accumulate)
    ]


def close(a: Program, b: Program, tolerance: float) -> list[str]:
    """Storages of both that differ by more than the tolerance."""
    shared = [n for n in a.storage if n in b.storage]
    return [n for n in shared if not torch.allclose(a.storage[n], b.storage[n], tolerance, tolerance)]


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k.startswith(("f32", "f16")) or k == "bf16 contiguous 1"]
)
def test_what_is_made_again_gives_the_same_steps_and_everything_moves(programs, kind):
    precision, _, accumulate = kind.split()
    plain, again = made(programs[f"plain {kind}"]), made(programs[f"checkpointed {kind}"])
    first = {name: tensor.detach().clone() for name, tensor in plain.storage.items()}
    losses, others = (torch.stack(trained(p, int(accumulate))) for p in (plain, again))
    assert losses.isfinite().all() and losses.dtype == torch.float32
    # Where a block ends, what is made again is f32: gradients in a narrow type are rounded elsewhere.
    tolerance = TOLERANCE[precision]
    assert torch.allclose(others, losses, tolerance, tolerance)
    statistics = [n for n in plain.storage if n.endswith((".mean", ".variance"))]
    assert [n for n in close(plain, again, tolerance) if n in statistics] == []
    still = [n for n, tensor in plain.storage.items() if torch.equal(first[n], tensor)]
    assert [
        n for n in still if not n.startswith(("accumulate.", "precision.loss_scale", "precision.all_finite"))
    ] == []
    for name, tensor in again.storage.items():
        assert tensor.dtype == first[name].dtype, name
        assert not name.startswith("accumulate.") or tensor.abs().max() == 0, name


@pytest.mark.parametrize(
    "kind", ["f32 contiguous 3", "f32 channels_last 1", "bf16 channels_last 3", "f16 contiguous 1"]
)
def test_torchscript_gives_the_same_steps_as_eager(programs, kind):
    accumulate = int(kind.split()[-1])
    eager, script = (made(programs[f"checkpointed {kind}"], b) for b in ("eager", "torchscript"))
    losses, others = (torch.stack(trained(p, accumulate)) for p in (eager, script))
    assert torch.allclose(others, losses, 1e-6, 1e-6)
    assert close(eager, script, 1e-6) == []


@pytest.mark.parametrize("kind", [k for k in KINDS if k.endswith("1")])
def test_every_precision_and_layout_follows_the_plain_program(programs, kind):
    plain, other = made(programs["plain f32 contiguous 1"]), made(programs[f"checkpointed {kind}"])
    tolerance = max(1e-3, TOLERANCE[kind.split()[0]])
    assert torch.allclose(*(torch.stack(trained(p, 1)) for p in (other, plain)), tolerance, tolerance)


@pytest.mark.parametrize("kind", ["plain f32 contiguous 3", "checkpointed bf16 channels_last 3"])
def test_the_twin_follows_once_an_update(programs, kind):
    program = made(programs[kind])
    seen = []
    for update in range(3):
        trained(program, 3, 1, update)
        seen.append({name: tensor.detach().clone() for name, tensor in program.storage.items()})
    for name in (n for n in seen[0] if n.startswith("gallery.") and not n.endswith((".mean", ".variance"))):
        before, now = seen[1][name], seen[2][name]
        probe = seen[1][name.replace("gallery.", "probe.", 1)]
        assert torch.allclose(now, before.lerp(probe, 0.1), 1e-5, 1e-6), name


@pytest.mark.parametrize("bad", [0, 1, 2])
@pytest.mark.parametrize("backend", ["eager", "torchscript"])
def test_an_update_with_a_gradient_that_is_not_finite_is_undone_as_a_whole(programs, backend, bad):
    """f16: the scale overflows in one of the three steps of an update. The sum is cleared, the scale halved once, and what comes
    after is what comes with that scale from the start."""
    program, other = (made(programs["plain f16 contiguous 3"], backend) for _ in range(2))
    scale, finite = (program.storage[f"precision.{name}"] for name in ("loss_scale", "all_finite"))
    before = {name: tensor.detach().clone() for name, tensor in program.storage.items()}
    for part in range(3):
        scale.fill_(torch.inf if part == bad else 256)
        program.run("step", inputs_of(program, 0, 3, part))
        assert finite.item() == (part < bad or part == 2)
    assert scale.item() == (torch.inf if bad == 2 else 128)
    trained_ = [s.name for s in program.module.storages if s.trained or s.role == "optimizer"]
    moved = [n for n in trained_ if not torch.equal(before[n], program.storage[n])]
    assert [n for n in moved if not n.startswith("precision.")] == []
    # The steps of another update, none of them spoilt, from the same state.
    scale.fill_(128)
    other.storage["precision.loss_scale"].fill_(128)
    checkpoint_of = {n: t.detach().clone() for n, t in program.storage.items()}
    for name, tensor in other.storage.items():
        tensor.data.copy_(checkpoint_of[name])
    assert torch.equal(*(torch.stack(trained(p, 3, 1, 1)) for p in (program, other)))
    assert any(
        not torch.equal(checkpoint_of[n], program.storage[n]) for n in trained_ if n.startswith("probe.")
    )


@pytest.mark.parametrize("kind", ["f16 channels_last 1", "bf16 channels_last 3", "f16 contiguous 3"])
def test_a_restored_run_goes_on_as_it_would_have(programs, kind, tmp_path):
    accumulate = int(kind.split()[-1])
    first, second = (made(programs[f"checkpointed {kind}"], "torchscript") for _ in range(2))
    trained(first, accumulate)
    checkpoint.save(first.storage, tmp_path / "saved")
    checkpoint.restore(second.storage, tmp_path / "saved")
    for name, tensor in first.storage.items():
        assert tensor.stride() == second.storage[name].stride(), name
        assert torch.equal(tensor, second.storage[name]), name
    went, goes = (trained(p, accumulate, 2, STEPS) for p in (first, second))
    assert torch.equal(torch.stack(went), torch.stack(goes))
    assert close(first, second, 0) == []


@pytest.mark.parametrize("kind", ["bf16 channels_last 1", "f16 contiguous 1"])
def test_what_is_exported_is_plain_f32_and_gives_the_same_embeddings(programs, kind, tmp_path):
    program = made(programs[f"checkpointed {kind}"])
    trained(program, 1)
    script = tmp_path / "net.pt"
    export_function(program, "infer", "torchscript", str(script))
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    loaded = torch.jit.load(script)
    assert torch.equal(loaded(images), program.run("infer", {"images": images})["embedding"])
    for name, tensor in loaded.state_dict().items():
        assert (tensor.dtype, tensor.is_contiguous()) == (torch.float32, True), name


def test_running_statistics_in_the_convolutions_normalise_as_beside_them(programs):
    folded, beside = started(programs["running"], "eager"), started(programs["unfolded"], "eager")
    kinds = [[op.op for op in p.module.function("step").body.walk()] for p in (folded, beside)]
    assert kinds[0].count("batch_norm_prelu") == 6 and kinds[0].count("batch_norm") == 4
    assert kinds[1].count("batch_norm") == 16
    for step in range(4):
        losses = [p.run("step", inputs_of(p, step))["loss"] for p in (folded, beside)]
        assert torch.allclose(*losses, rtol=1e-5)
    for name, value in folded.storage.items():
        right = beside.storage[name]
        assert (value - right).abs().max() <= 1e-4 * right.abs().max() + 1e-6, name
