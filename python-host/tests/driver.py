"""A driver in Python for the tests: binds the sockets, starts a real host, speaks the protocol with it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from f2c_host.wire.frames import Message, pack, unpack

PATIENCE_MS = 60_000
NO_BUFFERS: Mapping[str, np.ndarray] = {}


def write_recording(path: Path, messages: Iterable[Sequence[bytes]]) -> None:
    """The file that `f2c-host replay` reads."""
    with open(path, "wb") as file:
        for frames in messages:
            file.write(struct.pack("<I", len(frames)))
            for frame in frames:
                file.write(struct.pack("<I", len(frame)) + frame)


class HostErrorReply(Exception):
    """The host answered `error`; `body` is what it said."""

    def __init__(self, body: dict[str, Any]):
        super().__init__(f"{body['code']}: {body['message']}\n{body['python'] or ''}")
        self.body = body


class Driver:
    """Starts a host and waits for its hello. `record` collects what was sent on `work`."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "f2c_host", "serve")):
        self.folder = tempfile.TemporaryDirectory(prefix="f2c-")
        self.context = zmq.Context()
        self.sockets = {
            name: self.context.socket(kind)
            for name, kind in (("control", zmq.DEALER), ("work", zmq.DEALER), ("events", zmq.PULL))
        }
        self.sockets["events"].rcvhwm, self.sockets["work"].sndhwm = 64, 0  # as our driver's
        # To a host that is gone nothing can be sent: an error, and no waiting for ever.
        for name in ("control", "work"):
            self.sockets[name].sndtimeo = PATIENCE_MS
        endpoints = {name: f"ipc://{self.folder.name}/{name}" for name in self.sockets}
        for name, socket in self.sockets.items():
            socket.bind(endpoints[name])
        session = {
            "protocol": [2, 0],
            "endpoints": endpoints,
            "parent": os.getpid(),
            "token": "of this session",
        }
        self.host = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "F2C_SESSION": json.dumps(session), "OMP_NUM_THREADS": "1"},
        )
        self.sent = 0
        self.record: list[list[bytes]] = []

    def welcome(self) -> Message:
        """Accepts the host and returns its hello."""
        hello = self.receive("control")
        self.send_control("welcome", {"heartbeat": 0.1})
        return hello

    def receive(self, socket: str) -> Message:
        """The next message on a socket; an AssertionError with the host's stderr if none comes."""
        if not self.sockets[socket].poll(PATIENCE_MS):
            self.host.kill()
            raise AssertionError(f"nothing came on {socket}: {self.host.communicate()[1].decode()}")
        return unpack(self.sockets[socket].recv_multipart())

    def send_control(self, kind: str, body: dict[str, Any] | None = None) -> None:
        self.sockets["control"].send_multipart(pack(Message(kind, body or {})))

    def send(self, kind: str, body: dict[str, Any], buffers: Mapping[str, np.ndarray] = NO_BUFFERS) -> int:
        """Sends a request and returns its id."""
        self.sent += 1
        frames = [bytes(frame) for frame in pack(Message(kind, body, dict(buffers), id=self.sent))]
        self.record.append(frames)
        self.sockets["work"].send_multipart(frames)
        return self.sent

    def ask(self, kind: str, body: dict[str, Any], buffers: Mapping[str, np.ndarray] = NO_BUFFERS) -> Message:
        """Sends a request and returns its answer, or raises HostErrorReply."""
        request = self.send(kind, body, buffers)
        reply = self.receive("work")
        assert reply.re == request
        if reply.kind == "error":
            raise HostErrorReply(reply.body)
        return reply

    def event(self, kind: str) -> dict[str, Any]:
        """The body of the next event other than a log or how far a request is, which must be of this kind."""
        while (message := self.receive("events")).kind in ("log", "part"):
            pass
        assert message.kind == kind, message
        return message.body

    def heartbeat_until(self, accepts: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first heartbeat that is as wanted."""
        while True:
            beat = self.receive("control")
            if beat.kind == "heartbeat" and accepts(beat.body):
                return beat.body

    def close(self) -> int:
        """Ends the host, by force if it has not ended, and returns its exit code."""
        if self.host.poll() is None:
            self.host.kill()
        code = self.host.wait()
        for pipe in (self.host.stdin, self.host.stderr):
            pipe.close()
        self.context.destroy(linger=0)
        self.folder.cleanup()
        return code

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
