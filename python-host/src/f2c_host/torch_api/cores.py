"""How many cores torch's operations in a thread run on."""

from __future__ import annotations

import threading

import torch

_CHANGING = threading.Lock()


def compute_on_one_core() -> None:
    """Makes torch's operations in this thread run on it alone; other threads keep their number.

    Every thread that runs an operation on several cores gets workers of its own from OpenMP. As soon as all of
    them outnumber the cores, workers no longer wait awake for the next operation (libgomp's GOMP_SPINCOUNT): a
    reader that drew its images so, even once, made each small operation of every later step slower.
    """
    compute_on(1)


def compute_on(cores: int, others: int | None = None) -> None:
    """Makes torch's operations in this thread run on so many cores. Threads yet to come begin with `others`, or with what this
    one had."""
    with _CHANGING:
        # Before a thread's first question it has no number of its own: its first operation would take what threads begin with.
        had = torch.get_num_threads()
        others = had if others is None else others
        torch.set_num_threads(cores)
        # It also set what threads yet to come begin with, which only another thread can set back without undoing this.
        restore = threading.Thread(target=torch.set_num_threads, args=(others,))
        try:
            restore.start()
        except RuntimeError:
            torch.set_num_threads(others)
            raise
        restore.join()
