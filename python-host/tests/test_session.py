"""What a session makes of requests in an order of their own: without a driver, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ir_examples import NUMBER, ModuleBuilder, tensor
from programs import COUNTS, PROGRAM, SOURCE_SPEC, summing_module
from programs import plan as plan_of

from f2c_host.errors import HostError
from f2c_host.process.lifetime import Interruption
from f2c_host.run import checkpoint, initialise
from f2c_host.run.executor import Plan
from f2c_host.serve.session import Answer, Later, Session
from f2c_host.wire.frames import Message
from f2c_host.wire.protocol import check_request


class Asked(Session):
    """A session with a program in it, on the CPU."""

    def __init__(self, module: dict[str, Any], backend: str = "eager") -> None:
        super().__init__()
        self.ask("load", program=PROGRAM, ir=module, backend=backend, device="cpu", threads=None, readers=1)
        self.ask("source", {"counts": COUNTS}, name="train", spec=SOURCE_SPEC)

    def ask(self, kind: str, buffers: dict[str, np.ndarray] | None = None, /, **body: Any) -> Answer:
        answer = self.answer(check_request(Message(kind, body, buffers or {}, 1)))
        return answer.get() if isinstance(answer, Later) else answer

    def later(self, kind: str, **body: Any) -> Later:
        """The answer of a request that a thread works on."""
        answer = self.answer(check_request(Message(kind, body, {}, 1)))
        assert isinstance(answer, Later)
        return answer

    def run(self, plan: Plan) -> dict[str, float]:
        self.run_plan(plan)
        (report,) = self.finished_plans(wait=True)
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
    return [session.run(Plan(PROGRAM, "step", step))["loss"] for step in steps]


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_what_a_step_drops_depends_on_the_seed_and_the_step_so_a_resumed_run_is_the_unbroken_one(
    sessions, tmp_path, backend
):
    path = str(tmp_path / "s.safetensors")

    def begun(seed: int) -> Asked:
        sessions.append(Asked(dropping_module(), backend))
        sessions[-1].ask("init", program=PROGRAM, seed=seed)
        return sessions[-1]

    unbroken = losses(begun(3), range(4))
    assert len(set(unbroken)) == 4
    first = begun(3)
    assert losses(first, range(2)) == unbroken[:2]
    first.ask("save", program=PROGRAM, path=path)
    second = begun(9)
    assert losses(second, range(4)) != unbroken
    second.ask("restore", program=PROGRAM, path=path, next=2, seed=3)
    assert losses(second, range(2, 4)) == unbroken[2:]


def plan(number: int) -> Plan:
    body, buffers = plan_of(number, [0])
    return Plan.of(check_request(Message("plan", body, buffers)))


@pytest.fixture
def session(sessions) -> Asked:
    sessions.append(Asked(summing_module()))
    return sessions[-1]


def test_what_was_read_is_not_changed_by_the_next_step(session):
    session.ask("init", program=PROGRAM, seed=0)
    read = session.ask("read", program=PROGRAM, names=["total"]).buffers["total"]
    assert session.run(plan(0))["loss"] != 0
    assert read.item() == 0


ASKED = {
    "save": lambda session, folder: session.ask("save", program=PROGRAM, path=str(folder / "s")),
    "read": lambda session, folder: session.ask("read", program=PROGRAM, names=["total"]),
    "export": lambda session, folder: session.ask(
        "export", program=PROGRAM, function="embed", to="safetensors", path=str(folder / "e")
    ),
    "embed": lambda session, folder: session.ask(
        "embed",
        {"images": np.zeros(1, np.int32)},
        program=PROGRAM,
        matrix="m",
        source="train",
        function="embed",
        batch=2,
    ),
    "plan": lambda session, folder: session.run(plan(0)),
}
every_use = pytest.mark.parametrize("use", ASKED.values(), ids=ASKED.keys())


@every_use
def test_nothing_is_made_of_a_state_that_was_never_initialised(session, tmp_path, use):
    with pytest.raises(HostError, match="F2C6504: there is no whole state: nothing was initialised"):
        use(session, tmp_path)
    assert list(tmp_path.iterdir()) == []


def breaking_off(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, until its second call is interrupted."""
    calls = []

    def call(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return function(*arguments)

    return call


@pytest.mark.parametrize("request_", ["init", "restore"])
@every_use
def test_nothing_is_made_of_a_state_that_was_half_written(session, tmp_path, monkeypatch, use, request_):
    kept = tmp_path / "kept"
    session.ask("init", program=PROGRAM, seed=0)
    session.run(plan(0))
    session.ask("save", program=PROGRAM, path=str(kept))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if request_ == "init":
            patch.setattr(initialise, "draw", breaking_off(initialise.draw))
            session.ask("init", program=PROGRAM, seed=1)
        else:
            patch.setattr(torch.Tensor, "copy_", breaking_off(torch.Tensor.copy_))
            session.ask("restore", program=PROGRAM, path=str(kept), next=1, seed=0)
    (folder := tmp_path / "new").mkdir()
    with pytest.raises(HostError, match=f"there is no whole state: `{request_}` broke off"):
        use(session, folder)
    assert list(folder.iterdir()) == []
    session.ask("restore", program=PROGRAM, path=str(kept), next=0, seed=0)
    use(session, folder)


def test_a_stop_ends_an_evaluation_after_the_batch_that_runs(session):
    interruption = Interruption()
    parts = []
    session._interruption = interruption
    session.on_part = lambda done, total: (parts.append((done, total)), interruption.ask())
    session.ask("init", program=PROGRAM, seed=0)
    images = {"images": np.zeros(9, np.int32)}
    for function in ("embed", None):
        with pytest.raises(KeyboardInterrupt):
            session.ask(
                "embed", images, program=PROGRAM, matrix="m", source="train", function=function, batch=3
            )
        interruption.heed()
    assert parts == [(3, 9), (3, 9)]
    with pytest.raises(HostError, match="F2C6504: no matrix is called `m`"):
        session.ask("cosines", {"pairs": np.zeros((1, 2), np.int32)}, matrix="m")
    session.on_part = lambda done, total: parts.append((done, total))
    session.ask("embed", images, program=PROGRAM, matrix="m", source="train", function="embed", batch=3)
    assert parts[2:] == [(3, 9), (6, 9), (9, 9)]


def test_a_stop_ends_a_reduction_between_two_of_its_parts(session):
    interruption = Interruption()
    session._interruption = interruption
    session.ask("init", program=PROGRAM, seed=0)
    session.ask(
        "embed",
        {"images": np.arange(9, dtype=np.int32)},
        program=PROGRAM,
        matrix="m",
        source="train",
        function="embed",
    )
    everything = np.arange(9, dtype=np.int32)
    reductions = {
        "cosines": lambda: session.ask("cosines", {"pairs": np.zeros((9, 2), np.int32)}, matrix="m"),
        "top_k": lambda: session.ask(
            "top_k", {"queries": everything, "among": everything}, matrix="m", gallery="m", k=2
        ),
        "means": lambda: session.ask("means", {"groups": everything}, matrix="m", into="n", count=9),
        "sums": lambda: session.ask(
            "sums",
            {"rows": everything, "groups": everything, "weights": np.ones(9), "plus": np.zeros((0, 0))},
            matrix="m",
            into="n",
            count=9,
        ),
        "highest": lambda: session.ask(
            "highest", {"queries": everything, "among": everything}, matrix="m", gallery="m", k=2
        ),
    }
    for reduce in reductions.values():
        interruption.ask()
        with pytest.raises(KeyboardInterrupt):
            reduce()
        interruption.heed()
        reduce()


def test_matrices_stay_under_their_names_until_they_are_released(session):
    session.ask("init", program=PROGRAM, seed=0)
    pairs = {"pairs": np.array([[0, 1]], np.int32)}
    for name, images in (("a", [3, 3]), ("b", [3, 5])):
        embedded = {"images": np.array(images, np.int32)}
        answer = session.ask("embed", embedded, program=PROGRAM, matrix=name, source="train", function=None)
        assert answer.body == {"width": 256} and answer.buffers["broken"].tolist() == []
    session.ask(
        "load", program=PROGRAM, ir=summing_module(), backend="eager", device="cpu", threads=None, readers=1
    )
    assert session.ask("cosines", pairs, matrix="a").buffers["cosines"] == pytest.approx([1], abs=1e-12)
    assert session.ask("cosines", pairs, matrix="b").buffers["cosines"] < 0.999
    session.ask("means", {"groups": np.array([0, 0], np.int32)}, matrix="a", into="mean", count=1)
    nearest = session.ask(
        "top_k",
        {"queries": np.array([1, 0], np.int32), "among": np.array([0], np.int32)},
        matrix="b",
        gallery="mean",
        k=1,
    )
    assert nearest.buffers["positions"].tolist() == [[0], [0]]
    assert nearest.buffers["scores"][1] == pytest.approx([1], abs=1e-6)
    for _ in range(2):
        session.ask("release", matrix="a")
    with pytest.raises(HostError, match="F2C6504: no matrix is called `a` \\(kept: b, mean\\)"):
        session.ask("cosines", pairs, matrix="a")


def test_a_checkpoint_that_is_refused_leaves_the_state_as_it_was(session, tmp_path):
    session.ask("init", program=PROGRAM, seed=0)
    checkpoint.save({"w": torch.ones(1)}, tmp_path / "other")
    for name in ("other", "absent"):
        with pytest.raises(HostError):
            session.ask("restore", program=PROGRAM, path=str(tmp_path / name), next=1, seed=0)
    assert session.ask("save", program=PROGRAM, path=str(tmp_path / "s")).body["number"] == -1


def test_a_load_that_fails_leaves_the_program_before_it_and_no_thread(session, monkeypatch):
    def start(thread: threading.Thread, whole=threading.Thread.start) -> None:
        if thread.name == "prefetch-2":
            raise RuntimeError("can't start new thread")
        whole(thread)

    session.ask("init", program=PROGRAM, seed=0)
    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(HostError, match="F2C6606: the 4 threads that read images could not be started"):
        session.ask(
            "load",
            program=PROGRAM,
            ir=summing_module(),
            backend="eager",
            device="cpu",
            threads=None,
            readers=4,
        )
    assert threading.active_count() == before
    assert session.run(plan(0))["loss"] != 0
