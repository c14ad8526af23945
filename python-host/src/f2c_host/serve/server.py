"""Serves one driver: takes work from its socket, executes it in order, reports what plans gave, and answers."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

import zmq

from ..errors import HostError
from ..process.lifetime import Interruption
from ..run.executor import Plan, PlanFailed, Report
from ..wire.failure import failure_body
from ..wire.frames import MalformedMessage, Message, unpack
from ..wire.protocol import check_request
from .control import STOP, ControlThread
from .outbox import Outbox
from .session import Answer, Later, Session

_UNTIL_WORK_COMES = None
_METRICS_POLL_MS = 2  # while a GPU still owes us metrics
_LATER_POLL_MS = 5  # while a thread still owes us an answer
_RESULTS_POLL_MS = 5  # while the driver takes no results
_LINGER_MS = 2000
_QUEUE = 256  # messages that wait here for their turn; more wait in the socket

# These say that the driver knows which plan of a program comes next, so they count again after a stop.
_AFTER_STOP = ("sync", "init", "restore")


@dataclass(frozen=True)
class Refused:
    """A message that cannot be executed; it is answered in its turn, like one that can."""

    error: HostError
    kind: str | None
    request: int | None
    program: str | None = None


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
        self.work = Outbox(work)
        self.events = Outbox(events)
        self.control = control
        self.session = session
        self.interruption = interruption
        self.queue: deque[Work] = deque()
        self.later: list[tuple[Message, Later]] = []  # requests whose answers are being worked out
        self.stopped: set[str] = set()  # programs whose plans are dropped
        self.log = EventLog(self.report_log)
        session.on_part = self.report_part
        self.poller = zmq.Poller()
        self.poller.register(work, zmq.POLLIN)
        self.poller.register(control.wakes, zmq.POLLIN)

    def serve(self) -> None:
        """Runs until `shutdown`. Each turn: receive, obey a stop, read ahead, do one thing, report."""
        session = self.session
        while not session.finished:
            self.receive()
            plans = takewhile(lambda work: isinstance(work, Plan), self.queue)
            session.look_ahead(plan for plan in plans if plan.program not in self.stopped)
            if self.queue and not self.awaits_driver:
                work = self.queue.popleft()
                if isinstance(work, Plan):
                    self.run(work)
                elif isinstance(work, Message):
                    self.report_plans(wait=True)
                    self.answer(work)
                else:
                    self.refuse(work)
            self.report_plans()
            self.answer_later()
            self.report_log()
        self.close()

    @property
    def awaits_driver(self) -> bool:
        """Whether the next thing to do is a plan, and the driver has not taken what those before it gave."""
        return isinstance(self.queue[0], Plan) and self.events.full

    # Receiving

    def receive(self) -> None:
        """Takes in all work that has arrived; waits for some only if there is nothing else to do."""
        timeout = 0
        if not self.queue:
            self.session.progress.busy = self.later[0][0].kind if self.later else "idle"
            timeout = _LATER_POLL_MS if self.later else _UNTIL_WORK_COMES
            if self.session.in_flight:
                timeout = _METRICS_POLL_MS
        elif self.awaits_driver:
            self.session.progress.busy = "results"
            timeout = _RESULTS_POLL_MS
        if timeout and len(self.queue) >= _QUEUE:
            ready = {self.control.wakes: zmq.POLLIN} if self.control.wakes.poll(timeout) else {}
        else:
            ready = dict(self.poller.poll(timeout))
        if self.work.socket in ready:
            self.drain()
        if self.control.wakes in ready and self.control.wakes.recv() == STOP:
            self.stop()

    def drain(self) -> None:
        while len(self.queue) < _QUEUE:
            try:
                frames = self.work.socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            self.queue.append(read_work([frame.buffer for frame in frames]))

    def stop(self) -> None:
        """Reports the plans that were launched, none of which is cut off, and drops those to come."""
        self.report_plans(wait=True)
        self.stopped = set(self.session.programs)
        self.interruption.heed()
        self.session.forget_plans()
        numbers = {name: loaded.done for name, loaded in self.session.programs.items()}
        self.events.send("stopped", {"numbers": numbers})

    # Executing

    def run(self, plan: Plan) -> None:
        """Runs one plan, unless its program's plans are being dropped."""
        if plan.program in self.stopped or self.session.drops(plan.program):
            return
        self.session.progress.busy = "plan"
        try:
            with self.interruption:
                skipped = self.session.run_plan(plan)
        except (Exception, KeyboardInterrupt) as error:
            self.report_plans(
                wait=True
            )  # those before it; one of them may have failed, and then is the one to tell
            if not self.session.drops(plan.program):
                self.fail(plan.program, plan.number, error)
        else:
            if skipped is not None:
                self.report(skipped)

    def answer(self, request: Message) -> None:
        """Executes one request and replies to it, at once or when a thread is done with it."""
        if request.kind in _AFTER_STOP:
            self.stopped.discard(request.body["program"])
        self.session.progress.busy = request.kind
        self.reply(request, lambda: self.session.answer(request))

    def reply(self, request: Message, answer: Callable[[], Answer | Later]) -> None:
        """Replies what `answer` gives or raises."""
        try:
            with self.interruption:
                found = answer()
        except (Exception, KeyboardInterrupt) as error:
            self.work.send("error", failure_body(error, f"`{request.kind}`"), re=request.id)
        else:
            if isinstance(found, Later):
                self.later.append((request, found))
            else:
                self.work.send("ok", found.body, found.buffers, re=request.id)

    def answer_later(self, wait: bool = False) -> None:
        """Replies to the requests that threads are done with; with `wait`, to all."""
        waiting, self.later = self.later, []
        for request, later in waiting:
            if wait or later.doing.done():
                self.reply(request, later.get)
            else:
                self.later.append((request, later))

    def refuse(self, refused: Refused) -> None:
        """Answers a message that is not of the protocol. If nobody waits for it, the next plan of its program has failed, or
        of every program where nobody knows which was meant."""
        self.report_plans(wait=True)
        if refused.request is not None and refused.kind != "plan":
            self.work.send("error", failure_body(refused.error, "reading"), re=refused.request)
            return
        programs = self.session.programs
        meant = [refused.program] if refused.program in programs else [*programs]
        for name in meant:
            if name not in self.stopped and not self.session.drops(name):
                self.fail(name, programs[name].expected, refused.error)
        if not meant:
            self.events.send("failed", failure_body(refused.error, "reading"))

    # Reporting

    def report_plans(self, wait: bool = False) -> None:
        """Sends what is known of launched plans; with `wait`, all of it."""
        failed = True
        while failed:  # one program's failure hides no report of another
            failed = False
            try:
                for report in self.session.finished_plans(wait):
                    self.report(report)
            except PlanFailed as error:
                failed = True
                self.fail(error.program, error.number, error)

    def report(self, report: Report) -> None:
        self.events.send("result", report.body(), report.results)

    def report_part(self, done: int, total: int) -> None:
        """Tells how far a long request has come."""
        self.events.send("part", {"done": done, "total": total})

    def fail(self, program: str, number: int, error: BaseException) -> None:
        """Reports a failure; from here the program's plans are dropped."""
        self.session.plan_failed(program, error)
        cause = error.cause if isinstance(error, PlanFailed) else error
        body = failure_body(cause, f"plan {number} of {program}")
        self.events.send("failed", {**body, "program": program, "number": number})

    def report_log(self) -> None:
        """Sends what was logged since, by this thread or by those that read images."""
        while not self.log.records.empty():
            self.events.send("log", self.log.records.get_nowait())

    def close(self) -> None:
        """Delivers the last messages and ends the threads."""
        self.answer_later(wait=True)
        self.session.close()
        logging.getLogger().removeHandler(self.log)
        self.control.end()
        self.work.socket.close(linger=_LINGER_MS)
        self.events.socket.close(linger=_LINGER_MS)


def read_work(frames: Sequence[memoryview]) -> Work:
    """One message from `work`, checked."""
    try:
        message = unpack(frames)
    except MalformedMessage as error:
        return Refused(error, error.message_kind, error.request)
    try:
        checked = check_request(message)
    except HostError as error:
        program = message.body.get("program")
        return Refused(error, message.kind, message.id, program if isinstance(program, str) else None)
    return Plan.of(checked) if checked.kind == "plan" else checked


class EventLog(logging.Handler):
    """Collects warnings and log records of every thread, for the main thread, which owns the socket: `report` sends them. What
    the main thread logs goes out at once, since it may say what takes long."""

    def __init__(self, report: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._report, self._owner = report, threading.get_ident()
        self.records: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)
        logging.getLogger("f2c_host").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "info"
        self.records.put({"level": level, "message": self.format(record)})
        if threading.get_ident() == self._owner:
            self._report()
