"""Reads batches in threads, ahead of the step that needs them, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from f2c_host.data import Source
from f2c_host.errors import HostError
from f2c_host.torch_api.cores import compute_on_one_core


@dataclass(eq=False)
class _Batch:
    source: Source
    indices: np.ndarray
    state: Literal["waiting", "reading", "done", "forgotten"] = "waiting"
    images: torch.Tensor | None = None
    error: BaseException | None = None


class Prefetcher:
    """Batches are submitted under a key, read in the order of submission, and taken once each.

    `depth` batches at most are read ahead and not taken yet; more may be submitted, they cost their indices.
    Taking a batch that no thread has begun reads it in the caller's thread, so that taking in any order, or
    with no threads at all, cannot deadlock. `pin`: page-locked memory when there is a CUDA device.
    """

    def __init__(self, threads: int, depth: int, pin: bool = False) -> None:
        if threads < 0 or depth < 1:
            raise ValueError(f"a prefetcher needs threads >= 0 and depth >= 1, got {threads} and {depth}")
        self._depth = depth
        self._pin = pin and torch.cuda.is_available()
        self._changed = threading.Condition()
        self._batches: dict[Hashable, _Batch] = {}
        self._queue: deque[_Batch] = deque()
        self._ahead = 0
        self._closed = False
        ready = threading.Barrier(threads + 1)
        self._threads: list[threading.Thread] = []
        try:
            for number in range(threads):
                name = f"prefetch-{number}"
                thread = threading.Thread(target=self._work, args=[ready], name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
            ready.wait()
        except BaseException as error:
            ready.abort()
            self.close()
            if not isinstance(error, RuntimeError):
                raise
            raise HostError(
                "F2C6606",
                f"the {threads} threads that read images could not be started",
                "resource",
                "raise the limit of processes and threads (ulimit -u)",
            ) from error

    def submit(self, key: Hashable, source: Source, indices: np.ndarray) -> None:
        """Announces that `take(key)` will want these images; returns at once."""
        with self._changed:
            if self._closed:
                raise _misuse(f"batch {key!r} was submitted to a closed prefetcher")
            if key in self._batches:
                raise _misuse(f"batch {key!r} was submitted twice")
            batch = _Batch(source, np.array(indices, copy=True))
            self._batches[key] = batch
            self._queue.append(batch)
            self._changed.notify_all()

    def take(self, key: Hashable) -> torch.Tensor:
        """The images uint8 [n, C, H, W], dense; waits for them, and raises what reading them raised."""
        with self._changed:
            batch = self._batches.get(key)
            if batch is None:
                raise _misuse(f"batch {key!r} was never submitted, or taken already")
            unread = batch.state == "waiting"
            if unread:
                batch.state = "reading"
                self._ahead += 1
        if unread:
            self._read(batch)
        with self._changed:
            self._changed.wait_for(lambda: batch.state in ("done", "forgotten"))
            if batch.state == "forgotten":
                raise _misuse(f"batch {key!r} was forgotten while it was waited for")
            del self._batches[key]
            self._ahead -= 1
            self._changed.notify_all()
        if batch.error is not None:
            raise batch.error
        return batch.images

    def forget_all(self) -> None:
        """Drops every batch that was not taken; one that is being read is dropped when it is read."""
        with self._changed:
            for batch in self._batches.values():
                if batch.state == "done":
                    self._ahead -= 1
                batch.state = "forgotten"
            self._batches.clear()
            self._queue.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Drops everything and ends the threads; a batch that is being read is read to its end first."""
        self.forget_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, ready: threading.Barrier) -> None:
        try:
            compute_on_one_core()
            ready.wait()
        except (RuntimeError, threading.BrokenBarrierError):
            ready.abort()
            return
        while (batch := self._next()) is not None:
            self._read(batch)

    def _next(self) -> _Batch | None:
        with self._changed:
            while not self._closed:
                # Batches that a caller read itself are still queued.
                while self._queue and self._queue[0].state != "waiting":
                    self._queue.popleft()
                if self._queue and self._ahead < self._depth:
                    batch = self._queue.popleft()
                    batch.state = "reading"
                    self._ahead += 1
                    return batch
                self._changed.wait()
            return None

    def _read(self, batch: _Batch) -> None:
        images, error = None, None
        try:
            images = batch.source.read(batch.indices)
            if not images.is_contiguous(memory_format=torch.channels_last):
                images = images.contiguous()
            if self._pin:
                images = images.pin_memory()
        except BaseException as caught:
            error = caught
        with self._changed:
            if batch.state == "forgotten":
                self._ahead -= 1
            else:
                batch.images, batch.error, batch.state = images, error, "done"
            self._changed.notify_all()


def _misuse(message: str) -> HostError:
    return HostError(
        "F2C6190", f"internal: {message}", kind="fault", hint="report this with the session's recording"
    )
