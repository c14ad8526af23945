"""Numbers of the step are JavaScript's: what Node computes, at 0, infinity and NaN too."""

from __future__ import annotations

import itertools
import json
import math
import re

import pytest
import torch
from compiled import node
from ir_examples import F64, I64, ModuleBuilder, tensor

from f2c_host.export import export_function
from f2c_host.ir.json_form import parse_module
from f2c_host.lower.builders import _script_helpers
from f2c_host.lower.js_numbers import NUMBERS
from f2c_host.lower.tensor_numbers import tensor_scalar
from f2c_host.run.program import Program

IN_NODE = {
    "divide": "a / b",
    "remainder": "a % b",
    "power": "a ** b",
    "smaller": "Math.min(a, b)",
    "larger": "Math.max(a, b)",
    "floor": "Math.floor(a)",
    "whole": "Math.trunc(Math.min(Math.max(a, -(2 ** 62)), 2 ** 62)) || 0",
    "exp": "Math.exp(a)",
    "log": "Math.log(a)",
    "sqrt": "Math.sqrt(a)",
    "cos": "Math.cos(a)",
    "sin": "Math.sin(a)",
}
VALUES = ["0", "-0", "1", "-1", "2", "3", "-3", "0.5", "-0.5", "2.5", "-7.25", "1000", "-1000"]
VALUES += ["1e-300", "1e16", "-1e300", "Infinity", "-Infinity", "NaN"]
# Node and C may round the last bit of these differently.
ROUNDED = {"power", "exp", "log", "cos", "sin"}


def number(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


@pytest.fixture(scope="module")
def by_node() -> dict[str, list[str]]:
    functions = ", ".join(f"{name}: (a, b) => {code}" for name, code in IN_NODE.items())
    return json.loads(
        node(
            "-e",
            f"""const values = [{", ".join(VALUES)}], text = (x) => Object.is(x, -0) ? "-0" : String(x);
            const all = Object.entries({{{functions}}}).map(([name, f]) =>
              [name, values.flatMap((a) => f.length && values.map((b) => text(f(a, b))))]);
            console.log(JSON.stringify(Object.fromEntries(all)));""",
        )
    )


def same(got: float, wanted: float, rounded: bool) -> bool:
    if math.isnan(wanted) or math.isnan(got):
        return math.isnan(wanted) and math.isnan(got)
    close = math.isclose(got, wanted, rel_tol=4e-16) if rounded else got == wanted
    return close and math.copysign(1, got) == math.copysign(1, wanted)


def test_every_function_has_its_counterpart_in_javascript():
    assert {name.removeprefix("math_") for name in NUMBERS} == set(IN_NODE)


@pytest.mark.parametrize("name", IN_NODE)
@pytest.mark.parametrize("form", ["python", "torchscript", "tensors"])
def test_functions_give_what_node_gives(by_node, name, form):
    script = _script_helpers()[f"math_{name}"]
    count = 2 if re.search(r"\bb\b", IN_NODE[name]) else 1
    wrong = []
    for pair, wanted in zip(itertools.product(VALUES, VALUES), by_node[name], strict=True):
        arguments = [number(v) for v in pair][:count]
        if form == "python":
            got = NUMBERS[f"math_{name}"](*arguments)
        elif form == "torchscript":
            got = script(*arguments)
        else:
            tensors = [torch.tensor(a, dtype=torch.float64) for a in arguments]
            got = tensor_scalar(
                f"math:{name}", "i64" if name == "whole" else "f64", torch.device("cpu"), *tensors
            ).item()
        # For tensors of float64 torch takes MKL's square root, which on processors with AVX-512 is one unit in
        # the last place off.
        rounded = name in ROUNDED or (form == "tensors" and name == "sqrt")
        if not same(got, number(wanted), rounded):
            wrong.append((pair[:count], got, wanted))
    assert not wrong


def test_an_exported_function_that_uses_them_loads_elsewhere(tmp_path):
    """embed(images) = images / B, B being the number of images."""
    m = ModuleBuilder()
    m.parameter("net.scale", tensor(), "constant", value=2.0)
    f = m.function("embed")
    images = f.input("images", tensor("B", 4), "argument")
    share = f.op("scalar_div", f.constant(1.0), f.op("size", images, to=I64, dim=0), to=F64)
    scaled = f.op(
        "mul", f.op("mul", images, share, to=tensor("B", 4)), f.state("net.scale"), to=tensor("B", 4)
    )
    f.returns(embedding=(scaled, tensor("B", 4)))
    program = Program(parse_module(m.json))
    program.initialise(0)
    export_function(program, "embed", "torchscript", str(tmp_path / "net.pt"))
    loaded = torch.jit.load(str(tmp_path / "net.pt"))
    assert torch.equal(loaded(torch.ones(8, 4)), torch.full((8, 4), 0.25))
