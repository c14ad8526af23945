"""The lowering for `torch.compile`: scalars are tensors without dimensions, unless something is decided by them. What the
graph then calls is `tensor_numbers.py`; here nothing needs torch.

What is decided by scalars of the plan (`scalar_forms.py`) is worked out before the graph is entered, so that a graph is
compiled for each outcome and not for each value. All other scalars enter in two vectors, one of f64 and one of i64.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from ..ir.module import LITERAL, Function, Module, Op, Region
from ..ir.ops_table import OPS
from .scalar_forms import ScalarForms
from .visitor import Visitor

_KINDS = ("f64", "i64")


class TensorScalars(Visitor):
    """Lowers a function to two: `before_name(scalars...)`, in numbers, gives what the graph's decisions need; and the graph,
    `name(S, device, tensors..., what before gave..., vector of f64, vector of i64)`."""

    def __init__(self, module: Module, function: Function, storage_index: Mapping[str, int]) -> None:
        super().__init__(module, function, storage_index)
        self.forms = forms = ScalarForms(function)
        self.scalars = [i.value.id for i in function.inputs if i.type.kind == "scalar"]
        self.vectors = {
            kind: [v for v in self.scalars if v in forms.tensors and forms.types[v].scalar == kind]
            for kind in _KINDS
        }
        self.early: list[Op] = []
        self.known = set(self.scalars)
        self.find_early(function.body)
        self.known -= forms.fixed
        self.computing = False
        self.stored: set[int] = set()  # places in S that the graph reads or writes

    def functions(self) -> list[ast.FunctionDef]:
        graph = self.lower()
        return [self.before(), graph]

    def lower(self) -> ast.FunctionDef:
        tree = super().lower()
        numbers = {self.local(i.value.id) for i in self.function.inputs if i.type.kind == "scalar"}
        own = {self.local(v) for v in self.known}
        read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        self.entering = sorted(own & read, key=lambda name: int(name[1:]))
        arguments = [a for a in tree.args.args if a.arg not in numbers]
        arguments += [self.at(ast.arg(name)) for name in (*self.entering, *map(_vector, _KINDS))]  # type: ignore[misc]
        tree.args.args = arguments
        parts = [
            self.assign([_tensor(v)], ast.Subscript(self.name(_vector(kind)), ast.Constant(i), ast.Load()))
            for kind, values in self.vectors.items()
            for i, v in enumerate(values)
        ]
        tree.body[:0] = parts
        return tree

    def find_early(self, region: Region, always: bool = True) -> None:
        """Finds the ops that `before` can compute from scalars that are known: in any region, since one too many does no
        harm; and the conditions and loops that hold none but such, where they run `always`, since a loop may not end."""
        for op in region.ops:
            for inner in op.regions:
                self.find_early(inner, always=False)
            wanted = any(r.id in self.forms.numbers for r in op.results) and (always or not op.regions)
            if wanted and self.is_computable(op, self.known):
                self.early.append(op)
                self.known |= {r.id for r in op.results}

    def is_computable(self, op: Op, known: set[int]) -> bool:
        """Whether an op can be computed from these scalars."""
        if not known.issuperset(op.operands):
            return False
        spec = OPS[op.op]
        if not spec.control:
            return op.op == LITERAL or spec.ends == "region" or spec.scalar_result is not None
        inside = known | {a.id for region in op.regions for a in region.arguments}
        for region in op.regions:
            for inner in region.ops:
                if not self.is_computable(inner, inside):
                    return False
                inside |= {r.id for r in inner.results}
        return spec.control.runs != "once"

    def before(self) -> ast.FunctionDef:
        """After `lower`."""
        plain = Visitor(self.module, self.function, self.storage_index)
        plain.types, plain.recording = self.forms.types, False
        body = [s for op in self.early for s in plain.op(op)]
        self.line = self.function.location + 1
        body.append(ast.Return(ast.List([self.name(n) for n in self.entering], ast.Load())))
        parameters = [ast.arg(self.local(v)) for v in self.scalars]
        arguments = ast.arguments(posonlyargs=[], args=parameters, kwonlyargs=[], kw_defaults=[], defaults=[])
        return self.at(
            ast.FunctionDef(name=f"before_{self.function.name}", args=arguments, body=body, decorator_list=[])
        )  # type: ignore[return-value]

    def enter(self, arguments: Sequence[Any]) -> tuple[list[Any], dict[str, list[float | int]]]:
        """The graph's arguments, from the function's: the tensors, and the numbers of each vector by its kind. Between them goes
        what `before` gives."""
        value = {i.value.id: a for i, a in zip(self.function.inputs, arguments, strict=True)}
        tensors = [value[i.value.id] for i in self.function.inputs if i.type.kind == "tensor"]
        return tensors, {kind: [value[v] for v in self.vectors[kind]] for kind in _KINDS}

    # ---- ops

    def storage(self, name: str) -> ast.expr:
        self.stored.add(self.storage_index[name])
        return super().storage(name)

    def read(self, value: int) -> ast.expr:
        tensor = self.computing and value in self.forms.tensors
        return self.name(_tensor(value) if tensor else self.local(value))

    def op(self, op: Op) -> list[ast.stmt]:
        results = {r.id for r in op.results}
        self.types |= {r.id: r.type for r in op.results}
        if op.regions and results and results <= self.known - self.forms.tensors:
            return []
        if OPS[op.op].scalar_result is None:
            self.computing = not op.regions
            statements = super().op(op)
            self.computing = False
            return statements
        (result,) = op.results
        as_number = result.id in self.forms.numbers and result.id not in self.known
        statements = super().op(op) if as_number else []
        if result.id in self.forms.tensors:
            self.line = op.location + 1
            statements.append(self.assign([_tensor(result.id)], self.calculated(op)))
        return statements

    def calculated(self, op: Op) -> ast.expr:
        """A scalar op on tensors."""
        (call,) = OPS[op.op].calls
        self.computing = True
        operands = [self.read(v) for v in op.operands]
        self.computing = False
        how = [ast.Constant(call.target), ast.Constant(op.results[0].type.scalar), self.name("device")]
        return self.call("tensor_scalar", *how, *operands)

    def passed(self, source: int, target: int) -> list[tuple[str, str]]:
        """A scalar passes into or out of a region in each form that its target has."""
        if not self.forms.is_scalar(target):
            return super().passed(source, target)
        forms = []
        if target in self.forms.numbers and target not in self.known:
            forms.append((self.local(source), self.local(target)))
        if target in self.forms.tensors:
            own = source in self.forms.tensors
            forms.append((_tensor(source) if own else self.local(source), _tensor(target)))
        return forms


def _tensor(value: int) -> str:
    return f"t{value}"


def _vector(kind: str) -> str:
    return f"scalars_{kind}"
