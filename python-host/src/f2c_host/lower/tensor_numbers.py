"""What a graph of `torch.compile` calls where numbers are tensors without dimensions (`tensor_scalars.py`): the scalar ops, and
every torch call of the registry that takes a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten
KINDS = {"f64": torch.float64, "i64": torch.int64}
_HALVES = (torch.float16, torch.bfloat16)

Number = float | int | Tensor


def _power(x: Tensor, y: Tensor) -> Tensor:
    none = y.isnan() | ((x.abs() == 1) & y.isinf())
    return torch.where(none, torch.nan, torch.pow(x, y))


def _smaller(x: Tensor, y: Tensor) -> Tensor:
    smaller = torch.minimum(x, y)
    return torch.where(x == y, torch.where(x.signbit(), x, y), smaller) if x.is_floating_point() else smaller


def _larger(x: Tensor, y: Tensor) -> Tensor:
    return -_smaller(-x, -y)


# The numbers of `js_numbers` a second time: these compute on tensors, whose values decide no branch of a graph.
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
    return _COMPUTES[target](*values).to(KINDS[kind])


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
        # A number takes part at the precision that torch computes in, which is wider than half but for remainders.
        wide = dtype in _HALVES and name != "remainder"
        result = packet(x, scalar.to(torch.float32 if wide else dtype))
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


def _narrow_at(x: Tensor, dim: int, start: Number, length: int) -> Tensor:
    if not isinstance(start, Tensor):
        return _aten.narrow(x, dim, start, length)
    first = torch.where(start < 0, start + x.shape[dim], start)
    return x.index_select(dim, first + torch.arange(length, device=x.device))


def _in_place(name: str) -> Callable[[Tensor, Number], Tensor]:
    packet, compute = getattr(_aten, f"{name}_"), _pointwise(name)

    def change(x: Tensor, scalar: Number) -> Tensor:
        return x.copy_(compute(x, scalar)) if isinstance(scalar, Tensor) else packet.Scalar(x, scalar)

    return change


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


def _plus(tensors: list[Tensor], scalar: Number) -> list[Tensor]:
    if not isinstance(scalar, Tensor):
        return list(_aten._foreach_add.Scalar(tensors, scalar))
    return _narrow(_aten._foreach_add.Tensor(tensors, scalar.to(_of_all(tensors))), tensors)


def _add(tensors: list[Tensor], others: list[Tensor], *, alpha: Number = 1) -> list[Tensor]:
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
        for name in ("add", "sub", "mul", "div", "rsub", "remainder", "eq", "ne", "lt", "le", "gt", "ge")
    },
    "aten::pow.Tensor_Scalar": _pointwise("pow", "Tensor_Scalar"),
    "aten::where.ScalarOther": _where_other,
    "aten::where.ScalarSelf": _where_self,
    "aten::where.Scalar": _where_both,
    "aten::scatter.value": _scatter,
    "aten::full": _full,
    "aten::narrow": _narrow_at,
    "aten::add_.Scalar": _in_place("add"),
    "aten::mul_.Scalar": _in_place("mul"),
    "aten::lerp_.Scalar": _lerp_,
    "aten::_foreach_add.Scalar": _plus,
    "aten::_foreach_add.List": _add,
    "aten::_foreach_add_.List": _add_,
    "aten::_foreach_mul.Scalar": _times,
    "aten::_foreach_mul_.Scalar": _times_,
    "aten::_foreach_div.Scalar": _over,
    "aten::_foreach_lerp_.Scalar": _lerps_,
}
