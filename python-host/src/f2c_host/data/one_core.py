"""Threads that compute on one core each."""

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
    with _CHANGING:
        others = torch.get_num_threads()
        torch.set_num_threads(1)
        # It also set what threads yet to come begin with, which only another thread can set back without undoing this.
        restore = threading.Thread(target=torch.set_num_threads, args=(others,))
        try:
            restore.start()
        except RuntimeError:
            torch.set_num_threads(others)
            raise
        restore.join()
