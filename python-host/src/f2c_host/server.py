"""Serves one driver: takes work from its socket, executes it in order, reports steps and answers."""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import numpy as np
import zmq

from .control import STOP, ControlThread
from .errors import HostError
from .executor import Plan, StepFailed, StepReport
from .failure import failure_body
from .lifetime import Interruption
from .protocol import check_request
from .session import Session
from .wire import MalformedMessage, Message, pack, unpack

_UNTIL_WORK_COMES = None
_METRICS_POLL_MS = 2  # while a GPU still owes us metrics
_LINGER_MS = 2000
_NO_BUFFERS: Mapping[str, np.ndarray] = MappingProxyType({})

# These say that the driver knows which step comes next, so plans count again after a stop.
_AFTER_STOP = ("sync", "init", "restore")


@dataclass(frozen=True)
class Refused:
    """A message that cannot be executed; it is answered in its turn, like one that can."""

    error: HostError
    kind: str | None
    request: int | None


Work = Plan | Message | Refused


class Server:
    """The main thread's half of the host. `serve` is the loop; the other methods are its verbs."""

    def __init__(
        self,
        work: zmq.Socket,
        events: zmq.Socket,
        control: ControlThread,
        session: Session,
        interruption: Interruption,
    ):
        self.work = work
        self.events = events
        self.control = control
        self.session = session
        self.interruption = interruption
        self.queue: deque[Work] = deque()
        self.stopped = False
        self.sent = {work: 0, events: 0}
        self.log = EventLog()
        session.on_part = self.report_part
        self.poller = zmq.Poller()
        self.poller.register(work, zmq.POLLIN)
        self.poller.register(control.wakes, zmq.POLLIN)

    def serve(self) -> None:
        """Runs until `shutdown`. Each turn: receive, obey a stop, read ahead, do one thing, report."""
        session = self.session
        while not session.finished:
            self.receive()
            if not self.stopped:
                session.look_ahead(takewhile(lambda work: isinstance(work, Plan), self.queue))
            if self.queue:
                work = self.queue.popleft()
                if isinstance(work, Plan):
                    self.step(work)
                elif isinstance(work, Message):
                    self.report_steps(wait=True)
                    self.answer(work)
                else:
                    self.refuse(work)
            self.report_steps()
            self.report_log()
        self.close()

    # Receiving

    def receive(self) -> None:
        """Takes in all work that has arrived; waits for some only if there is nothing else to do."""
        timeout = 0
        if not self.queue:
            self.session.progress.busy = "idle"
            timeout = _METRICS_POLL_MS if self.session.in_flight else _UNTIL_WORK_COMES
        ready = dict(self.poller.poll(timeout))
        if self.work in ready:
            self.drain()
        if self.control.wakes in ready and self.control.wakes.recv() == STOP:
            self.stop()

    def drain(self) -> None:
        while True:
            try:
                frames = self.work.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            self.queue.append(read_work([frame.buffer for frame in frames]))

    def stop(self) -> None:
        """Reports the steps that were launched, none of which is cut off, and drops the plans to come."""
        self.report_steps(wait=True)
        self.stopped = True
        self.interruption.heed()
        self.session.forget_plans()
        self.send(self.events, "stopped", {"step": self.session.progress.step})

    # Executing

    def step(self, plan: Plan) -> None:
        """Runs one plan, unless plans are being dropped."""
        if self.stopped or self.session.drops_plans:
            return
        self.session.progress.busy = "plan"
        try:
            with self.interruption:
                skipped = self.session.run_plan(plan)
        except (Exception, KeyboardInterrupt) as error:
            self.report_steps(
                wait=True
            )  # those before it; one of them may have failed, and then is the one to tell
            if not self.session.drops_plans:
                self.fail(plan.step, error)
        else:
            if skipped is not None:
                self.report(skipped)

    def answer(self, request: Message) -> None:
        """Executes one request and replies to it."""
        if request.kind in _AFTER_STOP:
            self.stopped = False
        self.session.progress.busy = request.kind
        try:
            with self.interruption:
                answer = self.session.answer(request)
        except (Exception, KeyboardInterrupt) as error:
            self.send(self.work, "error", failure_body(error, f"`{request.kind}`"), re=request.id)
        else:
            self.send(self.work, "ok", answer.body, answer.buffers, re=request.id)

    def refuse(self, refused: Refused) -> None:
        """Answers a message that is not of the protocol; if nobody waits for it, the next plan has failed."""
        self.report_steps(wait=True)
        if refused.request is not None and refused.kind != "plan":
            self.send(self.work, "error", failure_body(refused.error, "reading"), re=refused.request)
        elif not self.stopped and not self.session.drops_plans:
            self.fail(self.session.expected_step, refused.error)

    # Reporting

    def report_steps(self, wait: bool = False) -> None:
        """Sends what is known of launched steps; with `wait`, all of it."""
        try:
            for report in self.session.finished_steps(wait):
                self.report(report)
        except StepFailed as failed:
            self.fail(failed.step, failed)

    def report(self, report: StepReport) -> None:
        self.send(self.events, "step", report.body())

    def report_part(self, done: int, total: int) -> None:
        """Tells how far a long request has come."""
        self.send(self.events, "part", {"done": done, "total": total})

    def fail(self, step: int, error: BaseException) -> None:
        """Reports a failure; from here plans are dropped."""
        self.session.plan_failed(error)
        cause = error.cause if isinstance(error, StepFailed) else error
        self.send(self.events, "failed", {**failure_body(cause, f"step {step}"), "step": step})

    def report_log(self) -> None:
        """Sends what was logged since, by this thread or by those that read images."""
        while not self.log.records.empty():
            self.send(self.events, "log", self.log.records.get_nowait())

    def send(
        self,
        socket: zmq.Socket,
        kind: str,
        body: Mapping[str, Any],
        buffers: Mapping[str, np.ndarray] = _NO_BUFFERS,
        re: int | None = None,
    ) -> None:
        self.sent[socket] += 1
        frames = pack(Message(kind, dict(body), dict(buffers), id=self.sent[socket], re=re))
        socket.send_multipart(frames, copy=not buffers)

    def close(self) -> None:
        """Delivers the last messages and ends the threads."""
        self.session.close()
        self.control.end()
        self.work.close(linger=_LINGER_MS)
        self.events.close(linger=_LINGER_MS)


def read_work(frames: Sequence[memoryview]) -> Work:
    """One message from `work`, checked."""
    try:
        message = unpack(frames)
    except MalformedMessage as error:
        return Refused(error, error.message_kind, error.request)
    try:
        checked = check_request(message)
    except HostError as error:
        return Refused(error, message.kind, message.id)
    return Plan.of(checked) if checked.kind == "plan" else checked


class EventLog(logging.Handler):
    """Collects warnings and log records of every thread, for the main thread, which owns the socket."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)
        logging.getLogger("f2c_host").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "info"
        self.records.put({"level": level, "message": self.format(record)})
