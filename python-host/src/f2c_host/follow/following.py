"""The loop of a follower, and what it keeps in the run's folder."""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ..errors import HostError
from ..files.whole_file import whole_file
from ..process import lifetime
from ..wire.protocol import EXIT_CANNOT_START, EXIT_FAULT, EXIT_OK
from . import require, start_of
from .lines import Lines, Position
from .run import Run
from .tags import tagged
from .writer import Outcome, Writer

POLL_SECONDS = 0.2
# How long a tool may take to write the rest, once nobody is left who waits for it.
LAST_SECONDS = 600
_ALL_AT_ONCE = 1000  # lines between two flushes


def can_follow(tools: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Prints one line of JSON: whether all that these tools need is installed."""
    try:
        require(tools)
    except HostError as error:
        return _refused(error, out)
    _say(out, {"ok": True})
    return EXIT_OK


def follow(tool: str, folder: Path, options: Mapping[str, Any], out: TextIO = sys.stdout) -> int:
    """Writes the run into the tool until stdin ends, which the driver keeps open as long as the run lasts. Prints one line of
    JSON when it is about to begin: where the run can be looked at, or what keeps it from beginning."""
    lifetime.outlive_termination()
    lifetime.leave_the_terminal_group()
    os.nice(5)  # the run goes first
    run = Run(folder)
    kept = Kept(folder / "follow" / f"{tool}.json")
    try:
        writer = start_of(tool)(run, options, kept.position.step, kept.ids)
    except HostError as error:
        return _refused(error, out)
    except Exception as error:
        # What a tool says in many lines, it says in the first.
        _say(out, {"message": (str(error).strip() or type(error).__name__).splitlines()[0]})
        return EXIT_FAULT
    kept.save()
    _say(out, {"where": writer.where})
    lines = Lines(folder / "metrics.jsonl", kept.position)
    going_on = True
    while going_on:
        going_on = not _at_end(POLL_SECONDS)
        if not going_on:
            _leave_after(LAST_SECONDS)
        take_over(lines, writer, run, kept)
    writer.end(outcome_of(run, kept.position.step))
    lines.close()
    return EXIT_OK


def take_over(lines: Lines, writer: Writer, run: Run, kept: Kept) -> None:
    """Writes what is there now and was not there before."""
    count = 0
    for count, line in enumerate(lines.read(), start=1):
        if line.get("event") == "resumed":
            writer.resumed(line["step"])
        else:
            writer.scalars(line["step"], tagged(line, run.images_per_step))
        if count % _ALL_AT_ONCE == 0:
            writer.flush()
    if count:
        writer.flush()
        kept.save()


def outcome_of(run: Run, step: int) -> Outcome:
    """How a run ended of which the steps before `step` are known: one that failed leaves no summary of its last step."""
    summary = run.summary
    if summary.get("steps") != step:
        return "failed"
    return "interrupted" if summary.get("interrupted") else "complete"


class Kept:
    """What a follower knows when the run goes on in another process: how far it came, and what its tool calls the run."""

    def __init__(self, path: Path):
        self._path = path
        self.position = Position()
        self.ids: dict[str, Any] = {}
        try:
            found = json.loads(path.read_text("utf-8"))
            self.position, self.ids = Position(**found["position"]), dict(found["ids"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # it is the first one, or begins anew

    def save(self) -> None:
        self._path.parent.mkdir(exist_ok=True)
        with whole_file(self._path) as file:
            file.write(json.dumps({"position": asdict(self.position), "ids": self.ids}, indent=2).encode())


def _at_end(seconds: float) -> bool:
    """Waits this long for the end of stdin. What a person types is passed over."""
    ready, _, _ = select.select([0], [], [], seconds)
    try:
        return bool(ready) and not os.read(0, 4096)
    except OSError:
        return True


def _leave_after(seconds: float) -> None:
    timer = threading.Timer(seconds, lambda: lifetime.leave_at_once(EXIT_FAULT, "f2c-host: left unfinished"))
    timer.daemon = True
    timer.start()


def _refused(error: HostError, out: TextIO) -> int:
    _say(out, {"code": error.code, "message": error.message, "hint": error.hint})
    return EXIT_CANNOT_START


def _say(out: TextIO, line: Mapping[str, Any]) -> None:
    print(json.dumps(line), file=out, flush=True)
