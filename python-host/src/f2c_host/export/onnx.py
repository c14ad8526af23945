"""An ONNX graph with a dynamic batch, by torch's own exporter, compared with torch before it is kept.

The graph takes what the signature says: onnxruntime refuses another type or size by itself.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import torch

from ..errors import HostError
from ..ir.module import Input, Op
from ..ir.ops_table import OPS
from ..lower.builders import DTYPES, EAGER_FILE, build_traceable
from .container import ExportedModule, attribute_paths, container
from .exported import Exported, cannot_export

# What torch's exporter writes by itself; newer sets are made of this one by a converter. onnxruntime reads it from 1.14 on.
OPSET = 18

# The batch that the graph is traced with (one would be taken for a constant), and those that it is compared on.
_TRACED = 2
_COMPARED = (1, 5)
# The largest difference of a component that is kept, as a share of its row's length. Sums in another order make 1e-6.
TOLERANCE = 1e-4

_MOST_BYTES = 2**31 - 1  # of a protobuf message


class Traceable(ExportedModule):
    """The function as Python over the storages that it holds. A storage's attribute begins with no `_`."""

    def __init__(self, net: Exported) -> None:
        super().__init__()
        self._inputs = net.function.inputs
        self._paths = attribute_paths(net)
        self._names = list(net.names.values())
        index = {storage: i for i, storage in enumerate(net.names)}
        self._run = build_traceable(net.module, net.function, index)
        container(net, self._paths, self)

    def examples(self, size: int) -> list[torch.Tensor]:
        """Values of the inputs' types, each named dimension of this size."""
        return [_random(entry, size) for entry in self._inputs]

    def forward(self, *arguments: torch.Tensor) -> torch.Tensor:
        storages = [self._at(self._paths[name]) for name in self._names]
        return self._run(storages, arguments[0].device, *arguments)[0]

    def _at(self, path: Sequence[str]) -> torch.Tensor:
        found: Any = self
        for part in path:
            found = getattr(found, part)
        return found


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    """Writes the graph; says its opset, and how far onnxruntime is from torch at most."""
    return write_graph(net, Traceable, file)


def write_graph(
    net: Exported, of: Callable[[Exported], Traceable], file: BinaryIO, node_prefix: str = ""
) -> dict[str, object]:
    """Writes what `of` makes of the function. Each node's name begins with `node_prefix`."""
    import onnx

    _refuse_obstacles(net)
    traceable = of(net)
    model = _graph(net, traceable)
    stacks = {node.name: _property(node, "pkg.torch.onnx.stack_trace") for node in model.graph.node}
    _forget_origins(model)
    for node in model.graph.node:
        node.name = node_prefix + node.name
    model.graph.name = net.module.name
    onnx.helper.set_model_props(model, dict(net.about))
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    try:
        difference = _difference(net, traceable, content)
    except Exception as error:
        raise _refusal(net, error, stacks) from error
    if not difference <= TOLERANCE:
        raise HostError(
            "F2C6318",
            f"the ONNX file is not written: it is {difference:.1e} off what torch computes, and {TOLERANCE:.0e} of a row's length"
            " is allowed",
            "fault",
            "export torchscript instead, and report this with the experiment",
        )
    file.write(content)
    return {"opset": OPSET, "difference from torch": difference}


def _refuse_obstacles(net: Exported) -> None:
    """What would be found late, or not at all."""
    for entry in net.function.inputs:
        if entry.type.kind != "tensor":
            raise cannot_export(net.function, f"`{entry.name}` is a number, and an ONNX file takes tensors")
        for dim in entry.type.dims:
            if isinstance(dim, str) and not dim.isidentifier():
                raise cannot_export(
                    net.function, f"the size {dim} of `{entry.name}` is neither a number nor a name"
                )
    for op in net.function.body.walk():
        if OPS[op.op].effect == "rng" and op.attributes.get("training", True):
            raise cannot_export(
                net.function, f"`{op.op}` draws random numbers", net.module.frames(op.location)
            )
    size = sum(value.nbytes for value in net.values.values())
    if size > _MOST_BYTES:
        raise cannot_export(
            net.function, f"its weights take {size / 2**30:.1f} GiB, and an ONNX file holds less than 2"
        )


def _graph(net: Exported, traceable: Traceable) -> Any:
    """The graph as torch's exporter makes it."""
    inputs = net.function.inputs
    names = {dim for entry in inputs for dim in entry.type.dims if isinstance(dim, str)}
    sizes = {name: torch.export.Dim(name, min=1) for name in names}
    dynamic = tuple(
        {i: sizes[dim] for i, dim in enumerate(entry.type.dims) if isinstance(dim, str)} for entry in inputs
    )
    example = tuple(traceable.examples(_TRACED))
    stacks: dict[str, str] = {}
    with _quietly():
        try:
            program = torch.export.export(traceable, example, dynamic_shapes=(dynamic,), strict=False)
            stacks = {node.name: node.meta.get("stack_trace") or "" for node in program.graph.nodes}
            return torch.onnx.export(
                program,
                dynamo=True,
                dynamic_shapes=(dynamic,),  # for their names
                input_names=[entry.name for entry in inputs],
                output_names=[net.function.results[0].name],
                opset_version=OPSET,
                verbose=False,
            ).model_proto
        except Exception as error:
            raise _refusal(net, error, stacks) from error


def _random(entry: Input, size: int) -> torch.Tensor:
    """Values of an input's type, each named dimension of this size: pixels from 0 to 255, reals around 0."""
    shape = [dim if isinstance(dim, int) else size for dim in entry.type.dims]
    dtype = DTYPES[entry.type.dtype]
    generator = torch.Generator().manual_seed(size)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else 256, shape, generator=generator).to(dtype)


def _difference(net: Exported, traceable: Traceable, content: bytes) -> float:
    """The largest difference between onnxruntime and torch, as a share of the row's length; NaN if one of them is that."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    apart = []
    for size in _COMPARED:
        given = traceable.examples(size)
        with torch.no_grad():
            wanted = traceable(*given).numpy()
        named = zip(net.function.inputs, given, strict=True)
        (found,) = session.run(None, {entry.name: value.numpy() for entry, value in named})
        rows, others = (np.float64(x).reshape(x.shape[0] if x.ndim else 1, -1) for x in (wanted, found))
        length = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        apart.append(np.max(np.abs(rows - others) / length, initial=0))
    return float(np.max(apart))


def _forget_origins(model: Any) -> None:
    """Drops what torch's exporter notes for its own developers: stacks, with the paths of the machine that it ran on."""
    for graph in (model.graph, *model.functions):
        parts = (
            getattr(graph, kind, ()) for kind in ("node", "input", "output", "initializer", "value_info")
        )
        for part in (graph, *(p for group in parts for p in group)):
            del part.metadata_props[:]
            part.ClearField("doc_string")


def _property(node: Any, key: str) -> str:
    return next((entry.value for entry in node.metadata_props if entry.key == key), "")


# ---- what cannot be taken, in the user's terms

_LINE = re.compile(rf'File "{re.escape(EAGER_FILE)}", line (\d+)')
_NODE = re.compile(r"node (?:[%(]|with name ')([\w.]+)")
_CAUSE = re.compile(r"^<class '[\w.]+'>: (.+)$", re.MULTILINE)


def _refusal(net: Exported, error: Exception, stacks: Mapping[str, str]) -> HostError:
    """An error of torch's exporter or of onnxruntime, at the op that it is about where it names one of `stacks`."""
    text = str(error)
    if "Constraints violated" in text:
        ops = list(net.function.body.walk())
        decides = next((op for op in ops if op.regions), None) or next(
            (op for op in ops if op.op == "size"), None
        )
        return _refused_op(
            net, decides, "the graph would be another for another number of rows, and an ONNX file has one"
        )
    node = _NODE.search(text)
    op = _op_of(net, node[1], stacks.get(node[1], "")) if node else None
    cause = _CAUSE.search(text)
    return _refused_op(net, op, cause[1] if cause else text.strip().split("\n")[0])


def _op_of(net: Exported, node: str, stack: str) -> Op | None:
    """The op whose line is innermost in a node's stack; of several, the one that the node is called after."""
    lines = _LINE.findall(stack)
    here = [op for op in net.function.body.walk() if lines and op.location == int(lines[-1]) - 1]
    return max(here, key=lambda op: op.op in node, default=None)


def _refused_op(net: Exported, op: Op | None, reason: str) -> HostError:
    if op is None:
        return cannot_export(net.function, f"ONNX cannot hold it: {reason}")
    return cannot_export(
        net.function, f"ONNX cannot hold its `{op.op}`: {reason}", net.module.frames(op.location)
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch's exporter says to its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
