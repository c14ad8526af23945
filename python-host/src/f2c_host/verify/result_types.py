"""What the results of an op are, by torch: its own call, made on tensors of the device `meta`, which have no memory.

So a program's types are judged by what will run, and not by the rules of the compiler that wrote them. An open size stands for
two sizes, one after the other: what holds for both holds, as far as shapes go, for all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..ir.module import NUMBERS, Op, Type, size_of
from ..ir.ops_table import OPS, Call, OpSpec
from ..lower.builders import DTYPES, overload
from ..lower.runtime_functions import RUNTIME
from ..lower.visitor import select
from ..torch_api import adapter

_META = torch.device("meta")


def _stream(*given: Any) -> list[Tensor]:
    """Its numbers are tensors when it runs, as the visitor makes them."""
    *operands, centres, nearest = given
    tensors = [o if o is None or isinstance(o, Tensor) else torch.empty((), device=_META) for o in operands]
    return RUNTIME["negatives_logsumexp"](*tensors, centres, nearest)


_SPECIAL: dict[str, Callable[..., Any]] = {
    **RUNTIME,
    "negatives_logsumexp": _stream,
    "tracked": lambda x: x,
    "rand": lambda _seed, _step, shape, dtype, _place: _reals(shape, dtype),
    "randn": lambda _seed, _step, shape, dtype, _place: _reals(shape, dtype),
    "randint": lambda _seed, _step, low, high, shape, _place: torch.randint(low, high, shape, device=_META),
    "bernoulli": lambda chance, _seed, _step, _place: torch.bernoulli(chance),
    "permutation": lambda _seed, _step, size, _place: torch.empty(size, dtype=torch.int64, device=_META),
    "gradient_of": lambda _loss, *values: values,
}
_SCALARS: dict[str, Any] = {"f64": 1.0, "i64": 0, "bool": True}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_SYMBOL = re.compile(r"[A-Za-z_]\w*")
# Twice sizes that are larger than those written out, and have no factor in common with one; then small ones, for what is less
# the larger an open size is (`-B+7`).
_SIZES = ((10_007, 10_009, 10_037, 10_039), (20_011, 20_021, 20_023, 20_029))
_SMALL_SIZES = ((2, 3, 5, 7), (3, 5, 7, 2))


class Refused(Exception):
    """Torch does not compute this, or gives something else; the message says what."""


# An operand: a tensor's or a scalar's type, the types of a group's members, or none.
_Form = Type | tuple[Type, ...] | None
_MOST_KNOWN = 10_000
_known: dict[object, str | None] = {}


class ResultTypes:
    """Answers for the ops of one module, whose groups have members of these types."""

    def __init__(self, groups: Mapping[str, Sequence[Type]]) -> None:
        self._groups = {name: tuple(members) for name, members in groups.items()}

    def check(self, op: Op, operands: Sequence[Type | None]) -> None:
        """Raises `Refused` where torch does not give an op what it declares. Equal ops are asked about once."""
        forms = [self._form(t) for t in operands]
        declared = [self._form(r.type) for r in op.results]
        key = (
            op.op,
            *forms,
            "to",
            *declared,
            repr(sorted(op.attributes.items())),
        )  # 1, 1.0 and True are equal
        if key not in _known:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = _difference(op, forms, declared)
        if (why := _known[key]) is not None:
            raise Refused(why)

    def _form(self, type: Type | None) -> _Form:
        if type is None or type.kind != "group":
            return type
        if type.group not in self._groups:
            raise Refused(f"there is no group {type.group!r}")
        return self._groups[type.group]


def _difference(op: Op, operands: list[_Form], declared: list[_Form]) -> str | None:
    """Why torch does not compute an op as declared; none if it does."""
    forms = [form if isinstance(form, tuple) else (form,) for form in (*operands, *declared) if form]
    dims = [d for form in forms for type in form for d in type.dims if isinstance(d, str)]
    names = sorted({name for d in dims for name in _SYMBOL.findall(d)})
    choices = [
        symbols
        for sizes in (*_SIZES, *_SMALL_SIZES)
        for symbols in [
            {name: sizes[i % len(sizes)] + 1_000 * (i // len(sizes)) for i, name in enumerate(names)}
        ]
        if all((size := size_of(d, symbols)) is not None and size >= 0 for d in dims)
    ]
    if not choices:
        return f"{', '.join(sorted(set(dims)))} are no sizes"
    for symbols in choices[:2] if names else choices[:1]:
        try:
            wanted = [_shown(_value(form, symbols)) for form in declared]
            got = [_shown(v) for v in _asked(op, [_value(form, symbols) for form in operands])]
        except Exception as error:
            return f"torch refuses it: {_line(error)}"
        if got != wanted:
            return f"gives {', '.join(got) or 'nothing'}, not {', '.join(wanted) or 'nothing'}"
    return None


def _value(form: _Form, symbols: Mapping[str, int]) -> Any:
    if form is None:
        return None
    if isinstance(form, tuple):
        return [_value(member, symbols) for member in form]
    if form.kind == "scalar":
        return _SCALARS[form.scalar]
    sizes = [d if isinstance(d, int) else size_of(d, symbols) for d in form.dims]
    return torch.empty(sizes, dtype=DTYPES[form.dtype], device=_META)  # type: ignore[arg-type]


def _asked(op: Op, values: list[Any]) -> list[Any]:
    """What torch gives, without memory and without recording."""
    spec = OPS[op.op]
    with torch.no_grad(), adapter().references_without_dynamo():
        if op.op == NUMBERS:
            result = _listed(op)
        elif op.op == "full_sized":
            dims = iter(zip(values, op.attributes["dims"], strict=True))
            sizes = [int(size) if size != -1 else _size(*next(dims)) for size in op.attributes["shape"]]
            result = torch.empty(sizes, dtype=DTYPES[op.attributes.get("dtype", "f32")], device=_META)
            if next(dims, None) is not None:
                raise ValueError("more tensors than open sizes")
        elif op.op in _SPECIAL:
            attributes = [_argument(op, spec, a.name, values) for a in spec.attributes if a.type != "count"]
            result = _SPECIAL[op.op](*values, *attributes)
        else:
            call = select(spec, [_kind(v) for v in values], op.attributes)
            positional, keywords = _arguments(op, spec, call, values)
            result = overload(call.target)(*positional, **keywords)
    if not spec.results:
        return []
    return list(result) if len(spec.results) > 1 or "*" in spec.results else [result]


def prepare() -> None:
    """Asks torch once, who then imports what it computes types with: a third of the time until a first program is verified."""
    with torch.no_grad(), adapter().references_without_dynamo():
        torch.add(torch.empty(1, device=_META), 1)


def _size(x: Tensor, dim: float) -> int:
    return x.shape[int(dim)]


def _reals(shape: list[int], dtype: torch.dtype) -> Tensor:
    if not dtype.is_floating_point:
        raise ValueError(f"{_NAMES[dtype]} has no numbers between 0 and 1")
    return torch.empty(shape, dtype=dtype, device=_META)


def _listed(op: Op) -> Tensor:
    """What a list of numbers is; a number that its dtype does not have is an error."""
    dtype, values = DTYPES[op.attributes.get("dtype", "f32")], op.attributes["values"]
    if not dtype.is_floating_point:
        bounds = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
        strange = [v for v in values if not (float(v).is_integer() and bounds[0] <= v <= bounds[1])]
        if strange:
            raise ValueError(f"{strange[0]} is no value of {_NAMES[dtype]}")
    shape = [int(size) for size in op.attributes["shape"]]
    return torch.empty(len(values), dtype=dtype, device=_META).reshape(shape)


def _kind(value: Any) -> str:
    if value is None:
        return "none"
    return "tensor" if isinstance(value, Tensor) else "group" if isinstance(value, list) else "scalar"


def _arguments(op: Op, spec: OpSpec, call: Call, values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for token in call.args:
        keyword, _, rest = token.partition("=")
        if rest and not token.startswith("#"):
            keywords[keyword] = _argument(op, spec, rest, values)
        else:
            positional.append(_argument(op, spec, token, values))
    return positional, keywords


def _argument(op: Op, spec: OpSpec, token: str, values: list[Any]) -> Any:
    """What a token of a call stands for, as `Visitor.argument` writes it."""
    if token.startswith("#"):
        return ast.literal_eval(token[1:])
    if token == "$device":
        return _META
    if token == "$channels_last":
        return torch.channels_last
    if token in DTYPES:
        return DTYPES[token]
    for i, operand in enumerate(spec.operands):
        if operand.name == token:
            return values[i:] if operand.variadic else values[i] if i < len(values) else None
    attribute = next(a for a in spec.attributes if a.name == token)
    value = op.attributes.get(token, attribute.default)
    match attribute.type:
        case "dtype":
            return DTYPES[value]
        case "str":
            return value
        case "float":
            return value if value is None else float(value)
        case "int":
            return value if value is None else int(value)
        case "ints":
            return value if value is None else [int(v) for v in value]
    return float(value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{_NAMES[value.dtype]}[{', '.join(map(str, value.shape))}]"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return {bool: "bool", int: "i64", float: "f64"}[type(value)]


def _line(error: Exception) -> str:
    return (str(error).strip().split("\n") or [""])[0][:200] or type(error).__name__
