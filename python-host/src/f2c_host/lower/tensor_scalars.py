"""The lowering for `torch.compile`: scalars are tensors without dimensions, unless something is decided by them.

What is decided by scalars of the plan (`scalar_forms.py`) is worked out before the graph is entered, so that a graph is
compiled for each outcome and not for each value. All other scalars enter in two vectors, one of f64 and one of i64.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..ir import Function, Module, Op, Region
from ..ops_table import OPS
from .scalar_forms import CALCULATES, ScalarForms
from .visitor import Visitor

_aten = torch.ops.aten
_KINDS = {"f64": torch.float64, "i64": torch.int64}
_HALVES = (torch.float16, torch.bfloat16)

Number = float | int | Tensor


class TensorScalars(Visitor):
    """Lowers a function to two: `before(scalars...)`, in numbers, gives what the graph's decisions need; and the graph,
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
        if not op.regions:
            return op.op in ("constant", "yield") or op.op.startswith(CALCULATES)
        inside = known | {a.id for region in op.regions for a in region.arguments}
        for region in op.regions:
            for inner in region.ops:
                if not self.is_computable(inner, inside):
                    return False
                inside |= {r.id for r in inner.results}
        return op.op in ("if", "for", "while")

    def before(self) -> ast.FunctionDef:
        """After `lower`."""
        plain = Visitor(self.module, self.function, self.storage_index)
        plain.types, plain.recording = self.forms.types, False
        body = [s for op in self.early for s in plain.op(op)]
        self.line = self.function.location + 1
        body.append(ast.Return(ast.List([self.name(n) for n in self.entering], ast.Load())))
        parameters = [ast.arg(self.local(v)) for v in self.scalars]
        arguments = ast.arguments(posonlyargs=[], args=parameters, kwonlyargs=[], kw_defaults=[], defaults=[])
        return self.at(ast.FunctionDef(name="before", args=arguments, body=body, decorator_list=[]))  # type: ignore[return-value]

    def enter(self, arguments: Sequence[Any], decided: list[Any], device: torch.device) -> list[Any]:
        """The graph's arguments, from the function's and what `before` gave."""
        value = {i.value.id: a for i, a in zip(self.function.inputs, arguments, strict=True)}
        tensors = [value[i.value.id] for i in self.function.inputs if i.type.kind == "tensor"]
        vectors = [
            torch.tensor([value[v] for v in self.vectors[kind]], dtype=dtype).to(device, non_blocking=True)
            for kind, dtype in _KINDS.items()
        ]
        return [*tensors, *decided, *vectors]

    # ---- ops

    def read(self, value: int) -> ast.expr:
        tensor = self.computing and value in self.forms.tensors
        return self.name(_tensor(value) if tensor else self.local(value))

    def op(self, op: Op) -> list[ast.stmt]:
        results = {r.id for r in op.results}
        if op.regions and results and results <= self.known - self.forms.tensors:
            return []
        if not op.op.startswith(CALCULATES):
            self.computing = not op.regions
            statements = super().op(op)
            self.computing = False
            return statements
        (result,) = op.results
        self.types[result.id] = result.type
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


# ---- what the graph calls


def _power(x: Tensor, y: Tensor) -> Tensor:
    none = y.isnan() | ((x.abs() == 1) & y.isinf())
    return torch.where(none, torch.nan, torch.pow(x, y))


def _smaller(x: Tensor, y: Tensor) -> Tensor:
    smaller = torch.minimum(x, y)
    return torch.where(x == y, torch.where(x.signbit(), x, y), smaller) if x.is_floating_point() else smaller


def _larger(x: Tensor, y: Tensor) -> Tensor:
    return -_smaller(-x, -y)


_COMPUTES: dict[str, Callable[..., Tensor]] = {
    "python:+": torch.add,
    "python:-": lambda x, y=None: torch.neg(x) if y is None else torch.sub(x, y),
    "python:*": torch.mul,
    "math:divide": torch.div,
    "math:power": _power,
    "math:smaller": _smaller,
    "math:larger": _larger,
    "math:remainder": torch.fmod,
    "math:exp": torch.exp,
    "math:log": torch.log,
    "math:sqrt": torch.sqrt,
    "math:cos": torch.cos,
    "math:sin": torch.sin,
    "math:floor": torch.floor,
    "cast:float": torch.clone,
    "math:whole": lambda x: torch.nan_to_num(x, 0, 2.0**62, -(2.0**62)).clamp(-(2.0**62), 2.0**62).trunc(),
}


def _entered(number: Number, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A number as a tensor, filled where it is used: one copied from the CPU would keep a CUDA graph from being captured."""
    if isinstance(number, Tensor):
        return number.to(dtype)
    return torch.full((), number, dtype=dtype, device=device)


def tensor_scalar(target: str, kind: str, device: torch.device, *operands: Number) -> Tensor:
    """What a scalar op computes, in f64 unless all is whole."""
    whole = kind == "i64" and target != "math:whole"
    dtype = torch.int64 if whole else torch.float64
    values = [_entered(o, dtype, device) for o in operands]
    return _COMPUTES[target](*values).to(_KINDS[kind])


def _joined(x: Tensor, scalar: Tensor) -> torch.dtype:
    """The dtype of a tensor with a number: the number raises the category only."""
    if scalar.is_floating_point():
        return x.dtype if x.is_floating_point() else torch.float32
    return torch.int64 if x.dtype == torch.bool else x.dtype


def _pointwise(name: str, overload: str = "Scalar") -> Callable[[Tensor, Number], Tensor]:
    packet = getattr(_aten, name)

    def compute(x: Tensor, scalar: Number) -> Tensor:
        if not isinstance(scalar, Tensor):
            return getattr(packet, overload)(x, scalar)
        quotient = name == "div" and not x.is_floating_point()  # of whole numbers is none
        dtype = torch.float32 if quotient else _joined(x, scalar)
        # A number takes part at the precision that torch computes in, which is wider than half.
        result = packet(x, scalar.to(torch.float32 if dtype in _HALVES else dtype))
        return result.to(dtype) if result.is_floating_point() and dtype in _HALVES else result

    return compute


def _where_other(condition: Tensor, x: Tensor, y: Number) -> Tensor:
    return _aten.where(condition, x, y.to(_joined(x, y)) if isinstance(y, Tensor) else y)


def _where_self(condition: Tensor, x: Number, y: Tensor) -> Tensor:
    return _aten.where(condition, x.to(_joined(y, x)) if isinstance(x, Tensor) else x, y)


def _where_both(condition: Tensor, x: Number, y: Number) -> Tensor:
    whole = not any(o.is_floating_point() if isinstance(o, Tensor) else isinstance(o, float) for o in (x, y))
    dtype = torch.int64 if whole else torch.float32
    return _aten.where.self(condition, *(_entered(o, dtype, condition.device) for o in (x, y)))


def _scatter(x: Tensor, dim: int, index: Tensor, source: Number) -> Tensor:
    if not isinstance(source, Tensor):
        return _aten.scatter.value(x, dim, index, source)
    return _aten.scatter.src(x, dim, index, source.to(x.dtype).expand(index.shape))


def _full(size: list[int], value: Number, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    if not isinstance(value, Tensor):
        return _aten.full(size, value, dtype=dtype, device=device)
    return value.to(dtype).expand(size).clone()


def _lerp_(x: Tensor, end: Tensor, weight: Number) -> Tensor:
    if not isinstance(weight, Tensor):
        return x.lerp_(end, weight)
    if x.dtype not in _HALVES:
        return x.lerp_(end, weight.to(x.dtype))
    # torch weighs half types in f32.
    return x.copy_(torch.lerp(x.float(), end.float(), weight.to(torch.float32)))


def _times(tensors: list[Tensor], scalar: Number) -> list[Tensor]:
    if not isinstance(scalar, Tensor):
        return list(_aten._foreach_mul.Scalar(tensors, scalar))
    return _narrow(_aten._foreach_mul.Tensor(tensors, scalar.to(_of_all(tensors))), tensors)


def _over(tensors: list[Tensor], scalar: Number) -> list[Tensor]:
    if not isinstance(scalar, Tensor):
        return list(_aten._foreach_div.Scalar(tensors, scalar))
    return _narrow(_aten._foreach_div.Tensor(tensors, scalar.to(_of_all(tensors))), tensors)


def _narrow(results: list[Tensor], tensors: list[Tensor]) -> list[Tensor]:
    return [r.to(t.dtype) for r, t in zip(results, tensors, strict=True)]


def _of_all(tensors: list[Tensor]) -> torch.dtype:
    """That of a number beside them: f64 only where it makes none of them wider."""
    return torch.float64 if all(t.dtype == torch.float64 for t in tensors) else torch.float32


def _add(tensors: list[Tensor], others: list[Tensor], *, alpha: Number) -> list[Tensor]:
    return list(_aten._foreach_add.List(tensors, _times(others, alpha)))


def _add_(tensors: list[Tensor], others: list[Tensor], *, alpha: Number) -> None:
    _aten._foreach_add_.List(tensors, _times(others, alpha))


def _times_(tensors: list[Tensor], scalar: Number) -> None:
    if not isinstance(scalar, Tensor):
        _aten._foreach_mul_.Scalar(tensors, scalar)
    else:
        _aten._foreach_mul_.Tensor(tensors, scalar.to(_of_all(tensors)))


def _lerps_(tensors: list[Tensor], ends: list[Tensor], weight: Number) -> None:
    if not isinstance(weight, Tensor):
        _aten._foreach_lerp_.Scalar(tensors, ends, weight)
    else:
        for tensor, end in zip(tensors, ends, strict=True):
            _lerp_(tensor, end, weight)


# Every torch call of the registry that takes a number.
TAKES_NUMBER: dict[str, Callable[..., Any]] = {
    **{
        f"aten::{name}.Scalar": _pointwise(name)
        for name in ("add", "sub", "mul", "div", "rsub", "eq", "ne", "lt", "le", "gt", "ge")
    },
    "aten::pow.Tensor_Scalar": _pointwise("pow", "Tensor_Scalar"),
    "aten::where.ScalarOther": _where_other,
    "aten::where.ScalarSelf": _where_self,
    "aten::where.Scalar": _where_both,
    "aten::scatter.value": _scatter,
    "aten::full": _full,
    "aten::lerp_.Scalar": _lerp_,
    "aten::_foreach_add.List": _add,
    "aten::_foreach_add_.List": _add_,
    "aten::_foreach_mul.Scalar": _times,
    "aten::_foreach_mul_.Scalar": _times_,
    "aten::_foreach_div.Scalar": _over,
    "aten::_foreach_lerp_.Scalar": _lerps_,
}
