"""Plans to steps: reads images ahead, runs the program's `step`, reports metrics when they exist."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .errors import HostError
from .initialise import seed_step
from .ir import FLOATS
from .progress import Progress
from .wire import DTYPE_NAMES, Message

if TYPE_CHECKING:
    from .data import Source
    from .data.prefetch import Prefetcher
    from .ir import Function, Input
    from .program import Program

STEP_FUNCTION = "step"

# On a GPU a step's metrics are read this many steps later at the latest, so that the launch queue never
# drains.
STEPS_IN_FLIGHT = 8


@dataclass(frozen=True)
class Plan:
    """What the driver decided for one step: numbers, small arrays, and which images each stream sees."""

    step: int
    source: str
    scalars: Mapping[str, bool | int | float]
    arrays: Mapping[str, np.ndarray]

    @staticmethod
    def of(message: Message) -> Plan:
        """The plan in a checked `plan` message."""
        body = message.body
        return Plan(body["step"], body["source"], body["scalars"], message.buffers)


@dataclass(frozen=True)
class StepReport:
    """A finished step. `seconds` of execution; `wait`, the seconds that execution waited for its images."""

    step: int
    metrics: Mapping[str, float]
    seconds: float
    wait: float
    skipped: bool = False

    def body(self) -> dict[str, Any]:
        """The body of `events/step`."""
        body: dict[str, Any] = {
            "step": self.step,
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "wait": self.wait,
        }
        return {**body, "skipped": True} if self.skipped else body


class StepFailed(Exception):
    """A step that was launched and went wrong; the cause is what the driver shall see."""

    def __init__(self, step: int, cause: BaseException):
        super().__init__(step)
        self.step = step
        self.cause = cause


@dataclass
class _Launched:
    """A step whose kernels are queued. `values` is host memory that is valid once `done` has passed."""

    step: int
    names: tuple[str, ...]
    values: Tensor
    wait: float
    seconds: float
    begun: torch.cuda.Event | None = None
    done: torch.cuda.Event | None = None

    @property
    def ready(self) -> bool:
        return self.done is None or self.done.query()

    def report(self) -> StepReport:
        seconds = self.seconds
        if self.begun is not None and self.done is not None:
            self.done.synchronize()
            seconds = self.begun.elapsed_time(self.done) / 1000
        metrics = dict(zip(self.names, self.values.tolist(), strict=True))
        if not math.isfinite(metrics.get("loss", 0.0)):
            raise StepFailed(self.step, _diverged(self.step, metrics["loss"]))
        return StepReport(self.step, metrics, seconds, self.wait)


@dataclass
class PlanExecutor:
    """Runs plans on one program, one after the other. `seed` is the run's."""

    program: Program
    prefetcher: Prefetcher
    seed: int = 0
    _announced: set[int] = field(default_factory=set)
    _launched: deque[_Launched] = field(default_factory=deque)

    def __post_init__(self) -> None:
        functions = {function.name: function for function in self.program.module.functions}
        self._function: Function | None = functions.get(STEP_FUNCTION)
        self._on_gpu = self.program.device.type == "cuda"

    def announce(self, plan: Plan, source: Source) -> None:
        """Lets the loader begin with the images of a plan that will run soon. A second time does nothing."""
        if plan.step in self._announced:
            return
        for stream, indices in self._image_indices(plan).items():
            self.prefetcher.submit((plan.step, stream), source, indices)
        self._announced.add(plan.step)

    def run(self, plan: Plan, source: Source, progress: Progress | None = None) -> None:
        """Takes the images, launches the step. The report comes out of `finished`. The order of the step,
        top to bottom: images, plan, kernels, metrics. What fails before the kernels leaves the state as it was.
        `progress` hears whether images are waited for."""
        progress = progress or Progress()
        self.announce(plan, source)
        asked = time.perf_counter()
        progress.busy = "images"
        images = {stream: self.prefetcher.take((plan.step, stream)) for stream in self._streams}
        progress.busy = "plan"
        inputs: dict[str, Tensor | float | int] = {}
        for input in self._step_function.inputs:
            inputs[input.name] = (
                images[input.source.stream]
                if input.source.kind == "images"
                else self._plan_value(plan, input)
            )
        self._announced.discard(plan.step)
        started = time.perf_counter()
        begun, done = self._event(), self._event()
        _record(begun)
        arguments = self.program.arguments(STEP_FUNCTION, inputs)
        if STEP_FUNCTION in self.program.draws:
            seed_step(self.seed, plan.step)
        try:
            results = self.program.call(STEP_FUNCTION, arguments)
            values = self._towards_host(results)
        except BaseException as error:
            raise StepFailed(plan.step, error) from error
        _record(done)
        seconds = time.perf_counter() - started
        self._launched.append(
            _Launched(plan.step, tuple(results), values, started - asked, seconds, begun, done)
        )

    @property
    def in_flight(self) -> bool:
        """Whether steps are launched that have not been reported."""
        return bool(self._launched)

    def finished(self, wait: bool = False) -> Iterable[StepReport]:
        """The reports that have become available, in order; with `wait`, of every launched step. Raises
        StepFailed at a step whose loss is not a number, or whose kernels failed; later steps are then forgotten."""
        while self._launched:
            oldest = self._launched[0]
            try:
                if not (wait or len(self._launched) > STEPS_IN_FLIGHT or oldest.ready):
                    return
                report = oldest.report()
            except BaseException as error:
                self._launched.clear()
                if isinstance(error, Exception) and not isinstance(error, StepFailed):
                    raise StepFailed(oldest.step, error) from error
                raise
            self._launched.popleft()
            yield report

    def forget(self) -> None:
        """Drops what was announced or launched and not reported."""
        self.prefetcher.forget_all()
        self._announced.clear()
        self._launched.clear()

    @property
    def _step_function(self) -> Function:
        if self._function is None:
            raise HostError(
                "F2C6311", f"the program has no function `{STEP_FUNCTION}`, so no plan can run", "host"
            )
        return self._function

    @property
    def _streams(self) -> list[str]:
        """The streams of images that the step sees, each once."""
        return sorted({i.source.stream for i in self._step_function.inputs if i.source.kind == "images"})

    def _image_indices(self, plan: Plan) -> dict[str, np.ndarray]:
        indices = {}
        for stream in self._streams:
            array = plan.arrays.get(f"{stream}.images")
            if array is None or array.dtype != np.int32 or array.ndim != 1:
                found = "missing" if array is None else f"{DTYPE_NAMES[array.dtype]} {list(array.shape)}"
                raise _unfit(plan, f"`{stream}.images` is {found}; it is i32 [n]")
            indices[stream] = array
        return indices

    def _plan_value(self, plan: Plan, input: Input) -> Tensor | float | int | bool:
        if input.type.kind == "scalar":
            value = plan.scalars.get(input.name)
            if value is None:
                raise _unfit(plan, f"the scalar `{input.name}` is missing")
            return _scalar(plan, input, value)
        array = plan.arrays.get(input.name)
        if array is None:
            raise _unfit(plan, f"the array `{input.name}` ({input.type}) is missing")
        if array.dtype.kind == "f" and input.type.dtype not in FLOATS:
            raise _unfit(plan, f"`{input.name}` is {DTYPE_NAMES[array.dtype]}, the step takes {input.type}")
        # The frame is read-only and perhaps unaligned; the tensor owns its memory.
        return torch.from_numpy(array.copy())

    def _towards_host(self, results: Mapping[str, Tensor | float | int]) -> Tensor:
        """All metrics in one f64 vector on the host, from a GPU by one copy that nobody waits for."""
        scalars = []
        for name, value in results.items():
            tensor = torch.as_tensor(value, dtype=torch.float64, device=self.program.device).detach()
            if tensor.numel() != 1:
                raise HostError(
                    "F2C6312",
                    f"`{STEP_FUNCTION}` returns `{name}` {list(tensor.shape)}; a metric is one number",
                    "user",
                    "reduce it with mean() or sum() before returning it",
                )
            scalars.append(tensor.reshape(()))
        if not scalars:
            return torch.empty(0, dtype=torch.float64)
        values = torch.stack(scalars)
        if not self._on_gpu:
            return values
        host = torch.empty(len(scalars), dtype=torch.float64, pin_memory=True)
        return host.copy_(values, non_blocking=True)

    def _event(self) -> torch.cuda.Event | None:
        return torch.cuda.Event(enable_timing=True) if self._on_gpu else None


def _record(event: torch.cuda.Event | None) -> None:
    if event is not None:
        event.record()


def _scalar(plan: Plan, input: Input, value: bool | int | float) -> bool | int | float:
    # MessagePack turns 1.0 into 1, so the function's signature decides.
    match input.type.scalar:
        case "f64":
            return float(value)
        case "bool":
            return bool(value)
        case _:
            if float(value).is_integer():
                return int(value)
            raise _unfit(plan, f"the scalar `{input.name}` is {value}, the step takes a whole number")


def _unfit(plan: Plan, what: str) -> HostError:
    return HostError(
        "F2C6311",
        f"plan {plan.step} doesn't fit the program: {what}",
        "fault",
        "the plan was made for another program; load the program again and plan anew",
    )


def _diverged(step: int, loss: float) -> HostError:
    return HostError(
        "F2C6301",
        f"the loss is {loss} at step {step}: training has diverged",
        "user",
        "lower the learning rate or warm it up, lower the margin or the scale, or clip the gradient; "
        "a checkpoint from before it can be resumed",
    )
