"""What the driver has set up in this host under names of its choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..errors import HostError

Thing = TypeVar("Thing")

# What it is, what is said of those that there are, and the request that makes one.
_SET_UP = {"program": ("loaded", "load"), "source": ("open", "source"), "matrix": ("kept", "embed")}


def named(what: str, name: str, things: Mapping[str, Thing]) -> Thing:
    """The program, source or matrix (`what`) of that name. Raises F2C6504 where none is called so."""
    if name in things:
        return things[name]
    are, request = _SET_UP[what]
    known = ", ".join(things) or "none"
    raise HostError(
        "F2C6504", f"no {what} is called `{name}` ({are}: {known})", "host", f"send `{request}` first"
    )
