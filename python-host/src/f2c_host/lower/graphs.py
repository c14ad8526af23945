"""The graphs that Inductor compiles of a function: one for each set of sizes, and each outcome of what its scalars decide. A
graph is kept on disk under the digest of all that it was made from, and loaded at the next start: then nothing is
traced or compiled."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import HostError
from ..files.kept_files import KeptFiles, forget_unused
from ..files.user_cache import own_folder
from ..kernels.native import library
from ..torch_api import adapter, forget_unused_code

_log = logging.getLogger(__name__)

# The most graphs of a function.
_OUTCOMES = 64
# Of all graphs that are kept: some hundred of the size of a quickstart's step.
_MOST_BYTES = 2**30
_PACKAGE = Path(__file__).parents[1]

Graph = Callable[..., Sequence[Tensor]]


class Graphs:
    """`function(S, device, arguments...)`, of which `text` is the source; `places` are those of its storages in S. Tensors among
    the arguments are inputs of a graph, numbers are constants of it."""

    def __init__(self, function: Callable[..., list[Tensor]], text: str, places: Sequence[int]) -> None:
        self._function = function
        self._text = text
        self._places = places
        self._graphs: dict[tuple[object, ...], Graph] = {}
        self._storage: list[Tensor] | None = None
        self._stored: list[Tensor] = []

    def __call__(self, storage: list[Tensor], device: torch.device, *arguments: Any) -> list[Tensor]:
        if storage is not self._storage:
            # The same memory without a history: what a graph writes, it writes there.
            self._storage, self._stored = storage, [storage[i].detach() for i in self._places]
        case = tuple(_form(a) if isinstance(a, Tensor) else repr(a) for a in arguments)
        recording = torch.is_grad_enabled()
        with torch.no_grad():
            graph = self._graphs.get(case)
            if graph is None:
                graph = self._graphs[case] = self._made(device, arguments, case, recording)
            return list(graph(*self._stored, *(a for a in arguments if isinstance(a, Tensor))))

    def _made(
        self, device: torch.device, arguments: Sequence[Any], case: tuple[object, ...], recording: bool
    ) -> Graph:
        """The graph of a case, from the disk or compiled."""
        if len(self._graphs) == _OUTCOMES:
            raise HostError(
                "F2C6305",
                f"Inductor would compile more than {_OUTCOMES} graphs of one function",
                "user",
                'sizes and outcomes of its conditions are too many to compile each: choose the backend "torchscript"',
            )
        assert self._storage is not None
        trained = [self._storage[i].requires_grad for i in self._places]
        forms = [(_form(t), t.requires_grad) for t in (self._storage[i] for i in self._places)]
        made_from = (self._text, str(device), self._places, forms, case, recording, _surroundings())
        name = hashlib.sha256(repr(made_from).encode()).hexdigest()
        kept = _kept()
        graph = _loaded(kept.read(name))
        if graph is not None:
            return graph
        name_in_source = self._function.__name__.removeprefix("f2c_")
        _log.info("%s", _announced(name_in_source, again=bool(self._graphs), kept=kept.folder is not None))
        began = time.perf_counter()
        inputs = [*self._stored, *(a for a in arguments if isinstance(a, Tensor))]
        compute = self._of_tensors(device, arguments, trained, recording)
        graph, content = adapter().compiled_graph(compute, inputs)
        kept.write(name, content)
        _log.info("compiled `%s` in %.0f s", name_in_source, time.perf_counter() - began)
        _forget_unused(kept)
        return graph

    def _of_tensors(
        self, device: torch.device, arguments: Sequence[Any], trained: Sequence[bool], recording: bool
    ) -> Callable[..., list[Tensor]]:
        """The function with tensors alone as arguments."""

        def compute(*tensors: Tensor) -> list[Tensor]:
            stored, given = tensors[: len(trained)], iter(tensors[len(trained) :])
            for tensor, takes_gradient in zip(stored, trained, strict=True):
                tensor.requires_grad_(takes_gradient)
            values = [next(given) if isinstance(a, Tensor) else a for a in arguments]
            with torch.set_grad_enabled(recording):
                return self._function(dict(zip(self._places, stored, strict=True)), device, *values)

        return compute


def _announced(function: str, again: bool, kept: bool) -> str:
    """What is said before a graph is compiled."""
    case = " once more, for other sizes or another outcome of its conditions" if again else ""
    afterwards = "the next start finds it on disk" if kept else "nothing can be kept in the user's cache"
    return f"Inductor compiles `{function}`{case}, which may take minutes; {afterwards}"


def _forget_unused(kept: KeptFiles) -> None:
    """Graphs, and code in Inductor's own folder."""
    if kept.folder is not None:
        forget_unused(kept.folder)
    forget_unused_code()


def _form(tensor: Tensor) -> tuple[object, ...]:
    return tensor.dtype, tuple(tensor.shape), tensor.stride()


@cache
def _kept() -> KeptFiles:
    return KeptFiles(own_folder("graphs"), _MOST_BYTES)


@cache
def _surroundings() -> str:
    """What a graph is made from beside its function: torch, the machine, and the text of what the function calls."""
    digest = hashlib.sha256(f"{adapter().compiled_for()} {library() is None}".encode())
    for room in ("lower", "kernels", "torch_api"):
        for file in sorted((_PACKAGE / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _loaded(content: bytes | None) -> Graph | None:
    if content is None:
        return None
    try:
        return adapter().loaded_graph(content)
    except Exception as error:
        _log.warning("a graph that was kept on disk does not load, and is compiled anew: %s", error)
        return None
