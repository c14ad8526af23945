"""What is private to torch, and alike in all lines: building TorchScript functions from Python `ast` with sources of
our own behind the ranges, graphs of a whole step, how graphs are executed. A line that differs gets a module of its own, which
takes the rest from here.

Dynamo is imported only where it is asked: it takes as long to import as all the rest of torch."""

from __future__ import annotations

import ast
import logging
import os
import pickle
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch._C._jit_tree_views import SourceRangeFactory
from torch.jit._recursive import ScriptMethodStub, create_script_module
from torch.jit.frontend import build_def

from .bare_graph import CACHE, BareGraph

_log = logging.getLogger(__name__)

# The most graphs that Dynamo keeps of a function: outcomes of what its scalars decide, and sizes of its inputs.
_OUTCOMES = 64


class _Context:
    """What torch's front end asks for places. A line of the tree is 1 + a location's index; 0 is an annotation."""

    uses_true_division = True
    filename = "program"
    funcname = None

    def __init__(self, place: Callable[[int], tuple[str, int, int, int]], sources: dict[str, str]) -> None:
        self._place = place
        self._factories = {path: SourceRangeFactory(text, path, 1, 0) for path, text in sources.items()}
        self._current = next(iter(self._factories.values()))
        # The front end peeks behind a name for the dot of an attribute; our trees have no text, so every place looks alike.
        self._length = max(len(text.encode()) for text in sources.values())
        self.source = "." * (self._length + 4096)
        # torch looks the text behind an annotation up as a name, one byte further than the place: not in the user's text.
        self._plain = SourceRangeFactory(self.source, "annotation", 1, 0)
        self._last = self._plain.make_raw_range(0, 1)

    def make_range(self, line: int, start: int, end: int) -> Any:
        if line == 0:
            return self._plain.make_raw_range(self._last.start, self._last.end)
        path, row, first, last = self._place(line - 1)
        self._current = self._factories[path]
        self._last = self._current.make_range(row, first, last)
        return self._last

    def make_raw_range(self, start: int, end: int) -> Any:
        return self._current.make_raw_range(min(start, self._length), min(max(start, end), self._length))


def script_function(
    tree: ast.FunctionDef,
    place: Callable[[int], tuple[str, int, int, int]],
    sources: dict[str, str],
    names: dict[str, Any],
) -> torch.ScriptFunction:
    """Compiles a function tree to TorchScript; names that it does not define are looked up in `names`."""
    context = _Context(place, sources)
    definition = build_def(context, tree, None, tree.name)
    return torch._C._jit_script_compile(f"f2c.{tree.name}", definition, names.get, {})


def script_module(
    tree: ast.FunctionDef,
    place: Callable[[int], tuple[str, int, int, int]],
    sources: dict[str, str],
    names: dict[str, Any],
    container: torch.nn.Module,
) -> torch.jit.ScriptModule:
    """Compiles a function tree whose first argument is `self` as the forward of a container with parameters and buffers."""
    definition = build_def(_Context(place, sources), tree, None, tree.name, self_name="ScriptModule")
    stub = ScriptMethodStub(names.get, definition, lambda: None)
    stubs: list[ScriptMethodStub] = [stub]
    made = create_script_module(
        container, lambda module: stubs if module is container else [], share_types=False
    )
    # A saved file holds no function of another compilation unit, so it must call none.
    torch._C._jit_pass_inline(made.forward.graph)
    return made


def compiled_graph(
    function: Callable[..., list[torch.Tensor]], inputs: Sequence[torch.Tensor]
) -> tuple[Callable[..., Sequence[torch.Tensor]], bytes]:
    """`function` of tensors as one graph, compiled by Inductor for their sizes, and what `loaded_graph` makes the same of in
    another process. What the function writes to, the graph writes to; gradients are taken in it.

    It is traced op by op, below autograd, which takes a small part of Dynamo's time and needs nothing of it: our
    functions have no Python to be understood."""
    from torch._inductor import standalone_compile
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad():
        graph = make_fx(function, tracing_mode="fake")(*inputs)
        compiled = standalone_compile(
            graph, inputs, dynamic_shapes="from_example_inputs", options={}, aot=True
        )
    return compiled, pickle.dumps((BareGraph.of(compiled), compiled.serialize(), _tensors_of(graph)))


def loaded_graph(content: bytes) -> Callable[..., Sequence[torch.Tensor]]:
    """The graph that `compiled_graph` made, without importing Inductor where it runs without. Raises anything at all where it
    does not fit this torch."""
    bare, whole, own = pickle.loads(content)
    graph = _loaded(bare, whole)
    return partial(graph, *own) if own else graph


def _loaded(bare: BareGraph | None, whole: bytes) -> Callable[..., Sequence[torch.Tensor]]:
    if bare is not None:
        try:
            return bare.load()
        except ImportError as error:
            _log.info("Inductor builds the machine code of a graph again, which may take minutes: %s", error)
    from torch._inductor.standalone_compile import AOTCompiledArtifact

    return AOTCompiledArtifact.deserialize(whole)


def _tensors_of(graph: torch.nn.Module) -> list[torch.Tensor]:
    """Tensors that a traced function made of numbers. They are in what is compiled, but not in what that writes down, which takes
    them as its first arguments."""
    kept = (graph.named_parameters, graph.named_buffers)
    return [tensor for named in kept for _, tensor in named(remove_duplicate=False)]


def compiled_for() -> str:
    """What compiled code fits to: this torch and Python, how many threads it computes with, and this processor with all
    that it can do."""
    settings = {k: v for k, v in os.environ.items() if k.startswith("TORCHINDUCTOR_") and k != CACHE}
    return repr(
        (
            (torch.__version__, torch.version.git_version, sys.version, torch.get_num_threads()),
            (torch.backends.cpu.get_cpu_capability(), _processor(), sorted(settings.items())),
        )
    )


def _processor() -> str:
    """The instructions that compilers may use: `-march=native` means all that this processor has."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as told:
            lines = {line.strip() for line in told if line.startswith(("model name", "flags", "Features"))}
    except OSError:
        lines = set()
    return f"{platform.machine()} {platform.processor()} {sorted(lines)}"


def whole_graph(function: Callable[..., list[torch.Tensor]]) -> Callable[..., list[torch.Tensor]]:
    """`function` on CUDA: compiled by Dynamo and Inductor as one graph; `torch.autograd.grad` inside it is traced. A graph is
    compiled for each set of sizes: those of a training step never change, an embedding has a few.

    The whole of it is captured as a CUDA graph: storage stays where it is (`keep_in_place`), so that a graph may write
    to it, and each call begins a new generation of the graph's own memory.

    A torch whose Dynamo has no such switch computes the same, uncompiled, and a warning says so.
    """
    import torch._dynamo

    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        _log.warning(
            'the backend "inductor" computes as "eager" does, uncompiled: torch %s cannot trace a gradient inside torch.compile',
            torch.__version__,
        )
        return function
    torch._dynamo.config.trace_autograd_ops = True
    torch._dynamo.config.recompile_limit = _OUTCOMES
    captured = torch.compile(function, fullgraph=True, dynamic=False, mode="reduce-overhead")

    def step(*arguments: Any) -> list[torch.Tensor]:
        torch.compiler.cudagraph_mark_step_begin()
        return captured(*arguments)

    return step


def keep_in_place(tensors: Iterable[torch.Tensor]) -> None:
    """Says that these tensors keep their address: a CUDA graph may then read and write them where they are."""
    import torch._dynamo

    for tensor in tensors:
        torch._dynamo.mark_static_address(tensor)


@contextmanager
def references_without_dynamo() -> Iterator[None]:
    """torch's Python references of ops, which answer for tensors of the device `meta`, import Dynamo in order to be left alone
    by it. Where it is not loaded, nothing compiles them: until the end of the block they are called as they are."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    called: list[Any] = []

    def disable(reference: Any, *_: Any, **__: Any) -> Any:
        called.append(reference)
        return reference

    sys.modules["torch._dynamo"] = torch._dynamo = SimpleNamespace(disable=disable)
    try:
        yield
    finally:
        del sys.modules["torch._dynamo"], torch._dynamo
        for reference in called:
            del reference.__dynamo_disable


def configure_executor() -> None:
    """Interprets graphs as they were compiled. The profiling and the legacy executor differentiate parts of a graph
    themselves, and with `torch.autograd.grad` inside the graph they gave wrong gradients (measured on 2.13)."""
    torch._C._jit_set_texpr_fuser_enabled(False)
    torch._C._set_graph_executor_optimize(False)


def compute_as_declared() -> None:
    """f32 is f32 on CUDA too, where torch computes convolutions in TF32, with 10 bits of mantissa, unless told not to; and
    the same inputs give the same bits."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
