"""How threads that compute together wait for each other."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

# What a user may have decided about waiting themselves, for GNU's OpenMP and for Intel's.
_DECIDED = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_SHORT = "1000"


def wait_awake_only_shortly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Before torch is imported: lets threads look only shortly for the others' end before they sleep.

    A step is thousands of operations, and after each the faster thread waits for the slower. GNU's OpenMP lets it look for
    milliseconds, which takes the core from the very thread that it waits for as soon as other processes want the cores
    too: a step of the quickstart then took 12 to 37 s instead of 0.3. Not to look at all makes it half as slow again on
    an idle machine. `npm run bench -- threads` measures both. What a user has set stays."""
    if not any(name in environment for name in _DECIDED):
        environment["GOMP_SPINCOUNT"] = _SHORT
