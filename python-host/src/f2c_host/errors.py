"""The one error that crosses the bridge: a code, whose fault it is, what to do, and where in the user's source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

ErrorClass = Literal["user", "host", "resource", "fault"]


@dataclass(frozen=True)
class Frame:
    """A place in one of the IR's sources; offsets count UTF-16 units, as TypeScript does."""

    path: str
    start: int
    end: int


@dataclass
class HostError(Exception):
    """Raised for anything that the driver shall show. `kind` says whose fault: the experiment's (user), the
    set-up's (host), the machine's (resource) or ours (fault)."""

    code: str
    message: str
    kind: ErrorClass = "user"
    hint: str | None = None
    frames: list[Frame] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def listed(items: Sequence[str], separator: str = ", ", most: int = 3) -> str:
    """The first of the items, and how many more there are: for a message that names what it is about."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return f"{separator.join(items[:most])}{more}"
