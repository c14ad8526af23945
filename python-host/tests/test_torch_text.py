"""`f2c-dsl ir --stage torch` against the host: the compiler's text is Python's own spelling of what the visitor makes.

`test/fixtures/torch-text-cases.mjs` compiles experiments and makes random programs of every op.
"""

from __future__ import annotations

import ast
import base64
import json
import math
import os
import random
import struct
from pathlib import Path

import pytest
from compiled import FIXTURES, ROOT, node

from f2c_host.ir import Function, Module, Op, parse_module
from f2c_host.lower.visitor import Visitor
from f2c_host.ops_table import OPS, Call
from f2c_host.verify import verify
from f2c_host.wire import unpack

SCRIPT = FIXTURES / "torch-text-cases.mjs"
LITERALS = ROOT / "dist" / "compiler" / "torch" / "python-literal.js"
PROGRAMS = 40
PHOTOGRAPHS = Path(os.environ.get("F2C_ORL_FACES", ROOT.parent / "shared" / "data" / "orl-faces"))
EXPERIMENTS = [
    path
    for folder in ("examples", "test/fixtures/experiments")
    for path in sorted((ROOT / folder).glob("*.ts"))
    if path.name != "orl-faces.ts" or PHOTOGRAPHS.exists()
]

Case = tuple[str, Module, dict[str, str]]  # name, module as the host reads it off the wire, texts by function


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Programs that verify, with the compiler's texts of their functions."""
    found = []
    for line in node(SCRIPT, PROGRAMS, 1, *EXPERIMENTS, env={"F2C_ORL_FACES": str(PHOTOGRAPHS)}).splitlines():
        case = json.loads(line)
        commented = ast.parse(case["commented"]).body
        assert [ast.unparse(f) for f in commented] == list(case["texts"].values())
        message = unpack([base64.b64decode(frame) for frame in case["load"]])
        module = parse_module(message.body["ir"])
        verify(module)
        found.append((case["name"], module, case["texts"]))
    return found


class RecordingVisitor(Visitor):
    """Remembers which torch call it chose for which op."""

    def __init__(self, module: Module, function: Function, chosen: set[tuple[str, Call]]) -> None:
        storages = module.storages
        super().__init__(module, function, {s.name: i for i, s in enumerate(storages)})
        self.chosen = chosen

    def select(self, op: Op) -> Call:
        call = super().select(op)
        self.chosen.add((op.op, call))
        return call


def test_the_text_is_what_python_spells_of_the_visitors_function(cases):
    assert len(cases) == PROGRAMS + len(EXPERIMENTS)
    for name, module, texts in cases:
        assert set(texts) == {f.name for f in module.functions}
        for function in module.functions:
            expected = ast.unparse(RecordingVisitor(module, function, set()).lower())
            assert texts[function.name].splitlines() == expected.splitlines(), f"{name}, {function.name}"
            assert texts[function.name] == expected


def test_the_programs_call_every_op_in_every_way(cases):
    ops, chosen = set(), set()
    for _, module, _ in cases:
        for function in module.functions:
            ops |= {op.op for op in function.body.walk()}
            RecordingVisitor(module, function, chosen).lower()
    assert ops == set(OPS)
    ways = {(s.name, call) for s in OPS.values() for call in s.calls if call.target != "special"}
    assert chosen == ways


def test_an_else_that_holds_only_an_if_an_empty_block_and_values_that_change_places_occur(cases):
    texts = "\n".join(text for _, _, functions in cases for text in functions.values())
    signs = ["    elif ", "        pass", "_next = ", "else:", "float('-inf')", "1e-07", "1e+16", "= -1\n"]
    assert [sign for sign in signs if sign not in texts] == []


def test_ten_thousand_random_floats_are_spelled_as_python_spells_them():
    draw = random.Random(5)
    bits = [struct.unpack("<d", draw.randbytes(8))[0] for _ in range(5000)]
    powers = [m * 10.0**e for e in range(-30, 31) for m in (1, -1, 1.5, 9.999999999999999, draw.random())]
    near = [math.nextafter(10.0**e, to) for e in (-5, -4, 15, 16, 17, 21, 22) for to in (0.0, math.inf)]
    near += [draw.uniform(-1, 1) * 10 ** draw.uniform(-8, 24) for _ in range(5000)]
    values = [v for v in bits if not math.isnan(v)] + powers + near
    script = """
        import { readFileSync } from "node:fs";
        const { pythonFloat } = await import(process.argv[1]);
        const bytes = Buffer.from(readFileSync(0, "utf8"), "hex");
        for (let i = 0; i < bytes.length; i += 8) console.log(pythonFloat(bytes.readDoubleLE(i)));
    """
    data = struct.pack(f"<{len(values)}d", *values).hex()
    spelled = node("--input-type=module", "-e", script, LITERALS, input=data).split()
    assert spelled == [repr(v) for v in values]
