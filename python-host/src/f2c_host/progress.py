"""Where the work is: written by the main thread, read by the control thread for the heartbeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Progress:
    """The last finished step, what is being done, and when something was last finished."""

    step: int = -1
    busy: str = "idle"
    moved: float = field(default_factory=time.monotonic)

    def touch(self) -> None:
        """Something was finished: a step, or a batch of embeddings."""
        self.moved = time.monotonic()
