"""A verified module, compiled for a device: its storage, and its functions to run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import Frame, HostError
from ..ir.module import Function, Input, Module, Op, Storage, size_of
from ..ir.ops_table import OPS
from ..lower.branches import has_branches, settle, share
from ..lower.builders import DTYPES, build_eager, build_inductor, build_script, eager_frames
from ..lower.places import Places
from ..process.freed_memory import keep_freed_memory
from ..torch_api import adapter
from ..verify.verifier import verify
from ..wire.failure import out_of_memory
from .initialise import fill
from .memory import device_memory, storage_bytes, zeros
from .weights_file import OpenWeights, WeightsFile

_SCRIPT_PLACE = re.compile(
    r'File "([^"]+)", line (\d+)[^\n]*\n((?:[^\n]*\n){0,12}?)([ ]*)(~+)[^\n]*<--- HERE'
)

_CUDA = re.compile(r"cuda(?::([0-9]{1,9}))?")

# What TorchScript makes of an interruption that comes while one of our ops in Python runs.
_INTERRUPTED = "KeyboardInterrupt: <EMPTY MESSAGE>"

_SMALLER = "lower the loader's images a step, the pool's capacity or the net's width"

BACKENDS = {"torchscript": build_script, "eager": build_eager, "inductor": build_inductor}


def select_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda`, `cuda:1`; a CUDA device with its index. Raises HostError F2C6302 for one that is not there."""
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not found):
        return torch.device("cpu")
    cuda = _CUDA.fullmatch("cuda" if name == "auto" else name)
    if cuda is None:
        hint = 'set `device` to "auto", "cpu", "cuda" or "cuda:1"'
        raise HostError("F2C6302", f"torch knows no device {name!r}", "host", hint)
    index = int(cuda[1] or 0)
    if index >= found:
        raise HostError(
            "F2C6302",
            f"{name} is asked for, and this machine has {found} CUDA devices that torch can use",
            "host",
            'use --device cpu, or `device: "auto"` in the experiment, or install a torch with CUDA for this machine\'s driver',
        )
    return torch.device("cuda", index)


class Program:
    """Compiles `module` for a backend and a device. Call `initialise` or load the storage before the first `run`."""

    def __init__(
        self, module: Module, *, backend: str = "torchscript", device: str = "cpu", threads: int | None = None
    ) -> None:
        verify(module)
        if backend not in BACKENDS:
            raise HostError(
                "F2C6303", f"there is no backend {backend!r}", "user", f"choose one of {', '.join(BACKENDS)}"
            )
        if threads:
            torch.set_num_threads(threads)
        self.module = module
        self.backend = backend
        self.device = select_device(device)
        adapter().configure_executor()
        adapter().compute_as_declared()
        keep_freed_memory()
        self._places = Places(module)
        self.draws = {
            f.name for f in module.functions if any(OPS[o.op].effect == "rng" for o in f.body.walk())
        }
        self._differentiates = {
            f.name for f in module.functions if any(OPS[o.op].takes_derivatives for o in f.body.walk())
        }
        on_cpu = self.device.type == "cpu"
        self._branches = {f.name for f in module.functions if on_cpu and has_branches(f)}
        build = BACKENDS[backend]
        try:
            self._runnable = {f.name: build(module, f, module.places, self.device) for f in module.functions}
        except HostError:
            raise
        except Exception as error:
            raise self._translate(error, "compiling the program") from error
        self._check_memory()
        try:
            self.storage = {s.name: self._room(s) for s in module.storages}
        except Exception as error:
            raise self._translate(error, "making room for the state") from error
        self._list = [*self.storage.values(), *(self._numbers(op) for op in module.lists.values())]
        if backend == "inductor" and self.device.type == "cuda":
            adapter().keep_in_place(self._list)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # whose stream the events of a step are recorded on

    @property
    def kept(self) -> dict[str, Tensor]:
        """The storage that is saved: all but scratch."""
        return {s.name: self.storage[s.name] for s in self.module.storages if s.role != "scratch"}

    @property
    def state_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in self.storage.values())

    @property
    def parameter_count(self) -> int:
        return sum(self.storage[s.name].numel() for s in self.module.parameters)

    def _check_memory(self) -> None:
        """Refuses what cannot fit, before a system that lends memory freely ends the process for using it."""
        module, total = self.module, device_memory(self.device)
        needed = sum(storage_bytes(s) for s in module.storages)
        if needed > total:
            raise HostError(
                "F2C6304",
                f"out of memory: the state takes {needed / 2**30:.1f} GiB, {self.device} has {total / 2**30:.1f} GiB",
                "resource",
                _SMALLER,
            )

    def _room(self, storage: Storage) -> Tensor:
        """A storage's tensor, which stays for good; a trained parameter is a leaf that takes gradients."""
        tensor = zeros(storage, self.device)
        if storage.layout == "channels_last":
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor.requires_grad_(storage.trained)

    def _numbers(self, op: Op) -> Tensor:
        """A list of numbers that the program holds."""
        dtype = DTYPES[op.attributes.get("dtype", "f32")]
        kind = np.float64 if dtype.is_floating_point else np.int64
        values = torch.from_numpy(np.asarray(op.attributes["values"], kind))
        return values.reshape([int(size) for size in op.attributes["shape"]]).to(self.device, dtype)

    def weights(self, files: Mapping[str, WeightsFile]) -> OpenWeights:
        """The files that storages start from, if they fit; nothing is changed yet. Raises F2C6208 to F2C6212."""
        return OpenWeights(files, self.module.storages)

    def initialise(self, seed: int, weights: OpenWeights | None = None) -> None:
        """Fills every storage by its initialiser: the same values on every device."""
        try:
            fill(self.storage, self.module, seed, weights or self.weights({}))
        except Exception as error:
            raise self._translate(error, "drawing the first state") from error

    def run(self, function: str, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Runs a function on inputs by their dotted names; returns its named results."""
        return self.call(function, self.arguments(function, inputs))

    def arguments(self, function: str, inputs: Mapping[str, Any]) -> list[Any]:
        """The inputs of a function in its order, checked and on the device. Raises F2C5202 or F2C5203 for one that misfits."""
        declared = self.module.function(function)
        symbols: dict[str, int] = {}
        arguments = []
        for entry in declared.inputs:
            if entry.name not in inputs:
                raise HostError(
                    "F2C5202",
                    f"`{function}` needs the input {entry.name}",
                    "fault",
                    "a plan must give every input of the function",
                )
            arguments.append(self._argument(entry, inputs[entry.name], symbols))
        for entry, value in zip(declared.inputs, arguments, strict=True):
            for have, want in zip(getattr(value, "shape", ()), entry.type.dims, strict=True):
                if isinstance(want, str) and size_of(want, symbols) not in (None, have):
                    raise _misshapen(entry, value)
        return arguments

    def call(self, function: str, arguments: Sequence[Any]) -> dict[str, Tensor]:
        """Runs a function on what `arguments` made of its inputs; returns its named results."""
        declared = self.module.function(function)
        if function in self._branches:
            share()
        try:
            if function in self._differentiates:
                results = self._runnable[function](self._list, self.device, *arguments)
            else:
                with torch.no_grad():
                    results = self._runnable[function](self._list, self.device, *arguments)
        except BaseException as error:
            settle()  # a branch beside the one that failed may still write
            if isinstance(error, HostError) or not isinstance(error, Exception):
                raise
            if _INTERRUPTED in str(error):
                raise KeyboardInterrupt from error
            raise self._translate(error, f"running `{function}`", declared) from error
        return {r.name: value.detach() for r, value in zip(declared.results, results, strict=True)}

    def _argument(self, entry: Input, value: Any, symbols: dict[str, int]) -> Any:
        if entry.type.kind == "scalar":
            convert = {"f64": float, "i64": int, "bool": bool}[entry.type.scalar]
            if isinstance(value, bool | int | float):
                return convert(value)
            raise HostError(
                "F2C5202", f"input {entry.name} must be a number, got {type(value).__name__}", "fault"
            )
        tensor = torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        if not isinstance(tensor, Tensor):
            raise HostError(
                "F2C5202", f"input {entry.name} must be a tensor, got {type(value).__name__}", "fault"
            )
        wanted = entry.type.dims
        fits = tensor.dim() == len(wanted)
        for have, want in zip(tensor.shape, wanted, strict=False):
            if isinstance(want, int):
                fits = fits and have == want
            elif want.isidentifier():
                fits = fits and symbols.setdefault(want, have) == have
        if not fits:
            raise _misshapen(entry, tensor)
        return tensor.to(self.device, DTYPES[entry.type.dtype], non_blocking=True)

    # ---- errors

    def _translate(self, error: Exception, doing: str, within: Function | None = None) -> HostError:
        """An error of torch, perhaps `within` a function, with its place in the user's TypeScript."""
        text = str(error)
        marked = self._marked(text)
        frames = self._called(marked, within) if marked else eager_frames(self.module, error)
        message = _torch_message(text)
        if out_of_memory(error):
            return HostError(
                "F2C6304", f"out of memory while {doing}: {message}", "resource", _SMALLER, frames
            )
        if "recompile_limit" in text:
            hint = 'sizes and outcomes of its conditions are too many to compile each: choose the backend "torchscript"'
            return HostError("F2C6305", f"torch refused while {doing}: {message}", "user", hint, frames)
        return HostError(
            "F2C6305", f"torch refused while {doing}: {message}", "user" if frames else "fault", None, frames
        )

    def _called(self, at: Frame, within: Function | None) -> list[Frame]:
        """A place and the calls around it, innermost first. Of an op that was inlined in several places, the calls that they
        have in common: TorchScript knows places only, not which call they came through."""
        functions = self.module.functions if within is None else [within]
        used = {op.location for f in functions for op in f.body.walk()}
        near = [i for i in sorted(used) if self.module.locations[i].start == at.start]
        chains = [self.module.frames(i) for i in near if self._places.frame(i) == at]
        common: list[Frame] = []
        for frames in zip(*(reversed(chain) for chain in chains), strict=False):
            if len(set(frames)) > 1:
                return [chains[0][0], *common]
            common.insert(0, frames[0])
        return common or [at]

    def _marked(self, text: str) -> Frame | None:
        """The innermost place that a TorchScript traceback marks in a source of the program."""
        sources = {s.path: s for s in self.module.sources}
        marked = None
        for path, line, shown, indent, mark in _SCRIPT_PLACE.findall(text):
            source = sources.get(path)
            if source is None:
                continue
            caret_line = int(line) + max(0, shown.count("\n") - 1) if shown else int(line)
            row = source.text.split("\n")[min(int(line), source.text.count("\n") + 1) - 1]
            shown_rows = [r for r in shown.split("\n") if r.strip()]
            marked = shown_rows[-1] if shown_rows else row
            rows = source.text.split("\n")
            number = next(
                (
                    n
                    for n in range(int(line), min(caret_line + 12, len(rows)) + 1)
                    if rows[n - 1].strip() == marked.strip()
                ),
                int(line),
            )
            offset = (
                len(rows[number - 1]) - len(rows[number - 1].lstrip()) - (len(marked) - len(marked.lstrip()))
            )
            start = len(indent) + offset
            marked = Frame(path, *self._places.span(source, number, start, start + len(mark)))
        return marked


def _misshapen(entry: Input, tensor: Tensor) -> HostError:
    return HostError(
        "F2C5203", f"input {entry.name} must be {entry.type}, got shape {list(tensor.shape)}", "fault"
    )


def _torch_message(text: str) -> str:
    """torch's own message without the traceback that TorchScript wraps around it."""
    lines = [line for line in text.strip().split("\n") if line.strip()]
    if lines and lines[0].startswith("The following operation failed"):
        tail = [i for i, line in enumerate(lines) if re.match(r"^(\w*Error|RuntimeError|IndexError)", line)]
        return " ".join(lines[tail[-1] :]) if tail else lines[-1]
    return lines[0] if lines else "no message"
