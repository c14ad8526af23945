"""What one driver has set up in this host: a program, its sources, the last step; and the answer to each
request.

No sockets here: the server feeds it from the bridge, replay from a file.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import checkpoint
from .data import Source, open_source, positions_of_broken
from .data.contact_sheet import write_contact_sheet
from .data.image_folder import ImageFolder
from .data.prefetch import Prefetcher
from .errors import HostError
from .executor import Plan, PlanExecutor, StepFailed, StepReport
from .export import export_function
from .ir import parse_module
from .lifetime import Interruption
from .program import Program
from .progress import Progress
from .similarity import embedding_similarities, pixel_similarities
from .wire import Message

# Plans whose images are read ahead; each holds a batch in memory.
PLANS_AHEAD = 4

_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?")


@dataclass(frozen=True)
class Answer:
    """The reply to a request: a body, and buffers if it returns data."""

    body: Mapping[str, Any] = field(default_factory=dict)
    buffers: Mapping[str, np.ndarray] = field(default_factory=dict)


class Session:
    """Executes requests and plans in order, and keeps what they build."""

    def __init__(self, progress: Progress | None = None, interruption: Interruption | None = None):
        self.progress = progress or Progress()
        self._interruption = interruption
        self.on_part: Callable[[int, int], None] = lambda _done, _total: None
        self.finished = False
        self._program: Program | None = None
        self._executor: PlanExecutor | None = None
        self._prefetcher: Prefetcher | None = None
        self._sources: dict[str, Source] = {}
        self._next_step: int | None = None  # None: the storage holds nothing yet
        self._failed = False
        self._damage: str | None = None  # what broke off while it changed the storage
        self._requests: Mapping[str, Callable[[dict[str, Any], Mapping[str, np.ndarray]], Answer]] = {
            "load": self._load,
            "source": self._source,
            "init": self._init,
            "sync": self._sync,
            "similarities": self._similarities,
            "save": self._save,
            "restore": self._restore,
            "export": self._export,
            "preview": self._preview,
            "inspect": self._inspect,
            "read": self._read,
            "shutdown": self._shutdown,
        }

    # Plans

    @property
    def drops_plans(self) -> bool:
        """Whether a plan has failed, and no `init` or `restore` came since."""
        return self._failed

    @property
    def expected_step(self) -> int:
        """The step that the next plan should have."""
        return self._next_step or 0

    @property
    def in_flight(self) -> bool:
        """Whether steps were launched whose reports are still to come."""
        return self._executor is not None and self._executor.in_flight

    def look_ahead(self, plans: Iterable[Plan]) -> None:
        """Begins to read the images of the next plans. What is wrong with them is said when they run."""
        if self._executor is None or self._failed or self._next_step is None:
            return
        coming = [plan for plan in plans if plan.step >= self._next_step][:PLANS_AHEAD]
        for plan in coming:
            source = self._sources.get(plan.source)
            if source is not None:
                with contextlib.suppress(HostError):
                    self._executor.announce(plan, source)

    def run_plan(self, plan: Plan) -> StepReport | None:
        """Launches a plan's step, to be reported by `finished_steps`; a report at once if it ran before."""
        executor = self._ready_executor()
        self._whole_program()
        if plan.step < self._next_step:
            return StepReport(plan.step, {}, 0.0, 0.0, skipped=True)
        if plan.step > self._next_step:
            raise HostError(
                "F2C6505",
                f"plan {plan.step} came where plan {self._next_step} was expected",
                "host",
                "plans go out in order without a gap; after a stop, `sync` tells the last executed step",
            )
        executor.run(plan, self._named_source(plan.source), self.progress)
        self._next_step += 1
        return None

    def finished_steps(self, wait: bool = False) -> Iterable[StepReport]:
        """Reports of launched steps that are available; with `wait`, of all. May raise StepFailed."""
        if self._executor is None:
            return
        for report in self._executor.finished(wait):
            self.progress.step = report.step
            self.progress.touch()
            yield report

    def plan_failed(self, error: BaseException) -> None:
        """From here plans are dropped. A step that had begun leaves the state unusable."""
        self._failed = True
        if isinstance(error, StepFailed):
            self._damage = "a step failed halfway"
        self.forget_plans()

    def forget_plans(self) -> None:
        """Drops the images that were read for plans that will not run."""
        if self._executor is not None:
            self._executor.forget()

    # Requests

    def answer(self, request: Message) -> Answer:
        """Executes one checked request other than a plan."""
        return self._requests[request.kind](request.body, request.buffers)

    def close(self) -> None:
        """Ends the loader's threads."""
        if self._prefetcher is not None:
            self._prefetcher.close()

    def _load(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        started = time.perf_counter()
        module = parse_module(body["ir"])
        device, threads = _device(body["device"]), body["threads"]
        program = Program(module, backend=body["backend"], device=device, threads=threads)
        on_gpu = program.device.type == "cuda"
        prefetcher = Prefetcher(body["readers"] or _readers(), PLANS_AHEAD, pin=on_gpu)
        self.close()  # only now: a `load` that fails leaves the program before it whole
        self._program, self._prefetcher = program, prefetcher
        self._executor = PlanExecutor(program, prefetcher)
        self._set_step(None)
        seconds = time.perf_counter() - started
        return Answer(
            {"parameters": program.parameter_count, "bytes": program.state_bytes, "seconds": seconds}
        )

    def _source(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        source = open_source(body["spec"], dict(buffers))
        self._sources[body["name"]] = source
        self.forget_plans()  # they may have been read from the one that it replaces
        return Answer({"images": len(source), "shape": list(source.shape)})

    def _init(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        program = self._ready_program()
        self._damage = "`init` broke off"
        program.initialise(body["seed"])
        self._begin(0, body["seed"])
        return Answer()

    def _sync(self, _: dict[str, Any], __: Mapping[str, np.ndarray]) -> Answer:
        return Answer({"step": self.progress.step})

    def _similarities(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        program = self._ready_program() if body["function"] is None else self._whole_program()
        prefetcher = self._prefetcher
        source = self._named_source(body["source"])
        images, pairs, batch = buffers["images"], buffers["pairs"], body["batch"]
        self.forget_plans()  # an evaluation has the loader for itself
        try:
            similarity = (
                pixel_similarities(source, prefetcher, images, pairs, batch, self._part_done)
                if body["function"] is None
                else embedding_similarities(
                    program, body["function"], source, prefetcher, images, pairs, batch, self._part_done
                )
            )
        finally:
            prefetcher.forget_all()
        return Answer({}, {"similarity": similarity, "broken": positions_of_broken(source, images)})

    def _part_done(self, done: int, total: int) -> None:
        """Between two parts of a long request: tells how far it is, and stops it if the driver asks for that."""
        self.progress.touch()
        self.on_part(done, total)
        if self._interruption is not None:
            self._interruption.check()

    def _save(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        storage = self._whole_program().storage
        self._refuse_unknown(body["finite"])
        saved = checkpoint.save(storage, Path(body["path"]), body["finite"])
        return Answer({"bytes": saved.bytes, "sha256": saved.sha256, "step": self.progress.step})

    def _restore(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        def before_change() -> None:
            self._damage = "`restore` broke off"

        storage = self._ready_program().storage
        checkpoint.restore(storage, Path(body["path"]), before_change, body["sha256"])
        self._begin(body["step"] + 1, body["seed"])
        return Answer()

    def _export(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        export_function(self._whole_program(), body["function"], body["torchscript"], body["weights"])
        return Answer()

    def _preview(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        images = self._named_source(body["source"]).read(buffers["images"])
        width, height = write_contact_sheet(images, body["columns"], body["path"])
        return Answer({"width": width, "height": height})

    def _inspect(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        source = self._named_source(body["source"])
        if not isinstance(source, ImageFolder):
            raise HostError(
                "F2C6114",
                f"the images of `{body['source']}` lie in no files that could be inspected",
                hint="inspect a source of kind image_folder",
            )
        found = source.inspect(buffers["images"])
        return Answer({"broken": found.broken}, found.arrays)

    def _read(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        storage = self._whole_program().storage
        self._refuse_unknown(body["names"])
        return Answer({}, {name: _readable(storage[name]) for name in body["names"]})

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        storage = self._ready_program().storage
        unknown = [name for name in names if name not in storage]
        if unknown:
            raise HostError("F2C6315", f"the program has no parameter or state `{unknown[0]}`", "user")

    def _shutdown(self, _: dict[str, Any], __: Mapping[str, np.ndarray]) -> Answer:
        self.finished = True
        return Answer()

    def _begin(self, step: int, seed: int) -> None:
        self._ready_executor().seed = seed
        self._set_step(step)

    def _set_step(self, next_step: int | None) -> None:
        self._next_step = next_step
        self._failed, self._damage = False, None
        self.progress.step = (next_step or 0) - 1
        self.progress.touch()
        self.forget_plans()

    def _ready_program(self) -> Program:
        if self._program is None:
            raise _out_of_place("no program is loaded", "send `load` first")
        return self._program

    def _whole_program(self) -> Program:
        """The program, once its storage holds a state that nothing broke off in."""
        program = self._ready_program()
        if self._next_step is None or self._damage:
            reason = self._damage or "nothing was initialised"
            raise _out_of_place(f"there is no whole state: {reason}", "send `init` or `restore` first")
        return program

    def _ready_executor(self) -> PlanExecutor:
        self._ready_program()
        assert self._executor is not None
        return self._executor

    def _named_source(self, name: str) -> Source:
        source = self._sources.get(name)
        if source is None:
            known = ", ".join(self._sources) or "none"
            raise _out_of_place(f"no source is called `{name}` (open: {known})", "send `source` first")
        return source


def _readers() -> int:
    # Half of the cores read images; the other half computes.
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def _device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise HostError("F2C6603", f"`{name}` is not a device", "user", "use auto, cpu, cuda or cuda:0")
    return name


def _readable(tensor: Tensor) -> np.ndarray:
    """f64 stays, other floats become f32, all else i64: what a JavaScript typed array can hold. Always a copy, since the
    next step may write to the storage while the bridge still sends."""
    value = tensor.detach()
    dtype = torch.int64
    if value.is_floating_point():
        dtype = torch.float64 if value.dtype == torch.float64 else torch.float32
    return value.to("cpu", dtype, copy=True, memory_format=torch.contiguous_format).numpy()


def _out_of_place(message: str, hint: str) -> HostError:
    return HostError("F2C6504", message, "host", hint)
