"""What the server says of steps whose kernels still run, as on a GPU: sockets and events are stand-ins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from programs import COUNTS, PROGRAM, SOURCE_SPEC, plan, summing_module
from test_executor import Event, LateExecutor

from f2c_host.errors import HostError
from f2c_host.run import loaded as loaded_module
from f2c_host.run.executor import Plan
from f2c_host.serve.outbox import Outbox
from f2c_host.serve.server import Refused, Server
from f2c_host.serve.session import Session
from f2c_host.wire.frames import Message, unpack
from f2c_host.wire.protocol import check_request


class Socket:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send_multipart(self, frames: list[Any], copy: bool = True, track: bool = False) -> Any:
        self.sent.append(unpack([bytes(frame) for frame in frames]))
        return SimpleNamespace(done=True)


class Late:
    """A server whose program is loaded and initialised, and whose steps end when they are waited for."""

    def __init__(self, session: Session) -> None:
        self.work, self.events = Socket(), Socket()
        self.server = Server.__new__(Server)
        self.server.__dict__.update(
            work=Outbox(self.work),
            events=Outbox(self.events),
            session=session,
            interruption=contextlib.nullcontext(),
            stopped=set(),
            later=[],
        )

    def ask(self, kind: str, body: dict[str, Any], buffers: Any = None) -> Message:
        self.server.report_plans(wait=True)
        self.server.answer(check_request(Message(kind, body, buffers or {}, id=1)))
        self.server.answer_later(wait=True)
        return self.work.sent[-1]

    def step(self, number: int, **changes: Any) -> None:
        body, buffers = plan(number, [0], **changes)
        self.server.run(Plan.of(check_request(Message("plan", body, buffers))))
        self.server.report_plans()

    def told(self) -> list[tuple[str, int]]:
        return [(event.kind, event.body["number"]) for event in self.events.sent]


@pytest.fixture
def late(monkeypatch) -> Iterator[Late]:
    monkeypatch.setattr(loaded_module, "PlanExecutor", LateExecutor)
    session = Session()
    late = Late(session)
    program = {
        "program": PROGRAM,
        "ir": summing_module(),
        "backend": "eager",
        "device": "cpu",
        "threads": 1,
        "readers": 1,
    }
    late.ask("load", program)
    late.ask("source", {"name": "train", "spec": SOURCE_SPEC}, {"counts": COUNTS})
    late.ask("init", {"program": PROGRAM, "seed": 0})
    yield late
    session.close()


def test_a_plan_that_cannot_be_read_does_not_hide_the_steps_before_it(late, tmp_path):
    for number in range(3):
        late.step(number)
    assert late.told() == []
    late.server.refuse(Refused(HostError("F2C6506", "`plan`: `number` is missing", "host"), "plan", 9))
    assert late.told() == [("result", 0), ("result", 1), ("result", 2), ("failed", 3)]
    assert late.ask("save", {"program": PROGRAM, "path": str(tmp_path / "s")}).body["number"] == 2


def test_a_device_that_fails_late_is_told_as_a_failed_step_and_the_server_lives_on(
    late, monkeypatch, tmp_path
):
    def fail(_event: Event) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    late.step(0)
    monkeypatch.setattr(Event, "query", fail)
    late.server.report_plans()
    assert late.told() == [("failed", 0)]
    assert "device-side assert" in late.events.sent[0].body["message"]
    refused = late.ask("save", {"program": PROGRAM, "path": str(tmp_path / "s")})
    assert (refused.kind, refused.body["code"]) == ("error", "F2C6504")


def test_an_array_of_another_shape_leaves_a_state_that_can_be_saved(late, tmp_path):
    late.step(0)
    late.step(1, extra=(1, 2, 3))
    assert late.told() == [("result", 0), ("failed", 1)]
    assert late.events.sent[-1].body["code"] == "F2C5203"
    assert late.ask("save", {"program": PROGRAM, "path": str(tmp_path / "s")}).body["number"] == 0
