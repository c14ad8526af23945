"""What a backend compiles, as text (`f2c-dsl ir --stage torch`): it is what the builders compile, in every op's every way.

`test/fixtures/torch-text-cases.mjs` compiles experiments and makes random programs of every op.
"""

from __future__ import annotations

import ast
import base64
import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from compiled import FIXTURES, ROOT, node
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_examples import F64, ModuleBuilder, tensor
from shares import ALL

from f2c_host import __main__
from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import Function, Module, Op
from f2c_host.ir.ops_table import OPS, Call
from f2c_host.lower import builders
from f2c_host.lower.text import BACKENDS, program_text
from f2c_host.lower.visitor import Visitor
from f2c_host.run import program
from f2c_host.verify.verifier import verify
from f2c_host.wire.frames import unpack

SCRIPT = FIXTURES / "torch-text-cases.mjs"
TINY = ROOT / "test" / "fixtures" / "experiments" / "tiny.ts"
PROGRAMS = 40
PHOTOGRAPHS = Path(os.environ.get("F2C_ORL_FACES", ROOT.parent / "shared" / "data" / "orl-faces"))
ALL_EXPERIMENTS = [
    path
    for folder in ("examples", "test/fixtures/experiments")
    for path in sorted((ROOT / folder).glob("*.ts"))
    if "export default study(" not in path.read_text()
    and (path.name != "orl-faces.ts" or PHOTOGRAPHS.exists())
]
# The random programs call every op in every way; the experiments are long, and each is more of the same.
EXPERIMENTS = ALL_EXPERIMENTS if ALL else sorted({TINY, *ALL_EXPERIMENTS[::5]})

Case = tuple[str, Module, Any]  # name, module as the host reads it off the wire, its JSON form


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Programs that verify, but that those made at random have types that are chance's."""
    found = []
    for line in node(SCRIPT, PROGRAMS, 1, *EXPERIMENTS, env={"F2C_ORL_FACES": str(PHOTOGRAPHS)}).splitlines():
        case = json.loads(line)
        message = unpack([base64.b64decode(frame) for frame in case["load"]])
        module = parse_module(message.body["ir"])
        try:
            verify(module)
        except HostError as error:
            assert case["name"].startswith("random ") and "breaks V11" in error.message
        found.append((case["name"], module, case["ir"]))
    assert len(found) == PROGRAMS + len(EXPERIMENTS)
    return found


@pytest.fixture(scope="module")
def texts(cases: list[Case]) -> dict[tuple[str, str], str]:
    """What each backend compiles of each program."""
    return {
        (name, backend): program_text(module, backend) for name, module, _ in cases for backend in BACKENDS
    }


@pytest.fixture(scope="module")
def tiny(cases: list[Case]) -> Module:
    return next(module for name, module, _ in cases if name == str(TINY))


class RecordingVisitor(Visitor):
    """Remembers which torch call it chose for which op."""

    def __init__(self, module: Module, function: Function, chosen: set[tuple[str, Call]]) -> None:
        storages = module.storages
        super().__init__(module, function, {s.name: i for i, s in enumerate(storages)})
        self.chosen = chosen

    def torch_call(self, op: Op, call: Call) -> ast.expr:
        self.chosen.add((op.op, call))
        return super().torch_call(op, call)


def test_there_is_a_text_for_every_backend():
    assert set(BACKENDS) == set(program.BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_text_is_the_trees_that_the_backend_compiles(tiny, backend, monkeypatch):
    """What the builder hands on, caught where it hands it on, is what the text says."""
    compiled: list[str] = []
    made = {s.name: i for i, s in enumerate(tiny.storages)}
    build = program.BACKENDS[backend]

    class Caught(Exception):
        pass

    def caught(*trees: ast.FunctionDef) -> None:
        compiled.extend(ast.unparse(tree) for tree in trees)
        raise Caught

    class Unnumbered:
        def visit(self, *trees: ast.FunctionDef) -> None:
            caught(*trees)

    monkeypatch.setattr(builders, "_python", caught)
    monkeypatch.setattr(builders, "_NumberedDtypes", Unnumbered)
    for function in tiny.functions:
        with pytest.raises(Caught):
            build(tiny, function, made, torch.device("cpu"))
    _, *texts = program_text(tiny, backend).removesuffix("\n").split("\n\n")
    assert texts == compiled
    assert len(texts) == len(tiny.functions) * (2 if backend == "inductor" else 1)


def test_the_text_is_the_same_off_the_wire_and_from_json(cases, texts):
    """Numbers that JSON spells as whole ones are floats on the wire beyond 32 bits."""
    for name, _, json_form in cases:
        module = parse_module(json_form)
        for backend in BACKENDS:
            assert program_text(module, backend) == texts[name, backend], name
            ast.parse(texts[name, backend])


def test_places_are_comments_alone_in_every_program(cases, texts):
    for name, module, _ in cases:
        for backend in BACKENDS:
            lines = program_text(module, backend, locations=True).split("\n")
            plain = [line for line in lines if not is_place(line)]
            assert plain == texts[name, backend].split("\n"), name


def is_place(line: str) -> bool:
    return re.fullmatch(r" *# [\w./-]+\.ts:\d+:\d+", line) is not None


def test_each_place_is_another_than_the_one_before_and_is_where_the_source_says_it(tiny):
    lines = program_text(tiny, "torchscript", "infer", locations=True).split("\n")
    places = [line.strip() for line in lines if is_place(line)]
    assert len(places) > 10
    assert [a for a, b in itertools.pairwise(places) if a == b] == []
    at = next(i for i, line in enumerate(lines) if "aten__linalg_vector_norm" in line)
    place = [line for line in lines[:at] if is_place(line)][-1]
    path, line, column = re.search(r"# (.+):(\d+):(\d+)", place).groups()
    source = next(s.text for s in tiny.sources if s.path == path).split("\n")[int(line) - 1]
    assert re.match(r".{0,40}norm\(", source[int(column) - 1 :])


def test_columns_count_utf_16_units_as_editors_do():
    m = ModuleBuilder('let é = "😀"; f(x)')
    f = m.function("step")
    f.location = m.place("f(x)")
    f.returns(y=(f.op("neg", f.input("x", tensor(2)), to=tensor(2)), tensor(2)))
    assert "# program.ts:1:15\n    v1 = aten__neg(v0)" in program_text(
        parse_module(m.json), "eager", locations=True
    )


def test_above_the_functions_stand_the_storages_that_they_touch_and_no_others(tiny):
    head, text = program_text(tiny, "torchscript", "infer").split("\n\n")
    _, *listed = head.split("\n")
    used = set(re.findall(r"S\[\d+\]", text))
    assert {re.search(r"S\[\d+\]", line)[0] for line in listed} == used
    names = [s.name for s in tiny.storages]
    assert listed[0] == f"# S[0] = @{names[0]} : f32[16, 3, 3, 3]"
    mean = names.index(names[0].replace("0.weight", "1.mean"))
    assert f"# S[{mean}] = @{names[mean]} : f32[16]" in listed
    assert sum(s.role == "state" for s in tiny.storages) > len(used)


def test_for_inductor_what_decides_is_a_function_ahead_and_the_rest_are_tensors():
    m = ModuleBuilder()
    f = m.function("step")
    x, rate, many = f.input("x", tensor(2)), f.input("rate", F64), f.input("many", F64)
    asked = f.op("scalar_gt", many, f.constant(3.0), to={"scalar": "bool"})
    arms = []
    for kind in ("exp", "neg"):
        with f.region() as (arm, _):
            f.op("yield", f.op(kind, x, to=tensor(2)))
        arms.append(arm)
    chosen = f.op("if", asked, to=tensor(2), regions=arms)
    f.returns(y=(f.op("mul", chosen, rate, to=tensor(2)), tensor(2)))
    module = parse_module(m.json)
    _, before, graph = program_text(module, "inductor").split("\n\n")
    assert before == ("def before_step(v1, v2):\n    v3 = 3.0\n    v4 = v2 > v3\n    return [v4]")
    assert graph.splitlines() == [
        "def f2c_step(S: List[Tensor], device: Device, v0: Tensor, v4, scalars_f64, scalars_i64) -> List[Tensor]:",
        "    t1 = scalars_f64[0]",
        "    v3 = 3.0",
        "    if v4:",
        "        v5 = aten__exp(v0)",
        "        v7 = v5",
        "    else:",
        "        v6 = aten__neg(v0)",
        "        v7 = v6",
        "    v8 = aten__mul__Scalar(v7, t1)",
        "    return [v8]",
    ]
    assert "before_" not in program_text(module, "torchscript")


def test_the_programs_call_every_op_in_every_way(cases):
    ops, chosen = set(), set()
    for _, module, _ in cases:
        for function in module.functions:
            ops |= {op.op for op in function.body.walk()}
            RecordingVisitor(module, function, chosen).lower()
    assert ops == set(OPS)
    ways = {(s.name, call) for s in OPS.values() for call in s.calls if call.target != "special"}
    assert chosen == ways


def test_an_else_that_holds_only_an_if_an_empty_block_and_values_that_change_places_occur(texts):
    script = "\n".join(text for (_, backend), text in texts.items() if backend == "torchscript")
    signs = ["    elif ", "        pass", "_next = ", "else:", "float('-inf')", "1e-07", "1e+16", "= -1\n"]
    assert [sign for sign in signs if sign not in script] == []


# ---- numbers


def literal(value: object, kind: str = "scalar") -> str:
    """How an attribute of `full` or of `constant` is spelled in the text."""
    m = ModuleBuilder()
    f = m.function("step")
    if kind == "scalar":
        made = f.op("full", to=tensor(2), shape=[2], value=value)
        f.returns(y=(made, tensor(2)))
        call = r"aten__full\(\[2\], (.*?), dtype"
    else:
        number = f.constant(value, {"scalar": kind})
        f.returns(y=(f.op("add", f.input("x", tensor(2)), number, to=tensor(2)), tensor(2)))
        call = r"v0 = (.*)"
    return re.search(call, program_text(parse_module(m.json), "torchscript"))[1]


# What CPython 3.11 prints for `repr` of each.
@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (0.0, "0.0"), (1.0, "1.0"), (-1.5, "-1.5"), (0.1, "0.1"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (1e-7, "1e-07"), (-2.5e-7, "-2.5e-07"), (123456.789, "123456.789"), (1e15, "1000000000000000.0"),
        (2.0**53, "9007199254740992.0"), (1e16, "1e+16"), (123456789012345680.0, "1.2345678901234568e+17"),
        (1e22, "1e+22"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (1, "1.0"), ("nan", "float('nan')"), ("inf", "float('inf')"), ("-inf", "float('-inf')"),
    ],
)  # fmt: skip
def test_a_real_constant_is_spelled_as_python_spells_it_and_what_is_not_finite_is_made_by_a_call(
    value, spelled
):
    assert literal(value, "f64") == spelled


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (1, "1"), (0, "0"), (0.5, "0.5"), (2**32 - 1, "4294967295"), (2**32, "4294967296.0"),
        (-(2**31), "-2147483648"), (-(2**31) - 1, "-2147483649.0"), (True, "True"), (False, "False"), ("inf", "float('inf')"),
    ],
)  # fmt: skip
def test_a_number_for_any_type_is_an_int_where_the_wire_carries_one_and_a_float_beyond_32_bits(
    value, spelled
):
    assert literal(value) == spelled


def test_a_whole_constant_stays_whole_at_any_size():
    assert literal(2**53 - 1, "i64") == "9007199254740991"


POWERS = [m * 10.0**e for e in range(-30, 31) for m in (1, -1, 1.5, 9.999999999999999)]
NEAR = [math.nextafter(10.0**e, to) for e in (-5, -4, 15, 16, 17, 21, 22) for to in (0.0, math.inf)]
# Any bits, and those of the sizes at which the spelling changes.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
FLOATS |= st.builds(lambda m, e: m * 10.0**e, st.floats(-1, 1), st.integers(-8, 24))


@pytest.mark.parametrize("values", [POWERS, NEAR], ids=["powers of ten", "beside them"])
def test_where_the_spelling_changes_floats_are_spelled_as_python_spells_them(values):
    assert [literal(value, "f64") for value in values] == [repr(value) for value in values]


@settings(max_examples=2000)
@given(FLOATS)
def test_any_float_is_spelled_as_python_spells_it(value):
    assert literal(value, "f64") == repr(value)


# ---- the command


def text_command(monkeypatch, capsys, data: object, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(data)))
    code = __main__.main(["text", *arguments])
    return code, *capsys.readouterr()


def test_the_command_prints_it_and_says_in_a_line_what_it_refuses(monkeypatch, capsys):
    m = ModuleBuilder()
    f = m.function("step")
    f.returns(y=(f.op("neg", f.input("x", tensor(2)), to=tensor(2)), tensor(2)))
    module = parse_module(m.json)
    for backend in BACKENDS:
        code, out, _ = text_command(monkeypatch, capsys, m.json, "--backend", backend, "--locations")
        assert (code, out) == (0, program_text(module, backend, locations=True))
    code, out, err = text_command(monkeypatch, capsys, {**m.json, "version": [9, 0]})
    assert (code, out) == (3, "") and "IR version 9.0" in err and err.count("\n") == 1
    with pytest.raises(HostError, match="no function 'stride'"):
        program_text(module, "eager", "stride")


def test_ir_stage_torch_prints_what_the_host_says(tiny):
    env = {"F2C_PYTHON": sys.executable}
    cli = ROOT / "dist" / "runtime" / "cli" / "main.js"
    for backend in BACKENDS:
        out = node(cli, "ir", TINY, "--stage", "torch", "--backend", backend, "--function", "infer", env=env)
        assert out == program_text(tiny, backend, "infer")


def test_printing_needs_no_torch():
    m = ModuleBuilder()
    f = m.function("step")
    f.returns(y=(f.op("neg", f.input("x", tensor(2)), to=tensor(2)), tensor(2)))
    script = """
        import sys
        from f2c_host.__main__ import main
        sys.exit(main(["text", "--backend", "inductor"]) or "torch" in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], input=json.dumps(m.json), text=True)
    assert run.returncode == 0
