"""Who keeps the memory that a step frees: this process, and not the system."""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_MOST = 2**31 - 1
# More than an activation takes, less than a pool or a checkpoint; glibc before 2.35 takes 32 MiB at most.
_KEPT = (2**28, 2**25)
# What the heap grows by at least: fewer calls while the first step finds its size.
_TOP_PAD = 2**26


def keep_freed_memory() -> None:
    """Asks glibc not to give freed memory back to the system: a step frees its activations, and the next one needs as
    many. Otherwise the system hands each page out again, zeroed, every step. Blocks of 256 MiB and more, which are made
    once, still go back when they are freed. All threads use one heap: if each had one of its own, as glibc has it, a thread
    that runs a net would keep what the next step needs in another. Other C libraries stay as they are, and so does what the
    user has set in the environment."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    if not _is_set("ARENA_MAX"):
        mallopt(_M_ARENA_MAX, 1)
    if not _is_set("TOP_PAD"):
        mallopt(_M_TOP_PAD, _TOP_PAD)
    bounded = _is_set("MMAP_THRESHOLD") or any(mallopt(_M_MMAP_THRESHOLD, size) for size in _KEPT)
    # This alone would fix the bound between heap and system at its small start.
    if bounded and not _is_set("TRIM_THRESHOLD"):
        mallopt(_M_TRIM_THRESHOLD, _MOST)


def _is_set(parameter: str) -> bool:
    """Whether the user has set a parameter of glibc's allocator, in either of the two ways there are."""
    tunables = os.environ.get("GLIBC_TUNABLES", "").split(":")
    name = f"glibc.malloc.{parameter.lower()}="
    names = (f"MALLOC_{parameter}", f"MALLOC_{parameter}_")  # the second is of all but arenas
    return any(n in os.environ for n in names) or any(t.startswith(name) for t in tunables)
