"""What goes to the driver on one socket, and how much of it has not left this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import zmq

from ..wire.frames import Message, pack

# Beyond either of these nothing more should be made for the driver.
MESSAGES = 64
BYTES = 64 << 20
_NO_BUFFERS: Mapping[str, np.ndarray] = MappingProxyType({})


class Outbox:
    """Numbers messages and sends them. Buffers are not copied; each is held until the socket has written it."""

    def __init__(self, socket: zmq.Socket):
        self.socket = socket
        socket.copy_threshold = 0  # small buffers are counted like large ones
        self._sent = 0
        self._unsent: deque[tuple[int, zmq.MessageTracker]] = deque()

    @property
    def full(self) -> bool:
        """Whether the driver has fallen behind: as many messages or bytes as may wait are still here."""
        self._forget_sent()
        waiting = sum(size for size, _ in self._unsent)
        return waiting >= BYTES or not self.socket.getsockopt(zmq.EVENTS) & zmq.POLLOUT

    def send(
        self,
        kind: str,
        body: Mapping[str, Any],
        buffers: Mapping[str, np.ndarray] = _NO_BUFFERS,
        re: int | None = None,
    ) -> None:
        """Sends a message; waits only if as many as may wait do so."""
        self._sent += 1
        frames = pack(Message(kind, dict(body), dict(buffers), id=self._sent, re=re))
        if not buffers:
            self.socket.send_multipart(frames)
            return
        tracker = self.socket.send_multipart(frames, copy=False, track=True)
        self._forget_sent()
        self._unsent.append((sum(array.nbytes for array in buffers.values()), tracker))

    def _forget_sent(self) -> None:
        while self._unsent and self._unsent[0][1].done:
            self._unsent.popleft()
