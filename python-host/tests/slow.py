"""Cases that take more than some twenty seconds of a core: run with F2C_SLOW=1."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

SLOW = pytest.mark.skipif(not os.environ.get("F2C_SLOW"), reason="slow: set F2C_SLOW=1")


def with_slow(cases: Iterable[Any], *slow: Any) -> list[Any]:
    """Parameters of a test, some of which are slow."""
    return [pytest.param(case, marks=SLOW) if case in slow else case for case in cases]
