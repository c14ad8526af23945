"""The compiler's shape rules against torch: the types that they promise, and that they refuse what torch refuses.

`test/fixtures/shape-cases.mjs` makes random calls of every op of the registry and prints what its rule says.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node
from ir_examples import ModuleBuilder, tensor
from shares import share
from torch._subclasses.fake_tensor import FakeTensorMode

from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import FLOATS, Op, Type, Value
from f2c_host.ir.ops_table import OPS
from f2c_host.lower.builders import DTYPES, build_eager
from f2c_host.verify.result_types import Refused, ResultTypes

Case = dict[str, Any]

SCRIPT = FIXTURES / "shape-cases.mjs"
CALLS_AN_OP = share(30, of=60)
MEMBERS = ([3], [2, 4])
SCALARS = {"f64": 1.5, "i64": 0, "bool": True}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Case]]:
    """The calls of the script, by op: `results`, or `error` where the rule refuses, or `crash` where it breaks."""
    by_op = defaultdict(list)
    for line in node(SCRIPT, CALLS_AN_OP, 1).splitlines():
        case = json.loads(line)
        by_op[case["op"]].append(case)
    return by_op


def lowered(case: Case) -> tuple[Callable[..., list[Any]], list[Any]]:
    """The lowering of the op as a function of what stands in the operands' places, and the types of these."""
    m = ModuleBuilder()
    members = [m.state(f"m{i}", tensor(*dims)) for i, dims in enumerate(MEMBERS)]
    m.group("g", members)
    f = m.function("f")
    operands, arguments = [], []
    for i, type in enumerate(case["operands"]):
        if type is None:
            operands.append(-1)
        elif "group" in type:
            operands.append(f.op("group", to=type, name="g"))
        else:
            operands.append(f.input(f"x{i}", type, "argument"))
            arguments.append(type)
    spec = OPS[case["op"]]
    kinds = {"tensor": tensor(), "group": {"group": "g"}}
    open_number = case.get("results", [tensor()]) if "*" in spec.results else None
    to = open_number or [kinds.get(kind, {"scalar": kind}) for kind in spec.results]
    results = f.op(case["op"], *operands, to=to, **case["attributes"])
    f.op("return", *(results or operands[:1]))
    module = parse_module(m.json)
    run = build_eager(module, module.functions[0], {name: i for i, name in enumerate(members)})

    def execute(*values: Any) -> list[Any]:
        storage = [torch.zeros(dims) for dims in MEMBERS]
        return run(storage, torch.device("cpu"), *values)

    return execute, arguments


def zero_of(type: Any) -> Any:
    return (
        SCALARS[type["scalar"]]
        if "scalar" in type
        else torch.zeros(type["tensor"], dtype=DTYPES[type["dtype"]])
    )


def by_torch(case: Case, fake: bool) -> list[Any]:
    """The types of the results, by the lowering of the op: of fake tensors, or of zeros."""
    execute, arguments = lowered(case)
    if case["op"] == "batch_norm" and case["attributes"]["training"]:
        # The function that people call refuses what the op below it computes: one value a channel.
        x = zero_of(arguments[0])
        torch.nn.functional.batch_norm(x, None, None, training=True)
    if not fake:
        return [type_of(v) for v in execute(*map(zero_of, arguments))]
    with FakeTensorMode():
        return [type_of(v) for v in execute(*map(zero_of, arguments))]


def type_of(value: Any) -> Any:
    if isinstance(value, list):
        return [type_of(v) for v in value]
    if isinstance(value, torch.Tensor):
        return {"tensor": list(value.shape), "dtype": DTYPE_NAMES[value.dtype]}
    return {"scalar": {bool: "bool", int: "i64", float: "f64"}[type(value)]}


def promised(case: Case) -> list[Any]:
    """What the rule says, in the form of `type_of`. A write leaves its storage as it is."""
    types = case["results"] if OPS[case["op"]].results else case["operands"][:1]
    return [[tensor(*dims) for dims in MEMBERS] if "group" in t else t for t in types]


def told(case: Case) -> str:
    def shown(t: Any) -> str:
        return (
            "none"
            if t is None
            else f"{t['dtype']}{t['tensor']}"
            if "tensor" in t
            else t.get("scalar", "group")
        )

    return f"{case['op']}({', '.join(map(shown, case['operands']))}; {case['attributes']})"


def asked(case: Case, fake: bool) -> tuple[list[Any], str | None]:
    """What torch makes of a call, or its refusal in a line."""
    try:
        return by_torch(case, fake), None
    except Exception as error:
        return [], str(error).split("\n")[0][:120]


def differences(cases: dict[str, list[Case]]) -> list[tuple[str, str, str, str]]:
    """Where rule and torch differ: op, how the rule is wrong, the call, what the other one says."""
    logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)  # it logs every refusal
    found = []
    for case in (case for calls in cases.values() for case in calls):
        if "crash" in case:
            found.append((case["op"], "crashes", told(case), case["crash"]))
            continue
        got, refusal = asked(case, fake=True)
        if refusal is not None or "error" in case or got != promised(case):
            got, refusal = asked(case, fake=False)  # decides: fake tensors check less
        if refusal is not None:
            if "error" not in case:
                found.append((case["op"], "accepts", told(case), refusal))
            continue
        if "error" in case:
            found.append((case["op"], "refuses", told(case), case["error"]))
        elif got != promised(case):
            found.append((case["op"], "promises", told(case), f"{promised(case)}, torch {got}"))
    return found


# (how, ops, what the difference says, why). `refuses`: we are stricter than torch on purpose.
STRICTER = [
    ("refuses", r"exp|log|r?sqrt|sin|a?cos|tanh|sigmoid|floor|[rsg]e?i?lu|.*softmax|logsumexp|batch_norm|dropout|.*pool2d|pad",
     r"floating-point tensor is needed", "an integer turned into f32 by a function is a mistake more often than a wish"),
    ("refuses", r"interpolate", r"antialias. is of f32 and f64", "torch has no other on a CPU"),
    ("refuses", r".*pool2d|interpolate|conv2d", r"\[N, C, H, W\]", "images come in batches"),
    ("refuses", r".*", r"out of range for 0 dimensions", "a tensor without dimensions has no dimension -1"),
    ("refuses", r"squeeze", r"is not 1|for 0 dimensions", "torch leaves another size as it is: not what was written"),
    ("refuses", r"slice", r"is not within", "torch cuts what lies outside: not what was written"),
    ("refuses", r"topk", r"k = 0|at least one|without dimensions", "no values are not the largest"),
    ("refuses", r"cat|stack|matmul|linear|layer_norm", r"do not mix|cast one", "no silent conversion"),
    ("refuses", r"copy_|lerp_", r" into ", "storage is written as a whole, not by broadcasting"),
    ("refuses", r"index_select|index_copy_?|index_add", r"the index must have 1 dimensions", "the result would lose it"),
    ("refuses", r"where|masked_fill", r"must be bool", "one dtype for masks"),
    ("refuses", r"masked_fill", r"does not broadcast to", "torch documents it so, and lets the result grow"),
    ("refuses", r"linear|cross_entropy|index_select", r"must have [12] dimensions", "one form of each op"),
    ("refuses", r"linear|conv2d", r": bias \[", "a bias that broadcasts is one for all outputs"),
    ("refuses", r"gather|scatter|index_.*|cross_entropy|one_hot", r"must be i64", "one dtype for indices"),
    ("refuses", r"gather|scatter|index_copy_?|index_add", r"the source must be|does not fit", "a scalar is no list of one"),
    ("refuses", r"adaptive_avg_pool2d", r"from 1 up", "an image without pixels"),
    ("refuses", r"logsumexp|std|var", r"names no dimension", "torch calls it all dimensions, or refuses it"),
    ("refuses", r"std|var", r"divide by nothing", "torch warns and gives NaN"),
    ("refuses", r"pad", r"cuts nothing off", "edges that are cut are no edges to reflect"),
    ("refuses", r"pad", r"is no value of", "torch cuts the fraction off"),
    ("refuses", r"scaled_dot.*", r"do not fit|do not mix|exclude each other", "torch broadcasts and adds"),
    ("refuses", r"foreach_add", r"a number has no scale", "torch's call for a number takes none: it would be dropped"),
    ("refuses", r"prelu", r"slopes for a tensor", "one slope is a tensor [1]"),
]  # fmt: skip


def expected(difference: tuple[str, str, str, str]) -> bool:
    """Whether a row of the tables foresees a difference."""
    op, how, call, why = difference
    return any(
        row_how == how and re.fullmatch(ops, op) and re.search(says, f"{call} {why}")
        for row_how, ops, says, _ in STRICTER
    )


def test_every_op_that_torch_computes_is_asked(cases):
    by_torch = {s.name for s in OPS.values() if any(c.target.startswith("aten::") for c in s.calls)}
    assert set(cases) == by_torch and len(by_torch) > 80
    accepted = {op: sum("results" in case for case in calls) for op, calls in cases.items()}
    assert min(accepted.values()) >= CALLS_AN_OP / 4, accepted


def test_the_rules_promise_what_torch_does_and_refuse_what_it_refuses(cases):
    found = differences(cases)
    unforeseen = [d for d in found if not expected(d)]
    assert not unforeseen, "\n".join(" | ".join(d) for d in unforeseen)


def test_the_verifier_is_given_by_torch_what_the_rules_promise(cases):
    """V11 on both sides: what the compiler takes by its rules, the host takes by asking torch without memory."""

    def read(t: Any) -> Type | None:
        if t is None or "group" in t:
            return t and Type("group", group="g")
        scalar = t.get("scalar", "")
        return Type("scalar", scalar=scalar) if scalar else Type("tensor", tuple(t["tensor"]), t["dtype"])

    asked = ResultTypes({"g": [Type("tensor", tuple(dims), "f32") for dims in MEMBERS]})
    wrong, taken = [], 0
    for case in (case for calls in cases.values() for case in calls if "results" in case):
        results = tuple(Value(i, "", read(t)) for i, t in enumerate(case["results"]))
        op = Op(case["op"], (), case["attributes"], results, (), 0)
        taken += 1
        try:
            asked.check(op, [read(t) for t in case["operands"]])
        except Refused as why:
            wrong.append(f"{told(case)}: {why}")
    assert not wrong, "\n".join(wrong)
    assert taken > 17 * CALLS_AN_OP


def test_batch_norm_of_one_value_a_channel_is_among_the_calls(cases):
    errors = [case.get("error", "") for case in cases["batch_norm"]]
    assert sum("one value a channel" in error for error in errors) >= 3


def test_the_gradient_passes_where_torch_lets_it_pass(cases):
    """`gradient-flow.ts` says through which ops it goes, and by which of their operands."""
    wrong, seen = [], set()
    for case in (case for calls in cases.values() for case in calls[:15] if "results" in case):
        execute, types = lowered(case)
        places = [i for i, t in enumerate(case["operands"]) if t is not None and "group" not in t]
        real = {i for i, t in zip(places, types, strict=True) if t.get("dtype") in FLOATS}

        def results(leaves: set[int], execute=execute, types=types, places=places) -> list[torch.Tensor]:
            made = zip(places, map(zero_of, types), strict=True)
            return execute(*(v.requires_grad_() if i in leaves else v for i, v in made))

        if not real or not OPS[case["op"]].results:
            continue
        for result in results(real - set(case["constant"])):
            if isinstance(result, torch.Tensor) and result.is_floating_point():
                seen.add(case["op"])
                if result.requires_grad == case["cut"]:
                    wrong.append(told(case))
        constant = real & set(case["constant"])
        if constant and len({types[places.index(i)]["dtype"] for i in real}) == 1:
            with pytest.raises(RuntimeError, match="not differentiable"):
                results(constant)
    assert not wrong
    assert {"batch_norm", "full_like", "detach", "topk"} <= seen and len(seen) > 50


def test_every_call_names_an_overload_of_torch_and_its_arguments():
    for spec in OPS.values():
        for call in spec.calls:
            if not call.target.startswith("aten::"):
                continue
            name, _, overload = call.target.removeprefix("aten::").partition(".")
            schema = getattr(getattr(torch.ops.aten, name), overload or "default")._schema
            keywords = [token.partition("=")[0] for token in call.args if "=" in token and token[0] != "#"]
            positional = [a for a in schema.arguments if not a.kwarg_only][: len(call.args) - len(keywords)]
            assert len(positional) == len(call.args) - len(keywords), call
            names = {a.name for a in positional} | set(keywords)
            assert set(keywords) <= {a.name for a in schema.arguments}, call
            missing = [a.name for a in schema.arguments if a.name not in names and not a.has_default_value()]
            assert not missing, (call, missing)
            assert len(schema.returns) == len(spec.results) or (spec.effect == "write"), call
