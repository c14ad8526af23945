"""What the file of a tool provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from .run import Run

Outcome = Literal["complete", "interrupted", "failed"]


class Writer(Protocol):
    """Writes a run into a tool's own form. What has been written need not be there before `flush`."""

    where: str
    """How the run is looked at, in a sentence."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a step, by their tags."""

    def resumed(self, step: int) -> None:
        """The run went back to before `step`: what was written of it and of later ones does not hold."""

    def flush(self) -> None: ...

    def end(self, outcome: Outcome) -> None:
        """The run has ended. Nothing is written after this."""


Start = Callable[[Run, Mapping[str, Any], int, dict[str, Any]], Writer]
"""`start(run, options, step, kept)`: a writer of the run from `step` on, with the tool's options. What is put into `kept` is
there again when the run goes on in another process: the tool's own id of the run, for one."""
