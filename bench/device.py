"""What a CUDA device gives: first whether it computes what the CPU computes, then how fast. No Node is needed, and of packages
torch, numpy, msgpack, safetensors, Pillow and pytest alone.

    python bench/device.py FOLDER [--device cuda] [--minutes 8] [--json FILE]

FOLDER has the sessions that `npm run bench -- device --write FOLDER` plans. Lines are printed as they come, and FILE
(FOLDER/device.json) is written anew after each. What does not fit in the minutes is left out, and said; half a minute after them
the process ends, wherever it is. The exit code is 1 where a check failed, or none was done.

A step is compared with eager on the CPU, each from the CPU's state, as `compare_recordings.py` says: the median step by 1e-5 in
f32 and 4e-2 in bf16, or ten times what a unit in the last place of what is stored makes of eager itself. The head's kernels are
compared with their definition in float64, by 2e-5 of the largest number.

Times are of the wall clock, over some steps in a row, after which the device is waited for; the median of three such rows. The
loops written by hand and the bare operations may choose their convolutions by trying (cudnn.benchmark) and need not give the same
bits each time, which ours must.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("python-host/src", "python-host/tests", "bench")]

if find_spec("simplejpeg") is None:  # which the host imports; no JPEG is read here
    sys.modules["simplejpeg"] = ModuleType("simplejpeg")

import torch
from compare_recordings import Training, compare
from f2c_host.kernels import negatives, negatives_in_chunks
from f2c_host.kernels.classes import Given
from f2c_host.run.initialise import fill
from step import KINDS, ByHand, Floor, Ours, Products
from torch import Tensor

CLOSE = 2e-5
ROWS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# Classes at a time in what is written by hand: few launches, and a matrix that is small beside the device's memory.
CHUNK = {"cpu": 8_192, "cuda": 131_072}


class Report:
    """Lines on the terminal and in a file, and the time that is left."""

    def __init__(self, device: torch.device, minutes: float, file: Path) -> None:
        self.device, self.file = device, file
        self.end = time.monotonic() + 60 * minutes
        self.rows: list[dict[str, Any]] = []
        self.checks = {"passed": 0, "failed": 0, "left out": 0}

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    @property
    def exit_code(self) -> int:
        return 1 if self.checks["failed"] or not self.checks["passed"] else 0

    def row(self, what: str, figure: str, beside: str = "", **numbers: Any) -> None:
        print(f"{what:66} {figure:>12}   {beside}", flush=True)
        self.rows.append({"what": what, "figure": figure, "beside": beside, **numbers})
        self.file.write_text(json.dumps({"checks": self.checks, "rows": self.rows}, indent=1))

    def check(self, what: str, wrong: Callable[[], str | None], seconds: float = 5, until: float = 0) -> None:
        """Does what says what is wrong, if `until` and that many seconds are left."""
        if self.left < until + seconds:
            self.checks["left out"] += 1
            self.row(f"check: {what}", "left out", "no time")
            return
        start = time.monotonic()
        try:
            said = wrong()
        except Exception as error:
            traceback.print_exc()
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        self.checks["passed" if said is None else "failed"] += 1
        seconds = time.monotonic() - start
        self.row(f"check: {what}", "equal" if said is None else "DIFFERS", said or f"{seconds:.1f} s")

    def measure(self, what: str, doing: Callable[[], None], seconds: float) -> None:
        """A part of the table, if that many seconds are left; one that fails is said, and the others go on."""
        if self.left < seconds:
            self.row(what, "left out", f"no time: {seconds:.0f} s")
            return
        try:
            doing()
        except Exception as error:
            traceback.print_exc()
            self.row(what, "failed", f"{type(error).__name__}: {str(error)[:160]}")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def end_in_time(report: Report) -> None:
    """Ends the process half a minute after its minutes: a kernel or a compilation may take any time."""

    def end() -> None:
        report.row("ended", "out of time", "what ran took longer than was thought")
        os._exit(report.exit_code)

    timer = threading.Timer(report.left + 30, end)
    timer.daemon = True
    timer.start()


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# ---- whether it computes what the CPU computes


def kernel_is_its_definition(choice: tuple[Any, ...], device: torch.device) -> str | None:
    """The whole matrix in float64, on the CPU."""
    import test_negatives

    test_negatives.compare(test_negatives.drawn(*choice), torch.float32, CLOSE, str(device))
    return None


def stream(n: int, classes: int, dim: int, rows: torch.dtype, device: torch.device) -> Given:
    """Cosines as those of a head at the start, and own classes that are near; a third of the rows have none."""
    chance = torch.Generator(device).manual_seed(1)

    def unit(*size: int) -> Tensor:
        drawn = torch.empty(size, device=device, dtype=rows if size[0] == classes else None)
        for part in drawn.split(1 << 20):
            part.copy_(
                torch.nn.functional.normalize(torch.randn(part.shape, device=device, generator=chance))
            )
        return drawn

    bank, features = unit(classes, dim), unit(n, dim)
    target = torch.arange(n, device=device) * (classes // n)
    target[::3] = -1
    own = bank[target.clamp(min=0)].float()
    near = torch.nn.functional.normalize(0.8 * own + 0.6 * features)
    features = torch.where((target >= 0).unsqueeze(1), near, features)
    scale = torch.tensor(64.0, dtype=torch.float64, device=device)
    return Given(features, bank, target, scale, *[None] * 7, 1)


def kernel_is_in_chunks(
    n: int, classes: int, dim: int, rows: torch.dtype, device: torch.device
) -> str | None:
    """What runs on the device against aten in chunks and in float64: logarithm, gradients, cosines of the nearest."""
    given = stream(n, classes, dim, rows, device)
    way = negatives.way_on_cuda(given) if device.type == "cuda" else negatives_in_chunks
    if device.type == "cuda" and way is negatives_in_chunks:
        return "no Triton kernel serves this stream"
    lse, nearest, by_features, _ = torch.ops.f2c.negatives_logsumexp(*given, 10)
    wide = given._replace(features=given.features.double(), rows=given.rows.double())
    right, wanted, slopes, _ = negatives_in_chunks.forward(wide, 10)
    weight = torch.linspace(-1, 2, n, device=device)
    found = torch.ops.f2c.negatives_rows_gradient(weight, lse, *given)
    rows_slopes = negatives_in_chunks.rows_gradient(weight.double(), right, wide)

    def cosines(classes: Tensor) -> Tensor:
        return (wide.features.unsqueeze(1) * wide.rows[classes.clamp(min=0)]).sum(2)

    close = {"rows' gradient": CLOSE + torch.finfo(rows).eps * (rows != torch.float32)}
    for name, value, exact in (
        ("logarithm", lse, right),
        ("gradient by the features", by_features, slopes),
        ("rows' gradient", found, rows_slopes),
        ("nearest", cosines(nearest), cosines(wanted)),
    ):
        counts = exact.abs() < 1e29
        apart = ((value.double() - exact).abs()[counts].max() / exact[counts].abs().max()).item()
        if not apart <= close.get(name, CLOSE):
            return f"{name}: {apart:.1e}"
    return None


def training(session: dict[str, Any]) -> Training:
    """A session with drawn images, as what recordings hold."""
    ours = Ours(session, "eager") if "size" in session else None
    inputs = ours.inputs if ours else [drawn_inputs(session, plan) for plan in session["plans"]]
    return Training(session["name"], {"ir": session["ir"], "files": {}}, 3, list(range(len(inputs))), inputs)


def drawn_inputs(session: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    from compare_backends import faces_of, inputs_of

    return inputs_of(plan, faces_of(session))


def step_is_the_cpus(session: dict[str, Any], backend: str, device: torch.device, steps: int) -> str | None:
    given = training(session)
    given.inputs = given.inputs[:steps]
    (found,) = compare(given, [backend], str(device))
    return "; ".join(found["beyond"][:3]) or None


def check(report: Report, sessions: dict[str, Any], quick: bool) -> None:
    """Leaves more than half of the time to what is measured."""
    import test_negatives

    device, until = report.device, 0.45 * report.left
    for session in sessions["heads"]:
        report.check(
            f"head {session['name']} on torchscript",
            lambda s=session: step_is_the_cpus(s, "torchscript", device, 4),
            until=until,
        )
    for dim in (128, 512):
        for rows in ROWS:
            size = 5_000 if quick else 100_000
            report.check(
                f"head's kernels, {size:,} classes of {dim} {rows}, scale 64",
                lambda dim=dim, rows=rows, size=size: kernel_is_in_chunks(96, size, dim, ROWS[rows], device),
                15,
                until,
            )
    for session in sessions["steps"]:
        if session.get("checked"):
            for backend in ("torchscript", "eager"):
                report.check(
                    f"step {session['name']} on {backend}",
                    lambda s=session, b=backend: step_is_the_cpus(s, b, device, 2),
                    20,
                    until,
                )
    for choice in test_negatives.CHOICES[:: 8 if quick else 1]:
        named = ("ids", "limit", "rule", "touched", "centres")
        given = ", ".join(f"{n} {v}" for n, v in zip(named, choice, strict=True) if v)
        report.check(
            f"head's stream, {given}", lambda c=choice: kernel_is_its_definition(c, device), 8, until
        )
    first = sessions["heads"][1]
    for backend in ("eager", "inductor"):
        report.check(
            f"head {first['name']} on {backend}",
            lambda b=backend: step_is_the_cpus(first, b, device, 4),
            40,
            until,
        )
    print(", ".join(f"{count} {what}" for what, count in report.checks.items()), flush=True)


# ---- how fast


def seconds_of(step: Callable[[int], Any], device: torch.device, most: float = 1.5) -> float:
    """Of a step: the median of three rows of steps, each waited for."""
    for turn in range(3):
        step(turn)
    wait(device)
    start = time.perf_counter()
    step(0)
    wait(device)
    turns = max(1, min(50, int(most / 3 / max(time.perf_counter() - start, 1e-6))))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        for turn in range(turns):
            step(turn)
        wait(device)
        times.append((time.perf_counter() - start) / turns)
    return statistics.median(times)


@contextmanager
def at_will() -> Iterator[None]:
    """Convolutions as a person's own loop has them."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before, False


class OnDevice(Ours):
    """Our step, again and again with the same plans. Its pool is drawn where it lies: ten million rows take long elsewhere."""

    def begin(self) -> None:
        storage, module = self.program.storage, self.program.module
        pool = {s.name for s in module.storages if s.name.startswith("pool.rows")}
        rest = dataclasses.replace(module, storages=tuple(s for s in module.storages if s.name not in pool))
        fill({n: t for n, t in storage.items() if n not in pool}, rest, 0, self.program.weights({}))
        for name in pool:
            for part in storage[name].split(1 << 20):
                drawn = torch.randn(part.shape, device=part.device)
                part.copy_(torch.nn.functional.normalize(drawn))

    def step(self, turn: int) -> None:
        super().step(turn % len(self.inputs))


def most_memory(step: Callable[[int], Any], device: torch.device) -> float:
    """Of tensors during a step, in MB."""
    if device.type != "cuda":
        return 0.0
    torch.cuda.reset_peak_memory_stats(device)
    step(0)
    wait(device)
    return torch.cuda.max_memory_allocated(device) / 2**20


def kinds_of(step: Callable[[int], Any], device: torch.device) -> dict[str, float]:
    """Shares of the device's time by kinds of op; of the processor's on the CPU."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        step(0)
        wait(device)
    spent = dict.fromkeys((*KINDS, "others"), 0.0)
    for event in profile.key_averages():
        if event.device_type == torch.autograd.DeviceType.CPU:
            took = event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
            spent[
                next((k for k, parts in KINDS.items() if any(p in event.key for p in parts)), "others")
            ] += took
    total = sum(spent.values()) or float("nan")
    return {kind: took / total for kind, took in spent.items()}


class Captured:
    """A step as one CUDA graph. Its numbers stay those of the plan that it was captured with: this shows what launches cost."""

    def __init__(self, ours: Ours) -> None:
        program = ours.program
        self.arguments = program.arguments("step", ours.inputs[0])
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                program.call("step", self.arguments)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.results = program.call("step", self.arguments)

    def step(self, _: int) -> None:
        self.graph.replay()


class Steps:
    """What is measured of a session: rows of the table beside its floor."""

    def __init__(self, report: Report, session: dict[str, Any]) -> None:
        self.report, self.session, self.device = report, session, report.device
        self.narrow = torch.bfloat16 if session["precision"] == "bf16" else None
        self.floor = float("nan")

    def row(self, name: str, step: Callable[[int], Any]) -> float:
        seconds, images = seconds_of(step, self.device), self.session["images"]
        megabytes = most_memory(step, self.device)
        memory = f", at most {megabytes:,.0f} MB" if megabytes else ""
        self.report.row(
            f"{self.session['name']}: {name}",
            f"{1e3 * seconds:.2f} ms",
            f"{images / seconds:,.0f} images/s, {seconds / self.floor:.2f} of the floor{memory}",
            seconds=seconds,
            images=images / seconds,
            megabytes=megabytes,
        )
        return seconds

    def measured(self, name: str, make: Callable[[], Callable[[int], Any]], seconds: float = 8) -> None:
        self.report.measure(f"{self.session['name']}: {name}", lambda: self.row(name, make()), seconds)

    def all(self) -> None:
        session, chunk = self.session, CHUNK[self.device.type]
        ours = OnDevice(session, "torchscript", str(self.device))
        pool = ours.program.storage["pool.rows.0"].detach()
        with at_will():
            floor = Floor(session, pool, chunk, self.narrow)
            self.floor = seconds_of(floor.step, self.device)
            self.row("floor: convolutions and products", floor.step)
        self.row("f2c torchscript", ours.step)
        shares = kinds_of(ours.step, self.device)
        said = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in shares.items())
        self.report.row(f"{session['name']}: where its time goes", "", said, kinds=shares)
        for name, layout in (("", torch.contiguous_format), (", channels last", torch.channels_last)):
            for way, at_once in (("", None), (", in chunks", chunk)):
                # At once, ten million columns are built eight times over.
                if at_once is None and session["slots"] > 2_000_000:
                    continue
                if (name == "") and session["slots"] > 2_000:
                    continue
                with at_will():
                    self.measured(
                        f"by hand{name}{way}",
                        lambda o=layout, c=at_once: ByHand(session, pool.clone(), o, c, self.narrow).step,
                    )

    def others(self) -> None:
        """The other backends. Inductor on CUDA replays its graphs as CUDA graphs."""
        for backend, seconds in (("eager", 10), ("inductor", 100)):
            self.measured(
                f"f2c {backend}",
                lambda b=backend: OnDevice(self.session, b, str(self.device)).step,
                seconds,
            )

    def captured(self) -> None:
        self.measured(
            "f2c torchscript as one CUDA graph, plans fixed",
            lambda: Captured(OnDevice(self.session, "torchscript", str(self.device))).step,
            12,
        )


def measure_head(report: Report, n: int, classes: int, dim: int, rows: str) -> None:
    """One stream with its gradient by the features, beside three products with the bank in its type and in chunks."""
    device = report.device
    given = stream(n, classes, dim, ROWS[rows], device)
    products = Products(given.rows, n, CHUNK[device.type]).step
    three = seconds_of(products, device)

    def head(_: int) -> None:
        features = given.features.detach().requires_grad_()
        lse, *_ = torch.ops.f2c.negatives_logsumexp(features, *given[1:], 10)
        torch.autograd.grad(lse.sum(), features)

    seconds, megabytes = seconds_of(head, device), most_memory(head, device)
    beyond = megabytes - given.rows.numel() * given.rows.element_size() / 2**20
    memory = f"; {beyond:,.0f} MB beyond the bank" if megabytes else ""
    report.row(
        f"head, {classes:,} slots of {dim} {rows}, {n} rows",
        f"{1e3 * seconds:.2f} ms",
        f"{seconds / three:.2f} of three products in {rows} ({1e3 * three:.2f} ms){memory}",
        seconds=seconds,
        products=three,
        megabytes=megabytes,
    )


def measure(report: Report, sessions: dict[str, Any], quick: bool) -> None:
    size = 20_000 if quick else 1_000_000
    heads = [
        (96, size, 128, "f32"),
        (96, size, 128, "bf16"),
        (1024, size, 512, "bf16"),
        (96, size, 512, "f32"),
    ]
    if not quick:
        heads.append((96, 10_000_000, 128, "bf16"))
    for head in heads:
        report.measure(f"head of {head}", lambda h=head: measure_head(report, *h), 10)
    steps = [Steps(report, session) for session in sessions["steps"] if session.get("measured")]
    for turn, step in enumerate(steps):
        report.measure(step.session["name"], step.all, 20)
        if turn == min(2, len(steps) - 1):
            steps[0].others()
    if report.device.type == "cuda":
        steps[0].captured()  # the last, since a capture that fails may leave its mark


def about(device: torch.device) -> str:
    if device.type != "cuda":
        return f"torch {torch.__version__}, the CPU, {torch.get_num_threads()} threads"
    properties = torch.cuda.get_device_properties(device)
    return f"torch {torch.__version__}, {properties.name}, {properties.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    device = torch.device(asked.device)
    report = Report(device, asked.minutes, asked.json or asked.folder / "device.json")
    sessions = json.loads((asked.folder / "sessions.json").read_text())
    if device.type == "cpu":
        torch.set_num_threads(1)  # to see that all of it runs, perhaps beside other work
    elif not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} sees no CUDA device; --device cpu runs all of it on the CPU",
            file=sys.stderr,
        )
        return 1
    end_in_time(report)
    report.row(about(device), "")
    check(report, sessions, sessions["quick"])
    measure(report, sessions, sessions["quick"])
    counts = ", ".join(f"{count} {what}" for what, count in report.checks.items())
    report.row("checks", "failed" if report.exit_code else "passed", counts)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
