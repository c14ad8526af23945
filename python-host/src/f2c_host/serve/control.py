"""The control socket: handshake first, then a thread that answers while the main thread computes."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import zmq

from ..errors import HostError
from ..process.lifetime import DriverWatch, Interruption, leave_at_once
from ..run.progress import Progress
from ..wire.frames import MalformedMessage, Message, pack, unpack
from ..wire.protocol import EXIT_OK, EXIT_REJECTED, check_control, error_body

STOP = b"stop"
_END = b"end"
_WAKE_ENDPOINT = "inproc://control-to-work"


def say_hello(control: zmq.Socket, hello: dict[str, Any]) -> None:
    """Says hello; `await_welcome` awaits the answer, and the host can import the rest in between."""
    control.send_multipart(pack(Message("hello", hello, id=1)))


def await_welcome(control: zmq.Socket) -> float:
    """Waits for the driver's word: the seconds between heartbeats, or exit with 4 if it rejects this host."""
    while True:
        message = check_control(unpack(control.recv_multipart()))
        match message.kind:
            case "welcome":
                return message.body["heartbeat"]
            case "reject":
                hint = f"\n{message.body['hint']}" if message.body["hint"] else ""
                reason = f"{message.body['code']}: {message.body['message']}{hint}"
                leave_at_once(EXIT_REJECTED, f"f2c-host: rejected by the driver: {reason}")
            case "goodbye":
                leave_at_once(EXIT_OK)


class ControlThread:
    """Beats every `heartbeat` seconds, obeys `stop` and `goodbye`. It blocks on its sockets, so it costs
    the main thread nothing. `wakes` is the main thread's end: it receives STOP, once for each."""

    def __init__(
        self,
        control: zmq.Socket,
        heartbeat: float,
        progress: Progress,
        watch: DriverWatch,
        interruption: Interruption,
    ):
        self._control = control
        self._heartbeat = heartbeat
        self._progress = progress
        self._watch = watch
        self._interruption = interruption
        self._sent = 1  # hello
        self.wakes = control.context.socket(zmq.PAIR)
        self.wakes.bind(_WAKE_ENDPOINT)
        self._main = control.context.socket(zmq.PAIR)
        self._main.connect(_WAKE_ENDPOINT)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """From here the control socket belongs to the thread."""
        self._thread.start()

    def end(self) -> None:
        """Closes the control socket and waits for the thread."""
        self.wakes.send(_END)
        self._thread.join()
        self.wakes.close(linger=0)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        poller.register(self._main, zmq.POLLIN)
        next_beat = time.monotonic()
        while True:
            if time.monotonic() >= next_beat:
                self._watch.check()
                self._beat()
                next_beat = time.monotonic() + self._heartbeat
            ready = dict(poller.poll(max(1, 1000 * (next_beat - time.monotonic()))))
            if self._main in ready and self._main.recv() == _END:
                break
            if self._control in ready:
                self._obey(self._control.recv_multipart())
        self._main.close(linger=0)
        self._control.close(linger=1000)

    def _obey(self, frames: list[bytes]) -> None:
        try:
            message = check_control(unpack(frames))
        except HostError as error:
            request = error.request if isinstance(error, MalformedMessage) else None
            self._send("error", error_body(error), request)
            return
        if message.kind == "stop":
            self._interruption.ask()
            self._main.send(STOP)
        elif message.kind == "goodbye":
            leave_at_once(EXIT_OK)

    def _beat(self) -> None:
        progress = self._progress
        idle_for = time.monotonic() - progress.moved
        body = {"program": progress.program, "number": progress.number, "busy": progress.busy}
        self._send("heartbeat", {**body, "progress": idle_for})

    def _send(self, kind: str, body: dict[str, Any], re: int | None = None) -> None:
        self._sent += 1
        # A driver that doesn't listen must not stop this thread: it still watches for the driver's end.
        with suppress(zmq.Again):
            self._control.send_multipart(pack(Message(kind, body, id=self._sent, re=re)), zmq.DONTWAIT)
