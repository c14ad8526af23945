"""Plans to results: reads images ahead, runs the function that a plan names, reports when there is something to report."""

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

from ..errors import HostError
from ..ir.module import FLOATS
from ..wire.frames import DTYPE_NAMES, Message
from .initialise import seed_plan
from .named import named
from .progress import Progress

if TYPE_CHECKING:
    from ..data import Source
    from ..data.prefetch import Prefetcher
    from ..ir.module import Function, Input
    from .program import Program

# On a GPU a plan's results are read this many plans later at the latest, so that the launch queue never
# drains.
PLANS_IN_FLIGHT = 8


@dataclass(frozen=True)
class Plan:
    """What the driver decided for one call of a function: numbers, small arrays, which images each stream sees and from
    which source, which tensors it wants back, and which numbers must be finite."""

    program: str
    function: str
    number: int
    streams: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, bool | int | float] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    finite: tuple[str, ...] = ()

    @staticmethod
    def of(message: Message) -> Plan:
        """The plan in a checked `plan` message."""
        body = message.body
        return Plan(
            body["program"],
            body["function"],
            body["number"],
            body["streams"],
            body["scalars"],
            message.buffers,
            tuple(body["returns"]),
            tuple(body["finite"]),
        )


@dataclass(frozen=True)
class Report:
    """A finished plan. `seconds` of execution; `wait`, the seconds that execution waited for its images."""

    program: str
    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    wait: float = 0.0
    skipped: bool = False

    def body(self) -> dict[str, Any]:
        """The body of `events/result`."""
        body: dict[str, Any] = {
            "program": self.program,
            "number": self.number,
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "wait": self.wait,
        }
        return {**body, "skipped": True} if self.skipped else body


class PlanFailed(Exception):
    """A plan that was launched and went wrong; the cause is what the driver shall see."""

    def __init__(self, program: str, number: int, cause: BaseException):
        super().__init__(program, number)
        self.program = program
        self.number = number
        self.cause = cause


@dataclass
class _Launched:
    """A plan whose kernels are queued. `values` and `tensors` are host memory that is valid once `done` has passed."""

    plan: Plan
    names: tuple[str, ...]
    values: Tensor
    tensors: Mapping[str, Tensor]
    wait: float
    seconds: float
    begun: torch.cuda.Event | None = None
    done: torch.cuda.Event | None = None

    @property
    def ready(self) -> bool:
        return self.done is None or self.done.query()

    def report(self) -> Report:
        plan, seconds = self.plan, self.seconds
        if self.begun is not None and self.done is not None:
            self.done.synchronize()
            seconds = self.begun.elapsed_time(self.done) / 1000
        metrics = dict(zip(self.names, self.values.tolist(), strict=True))
        for name in plan.finite:
            if not math.isfinite(metrics[name]):
                raise self.failed(_diverged(name, plan.number, metrics[name]))
        results = {name: tensor.numpy() for name, tensor in self.tensors.items()}
        return Report(plan.program, plan.number, metrics, results, seconds, self.wait)

    def failed(self, cause: BaseException) -> PlanFailed:
        return PlanFailed(self.plan.program, self.plan.number, cause)


@dataclass
class PlanExecutor:
    """Runs plans on one program, one after the other. `seed` is the run's."""

    program: Program
    prefetcher: Prefetcher
    seed: int = 0
    _announced: set[int] = field(default_factory=set)
    _launched: deque[_Launched] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._functions = {function.name: function for function in self.program.module.functions}
        self._on_gpu = self.program.device.type == "cuda"

    def announce(self, plan: Plan, sources: Mapping[str, Source]) -> None:
        """Lets the loader begin with the images of a plan that will run soon. A second time does nothing."""
        if plan.number in self._announced:
            return
        wanted = [
            (stream, self._source(plan, stream, sources), self._indices(plan, stream))
            for stream in _streams(self._function(plan))
        ]
        for stream, source, indices in wanted:
            self.prefetcher.submit((plan.number, stream), source, indices)
        self._announced.add(plan.number)

    def run(self, plan: Plan, sources: Mapping[str, Source], progress: Progress | None = None) -> None:
        """Takes the images, launches the function. The report comes out of `finished`. The order of it,
        top to bottom: images, plan, kernels, results. What fails before the kernels leaves the state as it was.
        `progress` hears whether images are waited for."""
        progress = progress or Progress()
        function = self._function(plan)
        _check_wishes(plan, function)
        self.announce(plan, sources)
        asked = time.perf_counter()
        progress.busy = "images"
        images = {stream: self.prefetcher.take((plan.number, stream)) for stream in _streams(function)}
        progress.busy = "plan"
        inputs: dict[str, Tensor | float | int] = {}
        for input in function.inputs:
            inputs[input.name] = (
                images[input.source.stream]
                if input.source.kind == "images"
                else self._plan_value(plan, input)
            )
        self._announced.discard(plan.number)
        started = time.perf_counter()
        begun, done = self._event(), self._event()
        _record(begun)
        arguments = self.program.arguments(function.name, inputs)
        if function.name in self.program.draws:
            seed_plan(self.seed, plan.number)
        try:
            results = self.program.call(function.name, arguments)
            metrics = {r.name: results[r.name] for r in function.results if _is_number(r.type)}
            values = self._numbers_towards_host(metrics)
            tensors = {name: self._towards_host(results[name]) for name in plan.returns}
        except BaseException as error:
            raise PlanFailed(plan.program, plan.number, error) from error
        _record(done)
        seconds = time.perf_counter() - started
        self._launched.append(
            _Launched(plan, tuple(metrics), values, tensors, started - asked, seconds, begun, done)
        )

    @property
    def in_flight(self) -> bool:
        """Whether plans are launched that have not been reported."""
        return bool(self._launched)

    def finished(self, wait: bool = False) -> Iterable[Report]:
        """The reports that have become available, in order; with `wait`, of every launched plan. Raises
        PlanFailed at one that gave a number that must be finite and is not, or whose kernels failed; later plans are then
        forgotten."""
        while self._launched:
            oldest = self._launched[0]
            try:
                if not (wait or len(self._launched) > PLANS_IN_FLIGHT or oldest.ready):
                    return
                report = oldest.report()
            except BaseException as error:
                self._launched.clear()
                if isinstance(error, Exception) and not isinstance(error, PlanFailed):
                    raise oldest.failed(error) from error
                raise
            self._launched.popleft()
            yield report

    def forget(self) -> None:
        """Drops what was announced or launched and not reported."""
        self.prefetcher.forget_all()
        self._announced.clear()
        self._launched.clear()

    def _function(self, plan: Plan) -> Function:
        function = self._functions.get(plan.function)
        if function is None:
            known = ", ".join(self._functions)
            raise _unfit(plan, f"there is no function `{plan.function}`; it has {known}")
        return function

    def _source(self, plan: Plan, stream: str, sources: Mapping[str, Source]) -> Source:
        name = plan.streams.get(stream)
        if name is None:
            raise _unfit(plan, f"`streams` names no source for `{stream}`")
        return named("source", name, sources)

    def _indices(self, plan: Plan, stream: str) -> np.ndarray:
        array = plan.arrays.get(f"{stream}.images")
        if array is None or array.dtype != np.int32 or array.ndim != 1:
            found = "missing" if array is None else f"{DTYPE_NAMES[array.dtype]} {list(array.shape)}"
            raise _unfit(plan, f"`{stream}.images` is {found}; it is i32 [n]")
        return array

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
            raise _unfit(
                plan, f"`{input.name}` is {DTYPE_NAMES[array.dtype]}, the function takes {input.type}"
            )
        # The frame is read-only and perhaps unaligned; the tensor owns its memory.
        return torch.from_numpy(array.copy())

    def _numbers_towards_host(self, numbers: Mapping[str, Tensor | float | int]) -> Tensor:
        """All numbers in one f64 vector on the host, from a GPU by one copy that nobody waits for."""
        if not numbers:
            return torch.empty(0, dtype=torch.float64)
        scalars = [
            torch.as_tensor(value, dtype=torch.float64, device=self.program.device).detach().reshape(())
            for value in numbers.values()
        ]
        return self._copied(torch.stack(scalars))

    def _towards_host(self, value: Tensor) -> Tensor:
        """A result on the host, in a type that travels. Always a copy: it may be a storage that the next plan writes to."""
        return self._copied(value.detach().to(travelling_dtype(value)), always=True)

    def _copied(self, value: Tensor, always: bool = False) -> Tensor:
        if not self._on_gpu:
            return value.clone(memory_format=torch.contiguous_format) if always else value
        host = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
        return host.copy_(value, non_blocking=True)

    def _event(self) -> torch.cuda.Event | None:
        return torch.cuda.Event(enable_timing=True) if self._on_gpu else None


def travelling_dtype(tensor: Tensor) -> torch.dtype:
    """f64 stays, other floats become f32, all else i64: what a JavaScript typed array can hold."""
    if tensor.is_floating_point():
        return torch.float64 if tensor.dtype == torch.float64 else torch.float32
    return torch.int64


def _is_number(type: Any) -> bool:
    return type.kind == "scalar" or (type.kind == "tensor" and not type.dims)


def _streams(function: Function) -> list[str]:
    """The streams of images that a function sees, each once."""
    return sorted({i.source.stream for i in function.inputs if i.source.kind == "images"})


def _check_wishes(plan: Plan, function: Function) -> None:
    """What a plan wants back is a tensor that the function returns; what it wants finite, a number."""
    types = {result.name: result.type for result in function.results}
    for name in (*plan.returns, *plan.finite):
        if name not in types:
            raise _unfit(plan, f"`{function.name}` returns no `{name}`; it returns {', '.join(types)}")
    for name in plan.returns:
        if _is_number(types[name]):
            raise _unfit(plan, f"`{name}` is a number, which is reported without being asked for")
    for name in plan.finite:
        if not _is_number(types[name]):
            raise HostError(
                "F2C6312",
                f"`{function.name}` returns `{name}` {types[name]}; a metric is one number",
                "user",
                "reduce it with mean() or sum() before returning it",
            )


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
            raise _unfit(plan, f"the scalar `{input.name}` is {value}, the function takes a whole number")


def _unfit(plan: Plan, what: str) -> HostError:
    return HostError(
        "F2C6311",
        f"plan {plan.number} doesn't fit the program: {what}",
        "fault",
        "the plan was made for another program; load the program again and plan anew",
    )


def _diverged(name: str, number: int, value: float) -> HostError:
    return HostError(
        "F2C6301",
        f"the {name} is {value} at step {number}: training has diverged",
        "user",
        "lower the learning rate or warm it up, lower the margin or the scale, or clip the gradient; "
        "a checkpoint from before it can be resumed",
    )
