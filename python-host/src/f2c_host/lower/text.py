"""What a backend compiles of a program for a CPU, as Python spells it: `f2c-dsl ir --stage torch`. Needs no torch.

The trees are those of the builders; torch's front ends get them with names that the builders resolve.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial

from ..ir.module import NUMBERS, Module, list_name
from .places import Places
from .tensor_scalars import TensorScalars
from .visitor import Visitor

_VISITORS: dict[str, Callable[..., Visitor]] = {
    "torchscript": partial(Visitor, forks=True, on_cpu=True),
    "eager": partial(Visitor, forks=True, on_cpu=True),
    "inductor": TensorScalars,
}
BACKENDS = tuple(_VISITORS)

_NAMES = "# aten__add__Tensor stands for torch.ops.aten.add, dtype_f32 for torch.float32; S holds all that is stored:"
_TENSORS = (
    "# before_step runs ahead of the graph f2c_step: it gives what the graph decides by. t1 is the number v1 as a tensor,\n"
    "# tensor_scalar computes with such; scalars_f64 and scalars_i64 hold those of the plan."
)


def program_text(module: Module, backend: str, function: str | None = None, locations: bool = False) -> str:
    """The program's functions, or one of them, below a comment that names the storages that they touch. `locations`: above each
    statement that comes from another place than the one before it, a comment `# exp.ts:12:5`. Raises F2C5201 for a function
    that there is not."""
    functions = module.functions if function is None else [module.function(function)]
    index = module.places
    touched = {name for f in functions for name in module.storages_of(f)}
    stored = [f"# S[{index[s.name]}] = @{s.name} : {s.type}" for s in module.storages if s.name in touched]
    lists = {list_name(op) for f in functions for op in f.body.walk() if op.op == NUMBERS}
    stored += [
        f"# S[{index[n]}] = numbers : {op.results[0].type}" for n, op in module.lists.items() if n in lists
    ]
    legend = [*([_TENSORS] if backend == "inductor" else []), _NAMES, *stored]
    places = Places(module) if locations else None
    texts = [
        _spelled(tree, places) for f in functions for tree in _VISITORS[backend](module, f, index).functions()
    ]
    return "\n\n".join(["\n".join(legend), *texts]) + "\n"


def _spelled(tree: ast.FunctionDef, places: Places | None) -> str:
    lines = ast.unparse(tree).split("\n")
    if places is None:
        return "\n".join(lines)
    said, before = [], None
    for line, location in zip(lines, _locations([tree]), strict=True):
        place = before if location is None else places.position(location)
        if place is not None and place != before:
            path, row, column = place
            indent = line[: len(line) - len(line.lstrip())]
            said.append(f"{indent}# {path}:{row}:{column}")
        before = place
        said.append(line)
    return "\n".join(said)


def _locations(statements: list[ast.stmt]) -> Iterator[int | None]:
    """The location of the statement on each line that `ast.unparse` writes: it writes one for each statement of ours, and one for
    an `else`, unless all that stands there is an `if`: it makes an `elif` of both."""
    for statement in statements:
        yield statement.lineno - 1
        yield from _locations(getattr(statement, "body", []))
        otherwise = getattr(statement, "orelse", [])
        if otherwise and not (len(otherwise) == 1 and isinstance(otherwise[0], ast.If)):
            yield None
        yield from _locations(otherwise)
