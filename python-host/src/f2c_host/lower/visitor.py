"""The one visitor: an IR function becomes a Python `ast` function whose line numbers are locations.

`lineno` of every node is 1 + the index of the op's location in the module, of annotations 0. Both builders work from
this tree: the eager one compiles it as Python, the TorchScript one hands it to torch's front end with the TypeScript
sources behind it. The tree has no attribute access (torch's front end would look for the dot in the source): functions,
`dtype_f32` and the like are names that the builder resolves.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..ir.module import DTYPES, FLOATS, Function, Module, Op, Region, Type, Value, list_name
from ..ir.ops_table import OPS, Call, OpSpec
from ..ir.regions import is_branch
from ..ir.storages import Touched

_BINARY = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}
_COMPARE = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq}
_WHOLE = {"smaller": "min", "larger": "max"}
# Bits of a number from 0 to 1: in a significand, the leading one among them.
_SIGNIFICANDS = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
_ANNOTATIONS = {"f64": "float", "i64": "int", "bool": "bool"}


def target_name(target: str) -> str:
    """The name under which generated code calls `aten::add.Tensor`: `aten__add__Tensor`."""
    return target.replace("::", "__").replace(".", "__")


def select(spec: OpSpec, kinds: Iterable[str], attributes: Mapping[str, Any]) -> Call:
    """The torch call that fits the kinds of the operands (tensor, scalar, group or none) and the attributes."""
    named = dict(zip((o.name for o in spec.operands), kinds, strict=False))
    given = _given(spec, attributes)
    for call in spec.calls:
        if all(named.get(name) == kind for name, kind in call.when) and all(
            given[name] == value for name, value in call.having
        ):
            return call
    raise AssertionError(f"internal: no torch call of {spec.name} fits {named} and {given}")


def _given(spec: OpSpec, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes, with what they are where an op does not say."""
    return {a.name: a.default for a in spec.attributes} | dict(attributes)


def _number(value: object) -> object:
    """JavaScript has one kind of number: a whole one is an int where the wire carries it as one, which is to 32 bits."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**32:
        return float(value)
    return value


# What has a place of its own in a syntax tree.
_PLACED = (ast.expr, ast.stmt, ast.arg, ast.keyword)


class Visitor:
    """Turns one function into `def name(S, device, inputs...) -> List[Tensor]`, S being all storages in order."""

    def __init__(
        self,
        module: Module,
        function: Function,
        storage_index: Mapping[str, int],
        forks: bool = False,
        on_cpu: bool = False,
    ) -> None:
        """`forks`: branches next to each other are functions that run at the same time. `on_cpu`: what takes a CPU less time in
        other ops is written so."""
        self.module = module
        self.function = function
        self.storage_index = storage_index
        self.line = 1
        self.types: dict[int, Type] = {}
        self.recording = True
        self.derivatives = 0  # that are still to be taken: until the last, what they go through is kept
        self.targets: set[str] = set()
        self.forks = forks
        self.branches: list[ast.FunctionDef] = []
        self.on_cpu = on_cpu
        self.channels_last = any(op.op == "channels_last" for op in function.body.walk())

    # ---- nodes, all at the current location

    def at(self, node: ast.AST) -> ast.AST:
        to_place = [node]
        while to_place:
            inner = to_place.pop()
            if isinstance(inner, _PLACED):
                if hasattr(inner, "lineno"):
                    continue  # and so has all in it
                inner.lineno = inner.end_lineno = self.line
                inner.col_offset, inner.end_col_offset = 0, 1
            to_place.extend(ast.iter_child_nodes(inner))
        return node

    def name(self, identifier: str) -> ast.expr:
        return ast.Name(identifier, ast.Load())

    def call(self, fn: str, *args: ast.expr, keywords: Mapping[str, ast.expr] | None = None) -> ast.expr:
        return ast.Call(self.name(fn), list(args), [ast.keyword(k, v) for k, v in (keywords or {}).items()])

    def assign(self, targets: list[str], value: ast.expr) -> ast.stmt:
        names: list[ast.expr] = [ast.Name(t, ast.Store()) for t in targets]
        target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store())
        return self.at(ast.Assign([target], value))  # type: ignore[return-value]

    def literal(self, value: object) -> ast.expr:
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        if isinstance(value, str):  # "inf", "-inf", "nan"
            return self.call("float", ast.Constant(value))
        if isinstance(value, list | tuple):
            return ast.List([self.literal(v) for v in value], ast.Load())
        if isinstance(value, int | float) and not isinstance(value, bool) and math.copysign(1, value) < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
        return ast.Constant(value)

    def local(self, value: int) -> str:
        return f"v{value}"

    def read(self, value: int) -> ast.expr:
        return self.name(self.local(value))

    # ---- functions and regions

    def functions(self) -> list[ast.FunctionDef]:
        """All that torch gets of the function, in the order in which it is called."""
        whole = self.lower()
        return [*self.branches, whole]

    def lower(self) -> ast.FunctionDef:
        function = self.function
        self.line = function.location + 1
        arguments = self.context()
        for entry in function.inputs:
            self.types[entry.value.id] = entry.type
            annotation = self.annotation(self.annotated(entry.type))
            arguments.append(ast.arg(self.local(entry.value.id), annotation))
        body = self.body(function.body)
        self.line = function.location + 1
        # No name that the body calls.
        return self.definition(f"f2c_{function.name}", arguments, body, self.list_of_tensors())

    def context(self) -> list[ast.arg]:
        """What every function takes: all storages, and where to compute."""
        return [
            ast.arg("S", self.list_of_tensors()),
            ast.arg("device", self.annotation(self.name("Device"))),
        ]

    def annotated(self, of: Type) -> ast.expr:
        if of.kind == "group":
            return self.list_of_tensors()
        return self.name("Tensor" if of.kind == "tensor" else _ANNOTATIONS[of.scalar])

    def definition(
        self, name: str, arguments: list[ast.arg], body: list[ast.stmt], returns: ast.expr | None = None
    ) -> ast.FunctionDef:
        definition = ast.FunctionDef(
            name=name,
            args=ast.arguments(posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=[]),
            body=body,
            decorator_list=[],
            returns=returns,
        )
        return self.at(definition)  # type: ignore[return-value]

    def list_of_tensors(self) -> ast.expr:
        return self.annotation(ast.Subscript(self.name("List"), self.name("Tensor"), ast.Load()))

    def annotation(self, node: ast.expr) -> ast.expr:
        self.line, line = 0, self.line
        self.at(node)
        self.line = line
        return node

    def body(self, region: Region) -> list[ast.stmt]:
        """The top level. After the gradient nothing is recorded, so the rest stands in one no_grad block."""
        statements: list[ast.stmt] = []
        rest: list[ast.stmt] = []
        current = statements
        taken = [op for op in region.ops for inner in op.walk() if OPS[inner.op].differentiates]
        self.derivatives = len(taken)
        for ops in self.at_once(region.ops[:-1]):
            current.extend(self.forked(ops) if len(ops) > 1 else self.op(ops[0]))
            if taken and taken[-1] in ops:
                current, self.recording = rest, False
        if rest:
            statements.append(self.without_gradient(rest))
        end = region.ops[-1]
        self.line = end.location + 1
        values = [self.read(v) for v in end.operands]
        if not self.recording:
            # What the gradient went through would keep its graph alive; torch.compile refuses to return it.
            values = [self.torch("aten::detach", v) for v in values]
        statements.append(self.at(ast.Return(ast.List(values, ast.Load()))))  # type: ignore[arg-type]
        return statements

    def at_once(self, ops: Iterable[Op]) -> Iterator[list[Op]]:
        """Ops one by one, or together where they run at the same time."""
        touched = Touched(self.function, self.module.groups)
        beside: list[Op] = []
        for op in ops:
            forks = self.forks and is_branch(op)
            if beside and not (forks and all(_independent(op, other, touched) for other in beside)):
                yield beside
                beside = []
            if forks:
                beside.append(op)
            else:
                yield [op]
        if beside:
            yield beside

    def forked(self, ops: Iterable[Op]) -> list[ast.stmt]:
        """Branches as functions of what they use: all are started, then all are waited for. Asked for what a branch is still to
        give, TorchScript would go on in the branch's thread, with its cores; so this thread stays until all are over."""
        starts: list[ast.stmt] = []
        stays: list[ast.stmt] = []
        ends: list[ast.stmt] = []
        for op in ops:
            used = self.branch(op)
            name = self.branches[-1].name
            running = f"{name}_runs"
            given = [self.name("S"), self.name("device"), *map(self.read, used)]
            starts.append(self.assign([running], self.call("fork", self.name(name), *given)))
            stays.append(self.at(ast.Expr(self.call("stay", self.name(running)))))  # type: ignore[arg-type]
            for result in op.results:
                self.types[result.id] = result.type
            over, targets = self.call("wait", self.name(running)), [self.local(r.id) for r in op.results]
            ends.append(self.assign(targets, over) if targets else self.at(ast.Expr(over)))  # type: ignore[arg-type]
        return starts + stays + ends

    def branch(self, op: Op) -> list[int]:
        """Adds a branch to the functions; the values that it takes."""
        (region,) = op.regions
        own = {r.id for inner in region.walk() for r in inner.results}
        own |= {a.id for inner in region.walk() for r in inner.regions for a in r.arguments}
        used = sorted({v for inner in region.walk() for v in inner.operands if v >= 0} - own)
        arguments = self.context() + [
            ast.arg(self.local(v), self.annotation(self.annotated(self.types[v]))) for v in used
        ]
        body = self.inside(region)
        values = [self.read(v) for v in region.ops[-1].operands]
        if values:
            result = values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
            body.append(self.at(ast.Return(result)))  # type: ignore[arg-type]
        self.line = op.location + 1
        name = f"f2c_{self.function.name}_branch_{len(self.branches)}"
        self.branches.append(self.definition(name, arguments, body or [ast.Pass()]))
        return used

    def without_gradient(self, statements: list[ast.stmt]) -> ast.stmt:
        context = self.call("no_grad")
        return self.at(ast.With([ast.withitem(context)], statements or [ast.Pass()]))  # type: ignore[return-value]

    def region(self, region: Region, targets: Iterable[Value]) -> list[ast.stmt]:
        """The ops of a region, then its yields into `targets`, all at once."""
        statements = self.inside(region)
        return statements + self.move(region.ops[-1].operands, [t.id for t in targets])

    def inside(self, region: Region) -> list[ast.stmt]:
        """The ops of a region without its yields; the line is theirs."""
        for argument in region.arguments:
            self.types[argument.id] = argument.type
        statements = [s for op in region.ops[:-1] for s in self.op(op)]
        self.line = region.ops[-1].location + 1
        return statements

    def passed(self, source: int, target: int) -> list[tuple[str, str]]:
        """What is assigned to what where a value goes into a region, around in it, or out of it."""
        return [(self.local(source), self.local(target))]

    def move(self, values: Iterable[int], targets: Iterable[int]) -> list[ast.stmt]:
        """Assigns values to targets as if at once: through temporaries where a target is read again."""
        pairs = [pair for v, t in zip(values, targets, strict=True) for pair in self.passed(v, t)]
        if not {source for source, _ in pairs} & {target for _, target in pairs}:
            return [self.assign([target], self.name(source)) for source, target in pairs]
        moves = [self.assign([f"{target}_next"], self.name(source)) for source, target in pairs]
        return moves + [self.assign([target], self.name(f"{target}_next")) for _, target in pairs]

    # ---- ops

    def op(self, op: Op) -> list[ast.stmt]:
        self.line = op.location + 1
        for result in op.results:
            self.types[result.id] = result.type
        spec = OPS[op.op]
        emit = getattr(self, f"run_{spec.control.runs}" if spec.control else f"op_{op.op}", None)
        return self.called(op) if emit is None else emit(op)

    def called(self, op: Op) -> list[ast.stmt]:
        """An op that is a call of torch's."""
        spec = OPS[op.op]
        expression = self.torch_call(
            op, select(spec, ["none" if v < 0 else self.types[v].kind for v in op.operands], op.attributes)
        )
        targets = [self.local(r.id) for r in op.results]
        statement = self.assign(targets, expression) if targets else self.at(ast.Expr(expression))
        if spec.effect != "write":
            return [statement]  # type: ignore[list-item]
        written = self.without_gradient([statement]) if self.recording else statement  # type: ignore[list-item]
        return [written, *self.keep_alive(op.operands[0])]  # type: ignore[list-item]

    def keep_alive(self, value: int) -> list[ast.stmt]:
        """Uses a group after it was written. TorchScript's dead-code pass does not see that a fresh list of storages holds
        tensors that live on: it dropped an in-place foreach op on a list that nothing else used (measured on 2.13)."""
        if self.types[value].kind != "group":
            return []
        length = ast.Compare(self.call("len", self.read(value)), [ast.GtE()], [ast.Constant(0)])
        return [self.at(ast.Assert(length, None))]  # type: ignore[list-item]

    def torch_call(self, op: Op, call: Call) -> ast.expr:
        positional: list[ast.expr] = []
        keywords: dict[str, ast.expr] = {}
        for token in call.args:
            keyword, _, rest = token.partition("=")
            if rest and not token.startswith("#"):
                keywords[keyword] = self.argument(op, rest)
            else:
                positional.append(self.argument(op, token))
        family, _, symbol = call.target.partition(":")
        if family == "python":
            return self.operator(symbol, positional)
        if family == "math":
            return self.math_call(op, symbol, positional)
        if family == "cast":
            return self.call(symbol, *positional)
        return self.torch(call.target, *positional, keywords=keywords)

    def torch(self, target: str, *args: ast.expr, keywords: Mapping[str, ast.expr] | None = None) -> ast.expr:
        self.targets.add(target)
        return self.call(target_name(target), *args, keywords=keywords)

    def math_call(self, op: Op, symbol: str, args: list[ast.expr]) -> ast.expr:
        """A function of `js_numbers` on floats; of two whole numbers the smaller or larger is Python's own, and whole."""
        if symbol in _WHOLE and op.results[0].type.scalar == "i64":
            return self.call(_WHOLE[symbol], *args)
        floats = [
            self.call("float", a) if self.types[v].scalar == "i64" else a
            for v, a in zip(op.operands, args, strict=True)
        ]
        return self.call(f"math_{symbol}", *floats)

    def operator(self, symbol: str, args: list[ast.expr]) -> ast.expr:
        if symbol in ("and", "or"):
            return ast.BoolOp(ast.And() if symbol == "and" else ast.Or(), args)
        if len(args) == 1:
            return ast.UnaryOp(ast.Not() if symbol == "not" else ast.USub(), args[0])
        if symbol in _COMPARE:
            return ast.Compare(args[0], [_COMPARE[symbol]()], [args[1]])
        return ast.BinOp(args[0], _BINARY[symbol](), args[1])

    def argument(self, op: Op, token: str) -> ast.expr:
        if token.startswith("#"):
            return self.literal(ast.literal_eval(token[1:]))
        if token == "$device":
            return self.name("device")
        if token == "$channels_last":
            return self.name("channels_last")
        if token in DTYPES:
            return self.dtype(token)
        spec = OPS[op.op]
        for i, operand in enumerate(spec.operands):
            if operand.name == token:
                if operand.variadic:
                    return ast.List([self.read(v) for v in op.operands[i:]], ast.Load())
                value = op.operands[i] if i < len(op.operands) else -1
                return ast.Constant(None) if value < 0 else self.read(value)
        attribute = next(a for a in spec.attributes if a.name == token)
        value = op.attributes.get(token, attribute.default)
        if value is None:
            return ast.Constant(None)
        if attribute.type == "dtype":
            return self.dtype(value)
        if attribute.type == "float":
            return self.literal(float(value))
        if attribute.type == "str":
            return ast.Constant(value)
        if attribute.type in ("int", "ints"):
            return self.literal([int(v) for v in value] if attribute.type == "ints" else int(value))
        return self.literal(_number(value))

    def dtype(self, name: str) -> ast.expr:
        return self.name(f"dtype_{name}")

    # ---- ops with a meaning of their own

    def op_constant(self, op: Op) -> list[ast.stmt]:
        value = op.attributes["value"]
        kind = op.results[0].type.scalar
        if kind == "f64" and not isinstance(value, str):
            value = float(value)
        if kind == "i64":
            value = int(value)
        return [self.assign([self.local(op.results[0].id)], self.literal(value))]

    def storage(self, name: str) -> ast.expr:
        return ast.Subscript(self.name("S"), ast.Constant(self.storage_index[name]), ast.Load())

    def op_state(self, op: Op) -> list[ast.stmt]:
        return [self.assign([self.local(op.results[0].id)], self.storage(op.attributes["name"]))]

    def op_full_sized(self, op: Op) -> list[ast.stmt]:
        """`full`, with sizes that tensors have when it runs."""
        dims = iter(zip(op.operands, op.attributes["dims"], strict=True))
        sizes = [
            self.literal(int(size)) if size != -1 else self.size(*next(dims))
            for size in op.attributes["shape"]
        ]
        attributes = {name: value for name, value in op.attributes.items() if name != "dims"}
        full = Op("full", (), {**attributes, "shape": []}, op.results, (), op.location)
        call = self.torch_call(full, OPS["full"].calls[0])
        assert isinstance(call, ast.Call)
        call.args[0] = ast.List(sizes, ast.Load())
        return [self.assign([self.local(op.results[0].id)], call)]

    def size(self, value: int, dim: int) -> ast.expr:
        return self.torch("aten::size.int", self.read(value), self.literal(int(dim)))

    def op_tensor(self, op: Op) -> list[ast.stmt]:
        """Where a program runs, the list is on the device already; a file that stands alone has the numbers in its code."""
        name = list_name(op)
        value = self.storage(name) if name in self.storage_index else self.numbers(op)
        return [self.assign([self.local(op.results[0].id)], value)]

    def numbers(self, op: Op) -> ast.expr:
        dtype, shape = op.attributes.get("dtype", "f32"), [int(size) for size in op.attributes["shape"]]
        convert = float if dtype in FLOATS else bool if dtype == "bool" else int
        rows: list[Any] = [convert(v) for v in op.attributes["values"]]
        for size in reversed(shape):
            rows = [rows[i : i + size] for i in range(0, len(rows), size)]
        given = {"dtype": self.dtype(dtype), "device": self.name("device")}
        return self.call("tensor", self.literal(rows[0]), keywords=given)

    def op_conv2d(self, op: Op) -> list[ast.stmt]:
        """A kernel of one pixel multiplies matrices, and as such takes a CPU less time (`docs/house.md`)."""
        if not (self.on_cpu and self.of_pixels(op)):
            return self.called(op)
        x, weight, bias = (self.argument(op, name) for name in ("self", "weight", "bias"))
        matrix = self.torch("aten::flatten.using_ints", weight, self.literal(1))
        multiply = self.multiplied_rows if self.channels_last else self.multiplied_planes
        return [self.assign([self.local(op.results[0].id)], multiply(op, x, matrix, bias))]

    def of_pixels(self, op: Op) -> bool:
        """Whether the convolution is of one pixel at a time, without one left out, and faster as a product."""
        given = _given(OPS[op.op], op.attributes)
        out, channels, *kernel = self.types[op.operands[1]].dims
        places = [*kernel, *given["stride"], *given["padding"], given["groups"]]
        if places != [1, 1, 1, 1, 0, 0, 1]:
            return False
        if self.channels_last:
            return True
        *_, height, width = op.results[0].type.dims
        if not (isinstance(height, int) and isinstance(width, int)):
            return False
        # The gradient by the weights is at first one of each image: no larger than what the image has.
        return out * channels <= height * width * (out + channels)

    def multiplied_rows(self, _: Op, x: ast.expr, matrix: ast.expr, bias: ast.expr) -> ast.expr:
        rows = self.torch("aten::permute", x, self.literal([0, 2, 3, 1]))
        return self.torch(
            "aten::permute", self.torch("aten::linear", rows, matrix, bias), self.literal([0, 3, 1, 2])
        )

    def multiplied_planes(self, op: Op, x: ast.expr, matrix: ast.expr, bias: ast.expr) -> ast.expr:
        of_each = [self.torch("aten::size.int", x, self.literal(0)), self.literal(-1), self.literal(-1)]
        matrices = self.torch("aten::expand", matrix, ast.List(of_each, ast.Load()))
        planes = self.torch("aten::bmm", matrices, self.torch("aten::flatten.using_ints", x, self.literal(2)))
        y = self.torch(
            "aten::unflatten.int", planes, self.literal(2), self.literal(list(op.results[0].type.dims[2:]))
        )
        if isinstance(bias, ast.Constant):
            return y
        return self.torch("aten::add.Tensor", y, self.torch("aten::reshape", bias, self.literal([-1, 1, 1])))

    def op_group(self, op: Op) -> list[ast.stmt]:
        members = ast.List([self.storage(m) for m in self.module.groups[op.attributes["name"]]], ast.Load())
        return [self.assign([self.local(op.results[0].id)], members)]

    def op_members(self, op: Op) -> list[ast.stmt]:
        """Each member out of the first list whose layout has it."""
        groups = self.module.groups
        places: dict[str, ast.expr] = {}
        for value in op.operands:
            for i, member in enumerate(groups[self.types[value].group]):
                places.setdefault(member, ast.Subscript(self.read(value), ast.Constant(i), ast.Load()))
        members = ast.List([places[member] for member in groups[op.attributes["group"]]], ast.Load())
        return [self.assign([self.local(op.results[0].id)], members)]

    def op_chunk(self, op: Op) -> list[ast.stmt]:
        (call,) = OPS["chunk"].calls
        return self.listed(op, self.torch_call(op, call))

    def listed(self, op: Op, made: ast.expr) -> list[ast.stmt]:
        """The results out of a list, whose length torch knows when it runs."""
        parts = f"{self.local(op.results[0].id)}_parts"
        statements = [self.assign([parts], made)]
        for i, result in enumerate(op.results):
            part = ast.Subscript(self.name(parts), ast.Constant(i), ast.Load())
            statements.append(self.assign([self.local(result.id)], part))
        return statements

    def op_gradients(self, op: Op) -> list[ast.stmt]:
        self.derivatives -= 1
        retain = [ast.Constant(True)] if self.derivatives else []
        call = self.call("gradients", *map(self.read, op.operands), *retain)
        return [self.assign([self.local(op.results[0].id)], call)]

    def op_tracked(self, op: Op) -> list[ast.stmt]:
        return [self.assign([self.local(op.results[0].id)], self.call("tracked", self.read(op.operands[0])))]

    def op_gradient_of(self, op: Op) -> list[ast.stmt]:
        loss, *values = op.operands
        found = self.call(
            "gradient_of", self.read(loss), ast.List([self.read(v) for v in values], ast.Load())
        )
        return self.listed(op, found)

    def op_leaf(self, op: Op) -> list[ast.stmt]:
        cut = self.torch("aten::detach", self.read(op.operands[0]))
        return [self.assign([self.local(op.results[0].id)], self.torch("aten::requires_grad_", cut))]

    def op_vjp(self, op: Op) -> list[ast.stmt]:
        self.derivatives -= 1
        parameters, *values = op.operands
        n = int(op.attributes["outputs"])
        lists = [
            ast.List([self.read(v) for v in part], ast.Load()) for part in (values[:n], values[n : 2 * n])
        ]
        leaves = [self.read(v) for v in values[2 * n :]]
        retain = ast.Constant(bool(op.attributes.get("retain", False)))
        group, *rest = [self.local(r.id) for r in op.results]
        both = f"{group}_all"
        call = self.call("vjp", *lists, self.read(parameters), ast.List(leaves, ast.Load()), retain)
        count = self.call("len", self.read(parameters))
        head = ast.Subscript(self.name(both), ast.Slice(None, count, None), ast.Load())
        statements = [self.assign([both], call), self.assign([group], head)]
        for i, name in enumerate(rest):
            place = ast.BinOp(self.call("len", self.read(parameters)), ast.Add(), ast.Constant(i))
            statements.append(self.assign([name], ast.Subscript(self.name(both), place, ast.Load())))
        return statements

    def op_foreach_restore_(self, op: Op) -> list[ast.stmt]:
        call = ast.Expr(self.call("foreach_restore_", *(self.read(v) for v in op.operands)))
        written = self.without_gradient([self.at(call)]) if self.recording else self.at(call)  # type: ignore[list-item]
        return [written]  # type: ignore[list-item]

    def host_function(self, op: Op) -> list[ast.stmt]:
        """A function of the op's own name (`runtime_functions.py`)."""
        call = self.call(op.op, *(self.read(v) for v in op.operands))
        return [self.assign([self.local(op.results[0].id)], call)]

    op_foreach_norm = op_foreach_norms = op_foreach_scale_each = op_foreach_scale_rows = host_function

    def op_margin_softmax(self, op: Op) -> list[ast.stmt]:
        spec = OPS[op.op]
        given = {part.name: self.argument(op, part.name) for part in (*spec.operands, *spec.attributes)}
        for operand, value in zip(spec.operands, op.operands, strict=True):
            if value < 0 or self.types[value].kind == "tensor":
                continue
            number = self.call("float", given[operand.name])
            if "tensor" in operand.kinds:  # TorchScript knows no argument of two types
                form = {"dtype": self.dtype("f64"), "device": self.name("device")}
                number = self.torch("aten::full", self.literal([]), number, keywords=form)
            given[operand.name] = number
        call = self.call("margin_softmax", *given.values())
        return [self.assign([self.local(r.id) for r in op.results], call)]

    def op_negatives_logsumexp(self, op: Op) -> list[ast.stmt]:
        """Its numbers are tensors: they may change with every step, and no kernel or graph is made anew for that."""
        spec = OPS[op.op]
        given = {part.name: self.argument(op, part.name) for part in (*spec.operands, *spec.attributes)}
        for operand, value in zip(spec.operands, op.operands, strict=True):
            if value < 0 or self.types[value].kind == "tensor":
                continue
            form = {"dtype": self.dtype("f64"), "device": self.name("device")}
            shape = self.literal([1] if operand.name == "limit" else [])
            given[operand.name] = self.torch("aten::full", shape, given[operand.name], keywords=form)
        call = self.call("negatives_logsumexp", *given.values())
        return [self.assign([self.local(r.id) for r in op.results], call)]

    def random(self, op: Op, *arguments: ast.expr, device: bool = True) -> list[ast.stmt]:
        """A function of `random_numbers`: of what it draws, and of place, seed and step."""
        *_, seed, step = op.operands
        point = [self.literal(int(op.attributes["place"])), self.read(seed), self.read(step)]
        call = self.call(op.op, *arguments, *point, *([self.name("device")] if device else []))
        return [self.assign([self.local(op.results[0].id)], call)]

    def op_rand(self, op: Op) -> list[ast.stmt]:
        dtype = op.attributes.get("dtype", "f32")
        bits = self.literal(_SIGNIFICANDS[dtype])
        return self.random(op, self.literal(self.shape(op)), bits, self.dtype(dtype))

    def op_randn(self, op: Op) -> list[ast.stmt]:
        return self.random(op, self.literal(self.shape(op)), self.dtype(op.attributes.get("dtype", "f32")))

    def op_randint(self, op: Op) -> list[ast.stmt]:
        low, high = (self.literal(int(op.attributes[name])) for name in ("low", "high"))
        return self.random(op, low, high, self.literal(self.shape(op)))

    def op_bernoulli(self, op: Op) -> list[ast.stmt]:
        return self.random(op, self.read(op.operands[0]), device=False)

    def op_permutation(self, op: Op) -> list[ast.stmt]:
        return self.random(op, self.literal(int(op.attributes["size"])))

    def shape(self, op: Op) -> list[int]:
        return [int(size) for size in op.attributes["shape"]]

    # ---- ops with regions, by how these run

    def run_once(self, op: Op) -> list[ast.stmt]:
        unrecorded = OPS[op.op].control.gradient == "unrecorded"  # type: ignore[union-attr]
        return self.unrecorded(op) if unrecorded else self.region(op.regions[0], op.results)

    def unrecorded(self, op: Op) -> list[ast.stmt]:
        """What the region yields may be a value from outside, or an op may have given one back as it is, so tensors are cut
        off from their history."""
        before, self.recording = self.recording, False
        body = self.inside(op.regions[0])
        for value, result in zip(op.regions[0].ops[-1].operands, op.results, strict=True):
            for source, target in self.passed(value, result.id):
                yielded = self.name(source)
                if before and result.type.kind == "tensor":
                    yielded = self.torch("aten::detach", yielded)
                body.append(self.assign([target], yielded))
        self.recording = before
        self.line = op.location + 1
        return [self.without_gradient(body)]

    def run_choice(self, op: Op) -> list[ast.stmt]:
        arms = [self.region(region, op.results) or [ast.Pass()] for region in op.regions]
        self.line = op.location + 1
        return [self.at(ast.If(self.read(op.operands[0]), arms[0], arms[1]))]  # type: ignore[list-item]

    def run_count(self, op: Op) -> list[ast.stmt]:
        count, *initial = op.operands
        index, *carried = op.regions[0].arguments
        start = self.each(initial, carried)
        body = self.region(op.regions[0], carried) or [ast.Pass()]
        self.line = op.location + 1
        target = ast.Name(self.local(index.id), ast.Store())
        loop = self.at(ast.For(target, self.call("range", self.read(count)), body, []))
        return [*start, loop, *self.each([a.id for a in carried], op.results)]  # type: ignore[list-item]

    def run_condition(self, op: Op) -> list[ast.stmt]:
        condition, turn = op.regions
        asked, carried = condition.arguments, turn.arguments
        test = f"w{op.location}_{self.local(asked[0].id) if asked else 'x'}"
        start = self.each(op.operands, carried)
        ask = self.each([a.id for a in carried], asked)
        ask += self.inside(condition)
        ask.append(self.assign([test], self.read(condition.ops[-1].operands[0])))
        body = self.region(turn, carried)
        self.line = op.location + 1
        loop = self.at(ast.While(self.name(test), [*body, *ask], []))
        return [*start, *ask, loop, *self.each([a.id for a in carried], op.results)]  # type: ignore[list-item]

    def each(self, values: Iterable[int], targets: Iterable[Value]) -> list[ast.stmt]:
        """Assigns values to targets one after the other."""
        return [
            self.assign([target], self.name(source))
            for v, t in zip(values, targets, strict=True)
            for source, target in self.passed(v, t.id)
        ]


def _independent(op: Op, before: Op, touched: Touched) -> bool:
    """Whether an op can run at the same time as one that stands before it."""
    used = {v for inner in op.walk() for v in inner.operands}
    draw = [any(OPS[inner.op].effect == "rng" for inner in o.walk()) for o in (op, before)]
    return (
        not all(draw)
        and used.isdisjoint(r.id for r in before.results)
        and touched.by(op).isdisjoint(touched.written_by(before))
        and touched.written_by(op).isdisjoint(touched.by(before))
    )
