"""A program in a session: what its plans have reached, and whether its state is whole."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.prefetch import Prefetcher
from ..errors import HostError
from ..torch_api.cores import compute_on_one_core
from . import checkpoint
from .checkpoint import Saved
from .embedding import ProgramRows
from .executor import Plan, PlanExecutor, PlanFailed, Report
from .progress import Progress
from .snapshot import Snapshot, WrittenRows, written_rows

if TYPE_CHECKING:
    from ..data import Source
    from .program import Program
    from .weights_file import WeightsFile

# Plans whose images are read ahead; each holds a batch in memory.
PLANS_AHEAD = 4

_REST = 1.0
"""How long the writer of a checkpoint rests while a plan runs, by how long it works: it takes a core from the plan."""


class LoadedProgram:
    """Runs plans in order, each once. Everything that changes the state says so before and after, so that nothing is made of a
    state in which something broke off."""

    def __init__(self, name: str, program: Program, prefetcher: Prefetcher, files: Mapping[str, WeightsFile]):
        self.name = name
        self.files = files  # that the program may start from
        self.program = program
        self.prefetcher = prefetcher
        self.executor = PlanExecutor(program, prefetcher)
        self.done = -1  # the last plan that was reported
        self._next: int | None = None  # None: the storage holds nothing yet
        self._failed = False
        self._damage: str | None = None  # what broke off while it changed the storage
        self._writer = ThreadPoolExecutor(1, "checkpoint", compute_on_one_core)
        self._saving: Future[Saved] | None = None
        self._snapshot: Snapshot | None = None  # while it is being written
        self._idle = threading.Event()  # while no plan runs
        self._idle.set()

    @property
    def drops_plans(self) -> bool:
        """Whether a plan has failed, and no `init` or `restore` came since."""
        return self._failed

    @property
    def expected(self) -> int:
        """The number that the next plan should have."""
        return self._next or 0

    def look_ahead(self, plans: Iterable[Plan], sources: Mapping[str, Source]) -> None:
        """Begins to read the images of the next plans. What is wrong with them is said when they run."""
        if self._failed or self._next is None:
            return
        coming = [plan for plan in plans if plan.number >= self._next][:PLANS_AHEAD]
        for plan in coming:
            with contextlib.suppress(HostError):
                self.executor.announce(plan, sources)

    def run(self, plan: Plan, sources: Mapping[str, Source], progress: Progress) -> Report | None:
        """Launches a plan, to be reported by `finished`; a report at once if it ran before."""
        self.whole()
        if plan.number < self._next:
            return Report(self.name, plan.number, skipped=True)
        if plan.number > self._next:
            raise HostError(
                "F2C6505",
                f"plan {plan.number} came where plan {self._next} was expected",
                "host",
                "plans go out in order without a gap; after a stop, `sync` tells the last executed one",
            )
        if (snapshot := self._snapshot) is not None:
            snapshot.before(plan)
        self._idle.clear()
        try:
            self.executor.run(plan, sources, progress)
        finally:
            self._idle.set()
        self._next += 1
        return None

    def finished(self, wait: bool) -> Iterable[Report]:
        """Reports of launched plans that are available; with `wait`, of all. May raise PlanFailed."""
        for report in self.executor.finished(wait):
            self.done = report.number
            yield report

    def fail(self, error: BaseException) -> None:
        """From here plans are dropped. One that had begun leaves the state unusable."""
        self._failed = True
        if isinstance(error, PlanFailed):
            self._damage = "a plan failed halfway"
        self.forget()

    def forget(self) -> None:
        """Drops the images that were read for plans that will not run."""
        self.executor.forget()

    def save(self, path: Path, finite: Collection[str]) -> Future[Saved]:
        """Begins to write the state as it is now, in a thread of its own, while plans go on. A second one waits for the first."""
        program = self.whole()
        self.settle()
        snapshot = self._snapshot = Snapshot(program.kept, self._written_rows, self._rest)
        self._saving = self._writer.submit(self._write, snapshot, path, finite)
        return self._saving

    @cached_property
    def _written_rows(self) -> WrittenRows:
        return written_rows(self.program.module)

    def _write(self, snapshot: Snapshot, path: Path, finite: Collection[str]) -> Saved:
        try:
            return checkpoint.save(snapshot.tensors, path, finite)
        finally:
            self._snapshot = None

    def _rest(self, worked: float) -> None:
        """Of the writer: gives a running plan its core back for a while, at most until the plan has run."""
        self._idle.wait(_REST * worked)

    def settle(self) -> None:
        """Waits until nothing is being saved. How it went is told to whoever began it."""
        if self._saving is not None:
            wait([self._saving])
            self._saving = None

    def changing(self, what: str) -> None:
        """The state is about to be written by `what`."""
        self.settle()
        self._damage = f"`{what}` broke off"

    def begin(self, number: int, seed: int) -> None:
        """The state is whole, and plan `number` comes next."""
        self.executor.seed = seed
        self._next, self.done = number, number - 1
        self._failed, self._damage = False, None
        self.forget()

    def whole(self) -> Program:
        """The program, once its storage holds a state that nothing broke off in."""
        if self._next is None or self._damage:
            reason = self._damage or "nothing was initialised"
            raise HostError(
                "F2C6504",
                f"there is no whole state: {reason}",
                "host",
                "send `init` or `restore` first",
            )
        return self.program

    def rows_of(self, function: str) -> ProgramRows:
        """What the function makes of images, of a state that is whole."""
        return ProgramRows(self.whole(), function)

    def close(self) -> None:
        """Ends the threads and lets the storage go, once what is being saved of it is."""
        self._writer.shutdown()
        self.prefetcher.close()
