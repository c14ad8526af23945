"""Cases that repeat a property or take long: `npm test` takes a share of them, and with F2C_LONG=1 (`npm run test:long`) all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

ALL = bool(os.environ.get("F2C_LONG"))

# Cases that take more than some twenty seconds of a core.
LONG = pytest.mark.skipif(not ALL, reason="takes long: set F2C_LONG=1")


def share(few: int, *, of: int) -> int:
    """How many of that many random cases."""
    return of if ALL else few


def with_long(cases: Iterable[Any], *long: Any) -> list[Any]:
    """Parameters of a test, some of which take long."""
    return [pytest.param(case, marks=LONG) if case in long else case for case in cases]
