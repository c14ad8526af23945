"""Three builders over the visitor's tree: TorchScript, the reference; eager Python, the oracle to debug with; Inductor."""

from __future__ import annotations

import ast
import functools
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType
from typing import Any

import torch

from ..errors import Frame
from ..ir.module import Function, Input, Module
from ..kernels.ops import ON_CPU
from ..torch_api import adapter
from . import js_numbers, random_numbers, runtime_functions
from .branches import IN_PYTHON, IN_SCRIPT, has_branches, run_at_once
from .graphs import Graphs
from .js_numbers import NUMBERS
from .places import Places
from .random_numbers import RANDOM
from .runtime_functions import RUNTIME
from .tensor_numbers import KINDS, TAKES_NUMBER, tensor_scalar
from .tensor_scalars import TensorScalars
from .visitor import Visitor, target_name

EAGER_FILE = "<f2c program>"

Runnable = Callable[..., list[torch.Tensor]]


def overload(target: str) -> Any:
    """torch's op for `aten::add.Tensor`."""
    return getattr(_packet(target), target.partition(".")[2] or "default")


def _packet(target: str) -> Any:
    namespace, _, name = target.partition("::")
    return getattr(getattr(torch.ops, namespace), name.partition(".")[0])


DTYPES = {
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "f64": torch.float64,
    "i32": torch.int32,
    "i64": torch.int64,
    "u8": torch.uint8,
    "bool": torch.bool,
}
# TorchScript's dtypes are integers: the numbers of c10::ScalarType.
_SCALAR_TYPES = {"u8": 0, "i32": 3, "i64": 4, "f16": 5, "f32": 6, "f64": 7, "bool": 11, "bf16": 15}

_COMMON: dict[str, Any] = {
    "len": len,
    "float": float,
    "range": range,
    "min": min,
    "max": max,
    "no_grad": torch.no_grad,
    "tensor": torch.tensor,
}
_CHANNELS_LAST = 2  # c10::MemoryFormat


class _NumberedDtypes(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == "channels_last":
            return ast.copy_location(ast.Constant(_CHANNELS_LAST), node)
        if not node.id.startswith("dtype_"):
            return node
        return ast.copy_location(ast.Constant(_SCALAR_TYPES[node.id.removeprefix("dtype_")]), node)


def _python(*trees: ast.FunctionDef) -> dict[str, Any]:
    """The trees as Python functions, in the namespace that is still to get what they call."""
    for tree in trees:
        tree.returns = None
        for node in ast.walk(tree):
            if isinstance(node, ast.arg):
                node.annotation = None
    names: dict[str, Any] = dict(_COMMON)
    names |= {f"dtype_{name}": dtype for name, dtype in DTYPES.items()}
    names |= RUNTIME | NUMBERS | RANDOM
    names["channels_last"] = torch.channels_last
    code: CodeType = compile(ast.Module([*trees], []), EAGER_FILE, "exec")
    exec(code, names)
    return names


def build_eager(
    module: Module, function: Function, storage_index: dict[str, int], device: torch.device | None = None
) -> Runnable:
    """Compiles the tree as Python. Its traceback lines are locations: `eager_frames` reads them."""
    visitor = Visitor(module, function, storage_index, _forks(function, device), _is_cpu(device))
    trees = visitor.functions()
    names = _python(*trees)
    names |= IN_PYTHON
    names |= {target_name(t): overload(t) for t in visitor.targets} | _own(visitor.targets, device)
    return names[trees[-1].name]


def build_traceable(module: Module, function: Function, storage_index: dict[str, int]) -> Runnable:
    """The same for `torch.export`: it keeps the lines of functions called `forward` alone, and takes what `aten::size` gives
    for a constant."""
    visitor = Visitor(module, function, storage_index)
    tree = visitor.lower()
    tree.name = "forward"
    names = _python(tree)
    names |= {target_name(t): overload(t.replace("aten::size.", "aten::sym_size.")) for t in visitor.targets}
    return names[tree.name]


def build_inductor(
    module: Module, function: Function, storage_index: dict[str, int], device: torch.device
) -> Runnable:
    """The function through Inductor: one graph for each outcome of what its scalars decide, gradient and updates
    included."""
    visitor = TensorScalars(module, function, storage_index)
    before, tree = visitor.functions()
    text = ast.unparse(tree)
    names = _python(before, tree)
    names |= {target_name(t): TAKES_NUMBER.get(t) or overload(t) for t in visitor.targets}
    names["tensor_scalar"] = tensor_scalar
    whole, decide = names[tree.name], names[before.name]
    graph = (
        adapter().whole_graph(whole) if device.type == "cuda" else Graphs(whole, text, sorted(visitor.stored))
    )

    def run(storage: list[torch.Tensor], device: torch.device, *arguments: Any) -> list[torch.Tensor]:
        scalars = [a for a in arguments if not isinstance(a, torch.Tensor)]
        tensors, numbers = visitor.enter(arguments)
        vectors = [
            torch.tensor(numbers[kind], dtype=dtype).to(device, non_blocking=True)
            for kind, dtype in KINDS.items()
        ]
        return graph(storage, device, *tensors, *decide(*scalars), *vectors)

    return run


def _is_cpu(device: torch.device | None) -> bool:
    """Not where there is none: a file that leaves may be read anywhere."""
    return device is not None and device.type == "cpu"


def _own(targets: Iterable[str], device: torch.device | None) -> dict[str, Any]:
    """Our kernels that stand in for targets on this device."""
    if not _is_cpu(device):
        return {}
    return {target_name(t): ON_CPU[t] for t in targets if t in ON_CPU}


@functools.cache
def _script_helpers() -> dict[str, Any]:
    """Kept for good: compiled functions point at these, and torch does not keep them alive."""
    units = (
        (runtime_functions.script(), RUNTIME),
        (js_numbers.script(), NUMBERS),
        (random_numbers.script(), RANDOM),
    )
    return {name: getattr(unit, name) for unit, names in units for name in names}


def _script_names(targets: Iterable[str]) -> dict[str, Any]:
    return dict(_COMMON) | _script_helpers() | {target_name(t): _packet(t) for t in targets}


def build_script(
    module: Module, function: Function, storage_index: dict[str, int], device: torch.device | None = None
) -> torch.ScriptFunction:
    """Compiles the tree as one TorchScript function whose ranges lie in the TypeScript sources."""
    visitor = Visitor(module, function, storage_index, _forks(function, device), _is_cpu(device))
    trees = [_NumberedDtypes().visit(tree) for tree in visitor.functions()]
    sources = {s.path: s.text for s in module.sources}
    names = _script_names(visitor.targets) | _own(visitor.targets, device) | IN_SCRIPT
    for tree in trees:  # each calls those before it
        names[tree.name] = adapter().script_function(tree, _place_of(module), sources, names)
    return names[trees[-1].name]


def _forks(function: Function, device: torch.device | None) -> bool:
    """Whether the function's branches run at the same time."""
    return device is not None and has_branches(function) and run_at_once(device)


def _place_of(module: Module) -> Callable[[int], tuple[str, int, int, int]]:
    places = Places(module)

    def place(location: int) -> tuple[str, int, int, int]:
        p = places.place(location)
        return p.path, p.line, p.start, p.end

    return place


# What torch calls the numbers of c10::ScalarType, in order; those behind them hold no numbers.
_TORCH_NAMES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
_TORCH_NAMES += ["complex32", "complex64", "complex128", "bool", "qint8", "quint8", "qint32", "bfloat16"]


class _MethodVisitor(Visitor):
    """The function as the forward of a module: storages are attributes of `self`, the device is that of the first tensor
    given, and there is one result. Nobody stands between a file and what it is given, so it looks at that itself."""

    def __init__(self, module: Module, function: Function, attributes: Mapping[str, Sequence[str]]) -> None:
        super().__init__(module, function, {})
        self.attributes = attributes

    def storage(self, name: str) -> ast.expr:
        node: ast.expr = self.name("self")
        for part in self.attributes[name]:
            node = ast.Attribute(node, part, ast.Load())
        return node

    def lower(self) -> ast.FunctionDef:
        tree = super().lower()
        tree.name = "forward"
        own = ast.arg("self", None)
        tree.args.args = [self.at(own), *tree.args.args[2:]]  # type: ignore[list-item]
        sizes: dict[str, ast.expr] = {}
        looks = [s for i in self.function.inputs if i.type.kind == "tensor" for s in self.fits(i, sizes)]
        tree.body[:0] = [*looks, self.assign(["device"], self.device())]
        tree.returns = self.annotation(self.name("Tensor"))
        end = tree.body[-1]
        assert isinstance(end, ast.Return) and isinstance(end.value, ast.List)
        end.value = end.value.elts[0]
        return tree

    def fits(self, entry: Input, sizes: dict[str, ast.expr]) -> list[ast.stmt]:
        """Raises unless a tensor has the type that the signature says. `sizes` are those that its names stand for, each at
        least 1: what an input before has there, if one has."""
        value, shape = self.local(entry.value.id), f"{self.local(entry.value.id)}_shape"

        def size(i: int) -> ast.expr:
            return ast.Subscript(self.name(shape), ast.Constant(i), ast.Load())

        def holds(left: ast.expr, relation: ast.cmpop, right: ast.expr) -> ast.expr:
            return ast.Compare(left, [relation], [right])

        dtype = ast.Attribute(self.name(value), "dtype", ast.Load())
        tests = [
            holds(dtype, ast.Eq(), self.dtype(entry.type.dtype)),
            holds(self.call("len", self.name(shape)), ast.Eq(), ast.Constant(len(entry.type.dims))),
        ]
        for i, dim in enumerate(entry.type.dims):
            if isinstance(dim, int):
                tests.append(holds(size(i), ast.Eq(), ast.Constant(dim)))
            elif dim in sizes:
                tests.append(holds(size(i), ast.Eq(), sizes[dim]))
            else:
                tests.append(holds(size(i), ast.GtE(), ast.Constant(1)))
                if dim.isidentifier():
                    sizes[dim] = size(i)
        names = ast.List([ast.Constant(name) for name in _TORCH_NAMES], ast.Load())
        number = self.call("min", dtype, ast.Constant(len(_TORCH_NAMES)))
        named = ast.BinOp(names, ast.Add(), ast.List([ast.Constant("another type")], ast.Load()))
        wanted = f"{_TORCH_NAMES[_SCALAR_TYPES[entry.type.dtype]]} [{', '.join(map(str, entry.type.dims))}]"
        pixels = ", pixels from 0 to 255" if entry.type.dtype == "u8" else ""
        message: list[ast.expr] = [
            ast.Constant(f"`{entry.name}` must be {wanted}{pixels}; got "),
            ast.FormattedValue(ast.Subscript(named, number, ast.Load()), -1),
            ast.Constant(" "),
            ast.FormattedValue(self.name(shape), -1),
        ]
        self.line = self.function.location + 1
        return [
            self.assign([shape], ast.Attribute(self.name(value), "shape", ast.Load())),
            self.at(ast.Assert(ast.BoolOp(ast.And(), tests), ast.JoinedStr(message))),  # type: ignore[list-item]
        ]

    def device(self) -> ast.expr:
        given = [i.value.id for i in self.function.inputs if i.type.kind == "tensor"]
        return ast.Attribute(self.read(given[0]), "device", ast.Load()) if given else ast.Constant(None)


def build_module(
    module: Module,
    function: Function,
    attributes: Mapping[str, Sequence[str]],
    container: torch.nn.Module,
) -> torch.jit.ScriptModule:
    """A function as a TorchScript module; `attributes` is the path of each storage in `container`."""
    visitor = _MethodVisitor(module, function, attributes)
    tree = _NumberedDtypes().visit(visitor.lower())
    sources = {s.path: s.text for s in module.sources}
    return adapter().script_module(
        tree, _place_of(module), sources, _script_names(visitor.targets), container
    )


def eager_frames(module: Module, error: BaseException) -> list[Frame]:
    """The places in the user's sources that an exception of eager code came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == EAGER_FILE and frame.lineno:
            return module.frames(frame.lineno - 1)
    return []
