"""What one driver has set up in this host: sources and programs by their names; and the answer to each request.

No sockets here: the server feeds it from the bridge, replay from a file.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..convert import convert
from ..data import Source, open_source
from ..data.contact_sheet import write_contact_sheet
from ..data.prefetch import Prefetcher
from ..errors import HostError
from ..export import export_function, ready_exporter
from ..ir.json_form import parse_module
from ..nets import open_net
from ..nets.loaded_net import LoadedNet
from ..process.lifetime import Interruption
from ..run import checkpoint
from ..run.embedding import FLIPS, embed_images, pixel_rows
from ..run.executor import Plan, Report, travelling_dtype
from ..run.feeding import AS_READ, Feeding
from ..run.loaded import PLANS_AHEAD, LoadedProgram
from ..run.matrices import Matrix, cosines, highest, means, rows_as_f32, sums, top_k
from ..run.named import named
from ..run.program import Program
from ..run.progress import Progress
from ..run.weights_file import WeightsFile
from ..wire.frames import Message

_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?")


@dataclass(frozen=True)
class Answer:
    """The reply to a request: a body, and buffers if it returns data."""

    body: Mapping[str, Any] = field(default_factory=dict)
    buffers: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Later:
    """A reply that comes when a thread has done something: until then the session goes on."""

    doing: Future[Any]
    answer: Callable[[Any], Answer]

    def get(self) -> Answer:
        """The answer; waits for it. Raises what the thread raised."""
        return self.answer(self.doing.result())


class Session:
    """Executes requests and plans in order, and keeps what they build."""

    def __init__(self, progress: Progress | None = None, interruption: Interruption | None = None):
        self.progress = progress or Progress()
        self._interruption = interruption
        self.on_part: Callable[[int, int], None] = lambda _done, _total: None
        self.finished = False
        self._programs: dict[str, LoadedProgram] = {}
        self._nets: dict[str, LoadedNet] = {}
        self._sources: dict[str, Source] = {}
        # Programs that plans named and that are not there: the first such plan is told, the others are dropped.
        self._unknown: set[str] = set()
        self._matrices: dict[str, Matrix] = {}
        self._requests: Mapping[str, Callable[[dict[str, Any], Mapping[str, np.ndarray]], Answer | Later]] = {
            "source": self._source,
            "load": self._load,
            "load_net": self._load_net,
            "unload": self._unload,
            "init": self._init,
            "sync": self._sync,
            "embed": self._embed,
            "cosines": self._cosines,
            "top_k": self._top_k,
            "means": self._means,
            "rows": self._rows,
            "sums": self._sums,
            "highest": self._highest,
            "release": self._release,
            "save": self._save,
            "restore": self._restore,
            "exporters": self._exporters,
            "export": self._export,
            "preview": self._preview,
            "draw": self._draw,
            "inspect": self._inspect,
            "convert": self._convert,
            "read": self._read,
            "shutdown": self._shutdown,
        }

    # Plans

    @property
    def programs(self) -> Mapping[str, LoadedProgram]:
        """The programs that are loaded, by name."""
        return self._programs

    def drops(self, program: str) -> bool:
        """Whether a plan of this program has failed, and no `init` or `restore` came since."""
        loaded = self._programs.get(program)
        return loaded.drops_plans if loaded else program in self._unknown

    @property
    def in_flight(self) -> bool:
        """Whether plans were launched whose reports are still to come."""
        return any(loaded.executor.in_flight for loaded in self._programs.values())

    def look_ahead(self, plans: Iterable[Plan]) -> None:
        """Begins to read the images of the next plans of each program."""
        coming: dict[str, list[Plan]] = {}
        for plan in plans:
            coming.setdefault(plan.program, []).append(plan)
        for name, of_one in coming.items():
            if name in self._programs:
                self._programs[name].look_ahead(of_one, self._sources)

    def run_plan(self, plan: Plan) -> Report | None:
        """Launches a plan, to be reported by `finished_plans`; a report at once if it ran before."""
        return self._loaded(plan.program).run(plan, self._sources, self.progress)

    def finished_plans(self, wait: bool = False) -> Iterator[Report]:
        """Reports of launched plans that are available; with `wait`, of all. May raise PlanFailed."""
        for loaded in self._programs.values():
            for report in loaded.finished(wait):
                self.progress.finished(report.program, report.number)
                yield report

    def plan_failed(self, program: str, error: BaseException) -> None:
        """From here the program's plans are dropped."""
        if program in self._programs:
            self._programs[program].fail(error)
        else:
            self._unknown.add(program)

    def forget_plans(self) -> None:
        """Drops the images that were read for plans that will not run."""
        for loaded in self._programs.values():
            loaded.forget()

    # Requests

    def answer(self, request: Message) -> Answer | Later:
        """Executes one checked request other than a plan."""
        return self._requests[request.kind](request.body, request.buffers)

    def close(self) -> None:
        """Ends the threads of what is loaded."""
        for loaded in (*self._programs.values(), *self._nets.values()):
            loaded.close()

    def _source(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        source = open_source(body["spec"], dict(buffers))
        self._sources[body["name"]] = source
        self.forget_plans()  # they may have been read from the one that it replaces
        return Answer({"images": len(source), "shape": list(source.shape)})

    def _load(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        started = time.perf_counter()
        module = parse_module(body["ir"])
        files = {name: WeightsFile.of(spec) for name, spec in body["files"].items()}
        device, threads = _device(body["device"]), body["threads"]
        program = Program(module, backend=body["backend"], device=device, threads=threads)
        prefetcher = _prefetcher(body["readers"], program.device)
        name = body["program"]
        self._let_go(name)  # only now: a `load` that fails leaves the program before it whole
        self._programs[name] = LoadedProgram(name, program, prefetcher, files)
        self._unknown.discard(name)
        self.progress.finished(name, -1)
        seconds = time.perf_counter() - started
        return Answer(
            {"parameters": program.parameter_count, "bytes": program.state_bytes, "seconds": seconds}
        )

    def _load_net(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        started = time.perf_counter()
        net = open_net(body["kind"], Path(body["path"]), _device(body["device"]), body["threads"])
        name = body["program"]
        self._let_go(name)
        self._nets[name] = LoadedNet(net, _prefetcher(body["readers"], net.device))
        seconds = time.perf_counter() - started
        return Answer({"input": net.input, "texts": net.texts, "bytes": net.bytes, "seconds": seconds})

    def _unload(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        self._embeds(body["program"])
        self._let_go(body["program"])
        return Answer()

    def _let_go(self, name: str) -> None:
        """What has this name is there no more, if there is something."""
        for things in (self._programs, self._nets):
            if name in things:
                things.pop(name).close()

    def _init(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        loaded = self._loaded(body["program"])
        weights = loaded.program.weights(loaded.files)
        loaded.changing("init")
        loaded.program.initialise(body["seed"], weights)
        self._begin(loaded, body["next"], body["seed"])
        return Answer()

    def _sync(self, body: dict[str, Any], __: Mapping[str, np.ndarray]) -> Answer:
        return Answer({"number": self._loaded(body["program"]).done})

    def _embed(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        asked, function = self._embeds(body["program"]), body["function"]
        feeding = AS_READ if body["input"] is None else Feeding.of(body["input"])
        flip = body["flip"]
        if flip is not None and flip not in FLIPS:
            raise HostError(
                "F2C6506", f"`embed`: `flip` is {flip!r}; it is one of {', '.join(FLIPS)}", "host"
            )
        makes = None if function is None else asked.rows_of(function)
        source, prefetcher = self._opened(body["source"]), asked.prefetcher
        images, batch = buffers["images"], body["batch"]
        asked.forget()  # an evaluation has the loader for itself
        try:
            matrix = (
                pixel_rows(source, prefetcher, images, batch, self._part_done)
                if makes is None
                else embed_images(
                    makes, source, prefetcher, images, batch, feeding, flip, on_batch=self._part_done
                )
            )
        finally:
            prefetcher.forget_all()
        self._matrices[body["matrix"]] = matrix
        broken = np.flatnonzero(source.stood_in_for(images)).astype(np.int32)
        return Answer({"width": matrix.rows.shape[1]}, {"broken": broken})

    def _cosines(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        matrix = self._kept(body["matrix"])
        return Answer({}, {"cosines": cosines(matrix, buffers["pairs"], self._paused)})

    def _top_k(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        matrix, gallery = self._kept(body["matrix"]), self._kept(body["gallery"])
        positions, scores = top_k(
            matrix, buffers["queries"], gallery, buffers["among"], body["k"], self._paused
        )
        return Answer({}, {"positions": positions, "scores": scores})

    def _means(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        matrix = self._kept(body["matrix"])
        self._matrices[body["into"]] = means(matrix, buffers["groups"], body["count"], self._paused)
        return Answer()

    def _rows(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        return Answer({}, {"rows": rows_as_f32(self._kept(body["matrix"]), body["first"], body["count"])})

    def _sums(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        matrix = self._kept(body["matrix"])
        parts = (buffers[name] for name in ("rows", "groups", "weights", "plus"))
        self._matrices[body["into"]] = sums(matrix, body["count"], *parts, body["unit"], self._paused)
        return Answer()

    def _highest(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        matrix, gallery = self._kept(body["matrix"]), self._kept(body["gallery"])
        found = highest(matrix, buffers["queries"], gallery, buffers["among"], body["k"], self._paused)
        return Answer({}, {"cosines": found})

    def _release(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        self._matrices.pop(body["matrix"], None)
        return Answer()

    def _part_done(self, done: int, total: int) -> None:
        """Between two parts of a long request: tells how far it is, and stops it if the driver asks for that."""
        self.on_part(done, total)
        self._paused()

    def _paused(self) -> None:
        """Between two parts of a long request: is alive, and stops if the driver asks for that."""
        self.progress.touch()
        if self._interruption is not None:
            self._interruption.check()

    def _save(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Later:
        loaded = self._loaded(body["program"])
        _refuse_unknown(loaded.whole().kept, body["finite"])
        number = loaded.done
        saving = loaded.save(Path(body["path"]), body["finite"])
        return Later(
            saving, lambda saved: Answer({"bytes": saved.bytes, "sha256": saved.sha256, "number": number})
        )

    def _restore(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        loaded = self._loaded(body["program"])
        checkpoint.restore(
            loaded.program.kept, Path(body["path"]), lambda: loaded.changing("restore"), body["sha256"]
        )
        self._begin(loaded, body["next"], body["seed"])
        return Answer()

    def _exporters(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        return Answer({"endings": {name: ready_exporter(name).ending for name in body["names"]}})

    def _export(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        program = self._loaded(body["program"]).whole()
        return Answer(export_function(program, body["function"], body["to"], body["path"], body["about"]))

    def _preview(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        images = self._opened(body["source"]).read(buffers["images"])
        return self._sheet(images, body)

    def _draw(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        return self._sheet(torch.from_numpy(buffers["pixels"].copy()), body)

    def _sheet(self, images: Tensor, body: dict[str, Any]) -> Answer:
        width, height = write_contact_sheet(images, body["columns"], body["path"], body["names"])
        return Answer({"width": width, "height": height})

    def _inspect(self, body: dict[str, Any], buffers: Mapping[str, np.ndarray]) -> Answer:
        found = self._opened(body["source"]).inspect(buffers["images"])
        if found is None:
            raise HostError(
                "F2C6114",
                f"the images of `{body['source']}` lie in no files that could be inspected",
                hint="inspect a source of kind image_folder, or one made of such",
            )
        return Answer({"broken": found.broken}, found.arrays)

    def _convert(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        return Answer(convert([Path(path) for path in body["paths"]], Path(body["to"]), self._paused))

    def _read(self, body: dict[str, Any], _: Mapping[str, np.ndarray]) -> Answer:
        storage = self._loaded(body["program"]).whole().storage
        _refuse_unknown(storage, body["names"])
        return Answer({}, {name: _readable(storage[name]) for name in body["names"]})

    def _shutdown(self, _: dict[str, Any], __: Mapping[str, np.ndarray]) -> Answer:
        self.finished = True
        return Answer()

    def _begin(self, loaded: LoadedProgram, number: int, seed: int) -> None:
        loaded.begin(number, seed)
        self.progress.finished(loaded.name, number - 1)

    def _loaded(self, name: str) -> LoadedProgram:
        return named("program", name, self._programs)

    def _embeds(self, name: str) -> LoadedProgram | LoadedNet:
        return self._nets.get(name) or self._loaded(name)

    def _opened(self, name: str) -> Source:
        return named("source", name, self._sources)

    def _kept(self, name: str) -> Matrix:
        return named("matrix", name, self._matrices)


def _prefetcher(readers: int | None, device: torch.device) -> Prefetcher:
    return Prefetcher(readers or _readers(), PLANS_AHEAD, pin=device.type == "cuda")


def _readers() -> int:
    # Half of the cores read images; the other half computes.
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def _device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise HostError("F2C6603", f"`{name}` is not a device", "user", "use auto, cpu, cuda or cuda:0")
    return name


def _refuse_unknown(storage: Mapping[str, Tensor], names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in storage]
    if unknown:
        raise HostError("F2C6315", f"the program has no parameter or state `{unknown[0]}`", "user")


def _readable(tensor: Tensor) -> np.ndarray:
    """A storage in a type that travels. Always a copy: the next plan may write to the storage while the bridge still sends."""
    dtype = travelling_dtype(tensor)
    return tensor.detach().to("cpu", dtype, copy=True, memory_format=torch.contiguous_format).numpy()
