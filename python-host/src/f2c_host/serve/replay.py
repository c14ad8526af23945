"""Executes a recorded session without a driver: a bug report, a test and a benchmark in one file."""

from __future__ import annotations

import json
import math
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from ..errors import HostError
from ..run.executor import Plan, PlanFailed, Report
from ..wire.failure import as_host_error, failure_body
from ..wire.frames import MAX_BODY_BYTES, MAX_BUFFER_BYTES, MAX_BUFFERS, unpack
from ..wire.protocol import EXIT_FAULT, EXIT_OK, check_request
from .session import Session

_NUMBER = struct.Struct("<I")
_MESSAGES_AHEAD = 16

# A replay changes no file: these write, and are passed over.
WRITES = ("save", "export", "convert", "preview", "draw")


def replay(path: Path, limit: int | None = None, out: TextIO = sys.stdout) -> int:
    """Runs the recording, at most `limit` plans of it. Prints one JSON line a plan, as `events/result`, and
    a last line {"plans", "seconds", "wall"}: seconds of execution, and from the first message to the last.
    Returns the exit code."""
    session = Session()
    totals = _Totals(out)
    begun = time.perf_counter()
    failure: BaseException | None = None
    try:
        _execute(session, path, limit, totals)
    except (Exception, KeyboardInterrupt) as error:
        failure = error.cause if isinstance(error, PlanFailed) else error
    finally:
        session.close()
    if failure is not None:
        known = as_host_error(failure, "the replay")
        _print_line(out, {"failed": failure_body(failure, "the replay")})
        print(f"f2c-host: {known}" + (f"\n{known.hint}" if known.hint else ""), file=sys.stderr)
    _print_line(out, {"plans": totals.plans, "seconds": totals.seconds, "wall": time.perf_counter() - begun})
    return EXIT_OK if failure is None else EXIT_FAULT


def read_recording(file: BinaryIO) -> Iterator[list[bytes]]:
    """The messages of a recording, each a list of frames. A recording that ends within a message (its
    driver was killed) gives all messages before it."""
    while (count := _read_number(file)) is not None:
        if count > MAX_BUFFERS + 2:
            raise _no_recording(f"a message of {count} frames")
        frames: list[bytes] = []
        for _ in range(count):
            size = _read_number(file)
            if size is None:
                return
            if size > max(MAX_BODY_BYTES, MAX_BUFFER_BYTES):
                raise _no_recording(f"a frame of {size} bytes")
            frame = file.read(size)
            if len(frame) < size:
                return
            frames.append(frame)
        yield frames


class _Totals:
    def __init__(self, out: TextIO):
        self.out = out
        self.plans = 0
        self.seconds = 0.0
        self.began = time.perf_counter()

    def add(self, report: Report) -> None:
        if not report.skipped:
            self.plans += 1
            self.seconds += report.seconds
        _print_line(self.out, report.body() | {"elapsed": time.perf_counter() - self.began})


def _execute(session: Session, path: Path, limit: int | None, totals: _Totals) -> None:
    with open(path, "rb") as file:
        coming = (check_request(unpack(frames)) for frames in read_recording(file))
        work = (Plan.of(message) if message.kind == "plan" else message for message in coming)
        queue: deque[Any] = deque()
        launched = 0
        while not session.finished and (limit is None or launched < limit):
            while len(queue) < _MESSAGES_AHEAD and (item := next(work, None)) is not None:
                queue.append(item)
            if not queue:
                break
            session.look_ahead(takewhile(lambda item: isinstance(item, Plan), queue))
            item = queue.popleft()
            if isinstance(item, Plan):
                skipped = session.run_plan(item)
                launched += skipped is None
                if skipped is not None:
                    totals.add(skipped)
            elif item.kind not in WRITES:
                _report(session, totals, wait=True)
                session.answer(item)
            _report(session, totals)
        _report(session, totals, wait=True)


def _report(session: Session, totals: _Totals, wait: bool = False) -> None:
    for report in session.finished_plans(wait):
        totals.add(report)


def _read_number(file: BinaryIO) -> int | None:
    data = file.read(_NUMBER.size)
    return _NUMBER.unpack(data)[0] if len(data) == _NUMBER.size else None


def _no_recording(what: str) -> HostError:
    return HostError(
        "F2C6507",
        f"this file is not a recording: it has {what}",
        "user",
        "see `Recordings` in docs/protocol.md",
    )


def _print_line(out: TextIO, value: dict[str, Any]) -> None:
    print(json.dumps(_finite(value), allow_nan=False), file=out, flush=True)


def _finite(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
