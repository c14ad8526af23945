"""One net in states of many forms, which `test/fixtures/state-experiments.mjs` compiles: what its weights are called in a file,
the same whatever lies around it, and what its twins do."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node
from safetensors.torch import load_file

from f2c_host.export import export_function
from f2c_host.ir.json_form import parse_module
from f2c_host.lower.builders import DTYPES
from f2c_host.run.program import Program

NET = {"fc.weight", "fc.bias", "bn.weight", "bn.bias", "bn.mean", "bn.variance"}
HEAD = {"head.weight", "head.bias"}


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "state-experiments.mjs"))


@pytest.mark.parametrize(
    ("state", "names"),
    [
        *(
            (state, NET)
            for state in ("net first", "net last", "another key", "wrapped before", "wrapped after")
        ),
        ("f2c probe", NET),
        ("f2c gallery", NET),
        ("twin of a wrapped net", {f"learned.{name}" for name in NET} | HEAD),
        ("two nets", {f"{key}.{name}" for key in ("one", "two") for name in NET}),
    ],
)
def test_a_file_names_weights_within_the_net_that_embed_calls(state, names, programs, tmp_path):
    program = Program(parse_module(programs[state]))
    program.initialise(0)
    script, weights = str(tmp_path / "net.pt"), str(tmp_path / "net.safetensors")
    export_function(program, "infer", "torchscript", script)
    export_function(program, "infer", "safetensors", weights)
    assert load_file(weights).keys() == names
    assert torch.jit.load(script).state_dict().keys() == names


def test_a_twin_of_a_net_that_another_one_wraps_starts_equal_and_follows_it(programs):
    """After one step, the twin is 0.9 of what both were and 0.1 of that too: it follows before the update."""
    program = Program(parse_module(programs["twin of a wrapped net"]))
    program.initialise(0)
    copies = {f"gallery.learned.{name}": f"net.{name}" for name in ("fc.weight", "fc.bias", "bn.weight")}
    copies["gallery.head.weight"] = "all.head.weight"
    before = {name: program.storage[of].detach().clone() for name, of in copies.items()}
    for name in copies:
        assert torch.equal(program.storage[name], before[name]), name
    inputs = {i.name: example(i.type) for i in program.module.function("step").inputs}
    program.run("step", inputs)
    trained = {name: program.storage[of].detach().clone() for name, of in copies.items()}
    assert not torch.equal(trained["gallery.head.weight"], before["gallery.head.weight"])
    program.run("step", inputs)
    for name in copies:
        expected = before[name] + 0.1 * (trained[name] - before[name])
        torch.testing.assert_close(program.storage[name], expected)


def test_a_net_without_statistics_has_none_to_average(programs):
    program = Program(parse_module(programs["nothing to average"]))
    program.initialise(0)
    inputs = {i.name: example(i.type) for i in program.module.function("step").inputs}
    inputs |= {name: 8.0 for name in inputs if name.endswith(".limit")}  # slots of the pool that are classes
    assert torch.isfinite(program.run("step", inputs)["loss"])


def example(type: Any) -> Any:
    """An input of the step: images of chance, labels from 0 up, and a small number for each scalar."""
    if type.kind == "scalar":
        return 0.05
    if type.dtype == "u8":
        return torch.randint(0, 256, type.dims, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    if type.dtype == "i64":
        return torch.arange(int(type.dims[0])) % 4
    return torch.zeros(type.dims, dtype=DTYPES[type.dtype])
