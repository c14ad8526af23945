"""What a session makes of requests in an order of their own: without a driver, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ir_examples import NUMBER, ModuleBuilder, tensor
from programs import COUNTS, SOURCE_SPEC

from f2c_host.executor import Plan
from f2c_host.session import Answer, Session
from f2c_host.wire import Message


class Asked(Session):
    """A session with a program in it, on the CPU."""

    def __init__(self, module: dict[str, Any], backend: str = "eager") -> None:
        super().__init__()
        self.ask("load", ir=module, backend=backend, device="cpu", threads=None, readers=1)
        self.ask("source", {"counts": COUNTS}, name="train", spec=SOURCE_SPEC)

    def ask(self, kind: str, buffers: dict[str, np.ndarray] | None = None, /, **body: Any) -> Answer:
        return self.answer(Message(kind, body, buffers or {}, 1))

    def run(self, plan: Plan) -> dict[str, float]:
        self.run_plan(plan)
        (report,) = self.finished_steps(wait=True)
        return dict(report.metrics)


@pytest.fixture
def sessions() -> Iterator[list[Asked]]:
    made: list[Asked] = []
    yield made
    for session in made:
        session.close()


def dropping_module() -> dict[str, Any]:
    """loss = the sum of 0 to 63, each with a chance of one half."""
    m = ModuleBuilder()
    f = m.function("step")
    numbers = f.op("to", f.op("arange", to=tensor(64, dtype="i64"), size=64), to=tensor(64), dtype="f32")
    dropped = f.op("dropout", numbers, to=tensor(64), p=0.5, training=True)
    f.returns(loss=(f.op("sum", dropped, to=NUMBER), NUMBER))
    return m.json


def losses(session: Asked, steps: range) -> list[float]:
    return [session.run(Plan(step, "train", {}, {}))["loss"] for step in steps]


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_what_a_step_drops_depends_on_the_seed_and_the_step_so_a_resumed_run_is_the_unbroken_one(
    sessions, tmp_path, backend
):
    path = str(tmp_path / "s.safetensors")

    def begun(seed: int) -> Asked:
        sessions.append(Asked(dropping_module(), backend))
        sessions[-1].ask("init", seed=seed)
        return sessions[-1]

    unbroken = losses(begun(3), range(4))
    assert len(set(unbroken)) == 4
    first = begun(3)
    assert losses(first, range(2)) == unbroken[:2]
    first.ask("save", path=path)
    second = begun(9)
    assert losses(second, range(4)) != unbroken
    second.ask("restore", path=path, step=1, seed=3)
    assert losses(second, range(2, 4)) == unbroken[2:]
