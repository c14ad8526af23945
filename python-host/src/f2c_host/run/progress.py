"""Where the work is: written by the main thread, read by the control thread for the heartbeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Progress:
    """The last finished plan, what is being done, and when something was last finished."""

    program: str | None = None
    number: int = -1
    busy: str = "idle"
    moved: float = field(default_factory=time.monotonic)

    def finished(self, program: str, number: int) -> None:
        """A plan was finished, or a program begins after one that was."""
        self.program, self.number = program, number
        self.touch()

    def touch(self) -> None:
        """Something was finished: a plan, or a batch of embeddings."""
        self.moved = time.monotonic()
