"""Runs the trainings of recorded sessions on other backends, beside eager.

`python compare_recordings.py FILE... --backends torchscript inductor` prints a JSON line for each training and backend: how far
its losses, its optimizer's tensors (sums of gradients) and all else that is stored are from eager's. `step` begins each step
with what eager has stored then, and is the median of all steps; `run` goes on from its own, and is the largest of all steps.
Distances are relative, those of gradients and of states as vectors of all their numbers.

`rounding` says how far eager is from itself when each number that is stored is moved by a unit in the last place before each
step. Where a PReLU's input is rounded over 0 its derivative jumps, in flat parts of an image for many pixels at once, and steps
multiply that: after 20 steps in f32 eager is often far from itself. `--double` takes float64 for f32: jumps are rare there, and
nothing hides behind rounding, but convolutions are slow; `--steps` takes fewer.

`beyond` names what is further than TOLERANCE of its precision and than ten times that rounding: the median of each step's loss,
gradients and states, and the largest loss of a step. In float64 the run of its own is held to that too, and so is each tensor by
itself, relative to its largest number or where this is smaller to a thousandth of the largest of its kind. Numbers that are no
floats are equal in every precision.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from compare_f2c import as_float64
from torch import Tensor

from f2c_host.data import open_source
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import Module
from f2c_host.run.executor import Plan
from f2c_host.run.initialise import seed_plan
from f2c_host.run.program import Program
from f2c_host.run.weights_file import WeightsFile
from f2c_host.serve.replay import read_recording
from f2c_host.wire.frames import unpack
from f2c_host.wire.protocol import check_request

State = dict[str, Tensor]
# `loss`, `gradients`, `states`, and each tensor by its name.
Distances = dict[str, float]

# By the narrowest type that a program computes in. What is narrower is rounded where a kernel ends, and kernels differ.
TOLERANCE = {"f64": 1e-9, "f32": 1e-5, "f16": 5e-3, "bf16": 4e-2}
ROUNDING = 10.0
STEP = "step"
KINDS = ("gradients", "states")


@dataclass
class Training:
    """A program of a recording, with the inputs of its steps."""

    name: str
    load: Mapping[str, Any]
    seed: int = 0
    numbers: list[int] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)

    def program(self, backend: str, device: str = "cpu", double: bool = False) -> Program:
        """For torch `double` needs a program without narrow types."""
        ir = self.load["ir"]
        return Program(parse_module(as_float64(ir) if double else ir), backend=backend, device=device)

    @property
    def precision(self) -> str:
        return precision_of(parse_module(self.load["ir"]))

    def first(self) -> State:
        """What is stored before the first step, as it is declared."""
        program = self.program("eager")
        files = {name: WeightsFile.of(spec) for name, spec in self.load["files"].items()}
        program.initialise(self.seed, program.weights(files))
        return {name: t.detach() for name, t in program.storage.items()}


def trainings(path: Path) -> Iterator[Training]:
    """The trainings of a recording, each with its images."""
    sources: dict[str, Any] = {}
    current: Training | None = None
    with open(path, "rb") as file:
        for message in (check_request(unpack(frames)) for frames in read_recording(file)):
            body = message.body
            if message.kind == "source":
                sources[body["name"]] = open_source(body["spec"], dict(message.buffers))
            elif message.kind == "load":
                if current is not None and current.inputs:
                    yield current
                current = Training(body["program"], body)
            elif message.kind == "init" and current is not None:
                current.seed = body["seed"]
            elif message.kind == "plan" and body["function"] == STEP and current is not None:
                plan = Plan.of(message)
                current.numbers.append(plan.number)
                current.inputs.append(inputs_of(plan, sources))
    if current is not None and current.inputs:
        yield current


def inputs_of(plan: Plan, sources: Mapping[str, Any]) -> dict[str, Any]:
    arrays = {name: torch.from_numpy(values.copy()) for name, values in plan.arrays.items()}
    images = {
        f"{stream}.images": sources[source].read(plan.arrays[f"{stream}.images"])
        for stream, source in plan.streams.items()
    }
    return {**plan.scalars, **arrays, **images}


def precision_of(module: Module) -> str:
    """The narrowest type of a program's numbers."""
    types = {r.type.dtype for f in module.functions for op in f.body.walk() for r in op.results}
    return next(precision for precision in ("bf16", "f16", "f32", "f64") if precision in types)


class Runner:
    """A compiled training, whose steps begin with any state."""

    def __init__(self, training: Training, program: Program) -> None:
        self.training, self.program = training, program

    def step(self, turn: int, state: State) -> tuple[float, State]:
        """The loss, and what is stored after a step that began with `state`."""
        with torch.no_grad():
            for name, value in state.items():
                self.program.storage[name].copy_(value)
        if STEP in self.program.draws:
            seed_plan(self.training.seed, self.training.numbers[turn])
        loss = self.program.run(STEP, self.training.inputs[turn])["loss"].item()
        return loss, {name: t.detach().cpu().clone() for name, t in self.program.storage.items()}


def moved(state: State, chance: torch.Generator) -> State:
    """Every number of f32 and f64 a unit in the last place further up or down."""

    def away(t: Tensor) -> Tensor:
        if t.dtype not in (torch.float32, torch.float64):
            return t
        ways = torch.randint(0, 2, t.shape, generator=chance) * 2 - 1
        return t * (1 + ways.to(t.dtype) * torch.finfo(t.dtype).eps)

    return {name: away(t) for name, t in state.items()}


class Ruler:
    """Distances between what two programs of a training have stored."""

    def __init__(self, module: Module) -> None:
        self.kinds = {s.name: "gradients" if s.role == "optimizer" else "states" for s in module.storages}

    def distances(self, one: tuple[float, State], other: tuple[float, State]) -> Distances:
        """From `other`: of the loss, of each kind of tensor as one vector, and of each tensor."""
        largest = dict.fromkeys(KINDS, 0.0)
        squares = {kind: [0.0, 0.0] for kind in KINDS}
        for name, t in other[1].items():
            if t.is_floating_point() and t.numel():
                kind, exact = self.kinds[name], t.double()
                largest[kind] = max(largest[kind], exact.abs().max().item())
                squares[kind][0] += (one[1][name].double() - exact).square().sum().item()
                squares[kind][1] += exact.square().sum().item()
        found = {"loss": abs(one[0] - other[0]) / max(abs(other[0]), 1e-3)}
        found |= {kind: math.sqrt(d / s) if s else 0.0 for kind, (d, s) in squares.items()}
        for name, t in other[1].items():
            found[name] = apart(one[1][name], t, 1e-3 * largest[self.kinds[name]])
        return found


def apart(one: Tensor, other: Tensor, least: float) -> float:
    """The largest difference; infinite where numbers that are no floats, or not finite, differ."""
    if torch.equal(one, other) or not other.numel():
        return 0.0
    if not other.is_floating_point() or not bool(one.isfinite().all() and other.isfinite().all()):
        return float("inf")
    difference = (one.double() - other.double()).abs().max().item()
    return difference / max(other.abs().max().item(), least, 1e-30)


@dataclass
class Apart:
    """How far one program is from eager: each step from eager's state, and those of a run of its own."""

    runner: Runner
    own: State
    steps: list[Distances] = field(default_factory=list)
    runs: list[Distances] = field(default_factory=list)
    seconds: float = 0.0

    def go(self, turn: int, given: State, own: State, exact: tuple[float, State], ruler: Ruler) -> None:
        start = time.perf_counter()
        self.steps.append(ruler.distances(self.runner.step(turn, given), exact))
        reached = self.runner.step(turn, own)
        self.own = reached[1]
        self.runs.append(ruler.distances(reached, exact))
        self.seconds += time.perf_counter() - start

    @property
    def step(self) -> Distances:
        return over(self.steps, statistics.median)

    @property
    def run(self) -> Distances:
        return over(self.runs, max)


def over(steps: list[Distances], of: Callable[[list[float]], float]) -> Distances:
    return {name: of([step[name] for step in steps]) for name in steps[0]}


def shown(distances: Distances) -> Distances:
    """Of all that is stored; JSON has neither infinity nor NaN."""
    return {name: d if (d := distances[name]) < 1e300 else 1e300 for name in ("loss", *KINDS)}


def compare(
    training: Training, backends: list[str], device: str = "cpu", double: bool = False
) -> Iterator[dict[str, Any]]:
    """A result for each backend; what is compared with it is eager on the CPU. `double` is of f32 alone."""
    double = double and training.precision == "f32"
    eager = Runner(training, training.program("eager", double=double))
    module = eager.program.module
    ruler, precision = Ruler(module), precision_of(module)
    chance = torch.Generator().manual_seed(1)
    state = {name: value.to(eager.program.storage[name].dtype) for name, value in training.first().items()}
    rounded = Apart(eager, state)
    others = {b: Apart(Runner(training, training.program(b, device, double)), state) for b in backends}
    for turn in range(len(training.inputs)):
        exact = eager.step(turn, state)
        rounded.go(turn, moved(state, chance), moved(rounded.own, chance), exact, ruler)
        for other in others.values():
            other.go(turn, state, other.own, exact, ruler)
        state = exact[1]
    for backend, other in others.items():
        yield {
            "training": training.name,
            "backend": backend,
            "precision": precision,
            "steps": len(training.inputs),
            "step": shown(other.step),
            "run": shown(other.run),
            "rounding": {"step": shown(rounded.step), "run": shown(rounded.run)},
            "beyond": beyond(other, rounded, precision),
            "seconds": round(other.seconds, 1),
        }


def beyond(other: Apart, rounded: Apart, precision: str) -> list[str]:
    """What is further from eager than it may be."""
    losses = [{"loss": max(step["loss"] for step in one.steps)} for one in (other, rounded)]
    judged = [("median step", other.step, rounded.step), ("worst step", *losses)]
    exact = precision == "f64"
    if exact:
        judged.append(("run", other.run, rounded.run))
    return [
        f"{name}, {way}: {distance:.1e}, of rounding {allowed[name]:.1e}"
        for way, found, allowed in judged
        for name, distance in found.items()
        if not distance <= max(TOLERANCE[precision], ROUNDING * allowed[name])
        and (exact or name in ("loss", *KINDS) or not math.isfinite(distance))
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--backends", nargs="+", default=["torchscript", "inductor"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--steps", type=int)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for path in asked.recordings:
        for training in trainings(path):
            training.inputs = training.inputs[: asked.steps]
            for result in compare(training, asked.backends, asked.device, asked.double):
                print(json.dumps({"example": path.stem, "torch": torch.__version__, **result}), flush=True)
            torch.compiler.reset()
