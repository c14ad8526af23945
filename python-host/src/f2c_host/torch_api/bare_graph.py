"""A graph that Inductor compiled, as it runs without Inductor: the Python function that calls one kernel after the other, and
where the libraries of these kernels lie. What Inductor itself keeps of a graph cannot be loaded without importing it
and Dynamo, and that takes longer than all else in a start."""

from __future__ import annotations

import dis
import importlib.util
import marshal
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import torch

# Names the folder of Inductor's own cache.
CACHE = "TORCHINDUCTOR_CACHE_DIR"
# By its name, Inductor's namespace for functions of torch.
_EXTERN = "extern_kernels"


@dataclass(frozen=True)
class Library:
    """Of a kernel: an extension module of Python, and where it lies in Inductor's cache."""

    module: str
    path: str
    function: str


@dataclass(frozen=True)
class BareGraph:
    code: bytes
    """The function, as `marshal` writes it: of this release of Python."""
    kernels: Mapping[str, Library]
    """By the names that the function calls them."""
    guards: Mapping[str, str]
    """Functions in C that torch has for Inductor: their names, by those that the function calls them."""
    extern: tuple[str, ...]
    """The functions of torch that it calls through Inductor's namespace."""

    @staticmethod
    def of(compiled: Any) -> BareGraph | None:
        """Of what `standalone_compile(aot=True)` gave. None where the graph needs something of Inductor or AOTAutograd while it
        runs, or where this torch is built otherwise."""
        try:
            return _bare(compiled)
        except (AttributeError, KeyError, ValueError, StopIteration):
            return None

    def load(self) -> Callable[..., Sequence[torch.Tensor]]:
        """The graph to be called with its tensors. Raises ImportError where a library is gone."""
        guards = torch._C._dynamo.guards
        # Where a library finds a tensor's memory.
        os.environ["_TORCHINDUCTOR_PYOBJECT_TENSOR_DATA_PTR"] = str(
            guards._torchinductor_pyobject_tensor_data_ptr
        )
        names = dict(_known())
        names |= {name: getattr(guards, function) for name, function in self.guards.items()}
        names[_EXTERN] = SimpleNamespace(**{name: getattr(torch, name) for name in self.extern})
        names |= {name: _kernel(library) for name, library in self.kernels.items()}
        call = FunctionType(marshal.loads(self.code), names)
        return lambda *tensors: call(None, list(tensors))


def _bare(compiled: Any) -> BareGraph | None:
    """As `BareGraph.of`, but what is not where it is looked for is an error."""
    from torch._inductor.codecache import PyCodeCache

    entry = compiled.inner_fn.serialize()
    if not _runs_alone(entry):
        return None
    key = entry.compiled_fw.result.cache_key
    written = next(module for module in reversed(PyCodeCache.modules) if module.key == key)
    code = written.call.__func__.__code__
    if "partitions" in code.co_names or any(isinstance(held, CodeType) for held in code.co_consts):
        return None  # it calls functions beside it
    kernels, guards, extern = {}, {}, ()
    for name in {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}:
        value = getattr(written, name)
        if name == _EXTERN:
            extern = tuple(n for n in code.co_names if hasattr(value, n))
            if any(getattr(value, n) is not getattr(torch, n) for n in extern):
                return None
        elif getattr(value, "__self__", None) is torch._C._dynamo.guards:
            guards[name] = value.__name__
        elif value is not _known().get(name):
            kernels[name] = _library(value)
    return BareGraph(marshal.dumps(code), kernels, guards, extern)


def _runs_alone(entry: Any) -> bool:
    """Whether nothing happens around the compiled function: no result is memory of an argument or of another result, all that
    it writes it writes itself, and the module that Inductor wrote has no tensors of its own."""
    about, graph = entry.runtime_metadata, entry.compiled_fw.result
    around = (
        entry.compiled_bw,
        entry.maybe_subclass_meta,
        about.num_mutated_inp_runtime_indices,
        about.num_intermediate_bases,
        about.num_outputs_aliased,
        about.is_rng_op_functionalized,
        about.tokens,
        graph.inputs_to_check,
        graph.constants,
        graph.frozen_param_names,
        any(wrapper.needs_post_compile for wrapper in entry.dispatch_wrappers),
    )
    return not any(around) and about.grad_enabled_mutation is None


@cache
def _known() -> Mapping[str, Any]:
    """What Inductor's text calls by a name of its own, and any torch has without Inductor."""
    return {
        "torch": torch,
        "aten": torch.ops.aten,
        "math": math,
        "inf": math.inf,
        "device": torch.device,
        "empty_strided": torch.empty_strided,
    }


def _library(kernel: Any) -> Library:
    """Where a kernel comes from. Raises AttributeError or ValueError for what is no function of a library in Inductor's cache."""
    module = kernel.__self__
    path = Path(module.__file__).relative_to(os.environ[CACHE])
    return Library(module.__name__, str(path), kernel.__name__)


def _kernel(library: Library) -> Any:
    """A kernel out of its library, which counts as used from now on."""
    path = Path(os.environ[CACHE], library.path)
    with suppress(OSError):
        os.utime(path)
    spec = importlib.util.spec_from_file_location(library.module, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module of Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, library.function)
