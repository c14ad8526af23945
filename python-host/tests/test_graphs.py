"""Graphs of Inductor: kept on disk, and loaded by the next start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import torch
from ir_examples import F64, ModuleBuilder, group, tensor
from torch import Tensor

from f2c_host.errors import HostError
from f2c_host.files.kept_files import KeptFiles
from f2c_host.ir.json_form import parse_module
from f2c_host.lower import graphs
from f2c_host.run.program import Program
from f2c_host.torch_api import adapter, bare_graph
from f2c_host.torch_api.bare_graph import BareGraph


def training(rate: float = 0.5) -> Any:
    """w takes a step down loss = the sum of (w x)^2 over the rows of x; `first` holds the last x's first row."""
    m = ModuleBuilder()
    m.parameter("w", tensor(4), "constant", value=0.3)
    m.state("first", tensor(1, 4))
    m.group("net", ["w"])
    f = m.function("step")
    x, scale = f.input("x", tensor("n", 4)), f.input("scale", F64)
    y = f.op("mul", f.op("mul", x, f.state("w"), to=tensor("n", 4)), scale, to=tensor("n", 4))
    loss = f.op("sum", f.op("mul", y, y, to=tensor("n", 4)), to=tensor())
    net = f.op("group", to=group("net"), name="net")
    gradients = f.op("gradients", loss, net, to=group("net"))
    f.op("foreach_add_", net, gradients, f.constant(-rate))
    row = f.op("slice", x, to=tensor(1, 4), dim=0, start=0, end=1)
    f.op("copy_", f.state("first"), row)
    f.returns(loss=(loss, tensor()))
    return m.json


X = torch.tensor([[1.0, -2.0, 3.5, 0.25], [0.5, 0.1, -0.2, 1.0]])


def steps(module: Any, backend: str = "inductor", counts: tuple[int, ...] = (2, 2, 1)) -> list[Tensor]:
    """The losses of steps on so many rows, and what stands in the storages in the end."""
    program = Program(parse_module(module), backend=backend)
    program.initialise(0)
    losses = [program.run("step", {"x": X[:n], "scale": 1.0 / (i + 1)})["loss"] for i, n in enumerate(counts)]
    return [t.detach().clone() for t in (*losses, *program.storage.values())]


@pytest.fixture
def kept(tmp_path, monkeypatch) -> KeptFiles:
    found = KeptFiles(tmp_path, 10**9)
    monkeypatch.setattr(graphs, "_kept", lambda: found)
    return found


@pytest.fixture
def compiled() -> Iterator[Any]:
    made = adapter().compiled_graph
    with patch.object(adapter(), "compiled_graph", side_effect=made) as calls:
        yield calls


def test_a_graph_for_each_set_of_sizes_is_compiled_once_and_the_next_start_loads_the_same_bits(
    kept, compiled
):
    first = steps(training())
    assert compiled.call_count == 2
    second = steps(training())
    assert compiled.call_count == 2
    for a, b, wanted in zip(first, second, steps(training(), "eager"), strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, wanted)


def test_another_program_gets_graphs_of_its_own(kept, compiled):
    steps(training(), counts=(2,))
    (*_, first) = steps(training(0.25), counts=(2,))
    assert compiled.call_count == 2
    assert torch.equal(first, X[:1])


def test_other_threads_or_another_torch_get_graphs_of_their_own(kept, compiled, monkeypatch):
    steps(training(), counts=(2,))
    graphs._surroundings.cache_clear()
    monkeypatch.setattr(adapter(), "compiled_for", lambda: "another machine")
    steps(training(), counts=(2,))
    graphs._surroundings.cache_clear()
    assert compiled.call_count == 2


@pytest.mark.parametrize(
    "holding", [b"", b"damaged", b"\x80\x04N."], ids=["empty", "damaged", "a pickled None"]
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "torn"])
def test_a_file_that_is_no_graph_is_replaced_by_one(kept, compiled, holding, whole):
    wanted = steps(training(), counts=(2,))
    (path,) = kept.folder.iterdir()
    if whole:
        kept.write(path.name, holding)
    else:
        path.write_bytes(holding)
    for _ in range(2):
        for a, b in zip(steps(training(), counts=(2,)), wanted, strict=True):
            assert torch.equal(a, b)
    assert compiled.call_count == 2


def test_where_nothing_can_be_kept_it_is_compiled_each_time(compiled, monkeypatch):
    monkeypatch.setattr(graphs, "_kept", lambda: KeptFiles(None, 1))
    for _ in range(2):
        steps(training(), counts=(2,))
    assert compiled.call_count == 2


def test_storages_are_written_where_they_are(kept):
    program = Program(parse_module(training()), backend="inductor")
    program.initialise(0)
    before = {name: t.data_ptr() for name, t in program.storage.items()}
    program.run("step", {"x": X, "scale": 1.0})
    assert {name: t.data_ptr() for name, t in program.storage.items()} == before
    assert program.storage["w"].requires_grad and program.storage["w"].grad is None


def test_more_graphs_than_anyone_wants_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(graphs, "_OUTCOMES", 1)
    with pytest.raises(HostError, match="more than 1 graphs") as told:
        steps(training())
    assert told.value.code == "F2C6305" and "torchscript" in told.value.hint


STARTS = """
import json, logging, sys, torch
from torch.fx.experimental import proxy_tensor
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

logging.basicConfig(level="INFO")

def refuse(*_, **__):
    raise AssertionError("traced")

if sys.argv[1] == "untraced":
    proxy_tensor.make_fx = refuse
program = Program(parse_module(json.load(sys.stdin)), backend="inductor")
program.initialise(0)
x = torch.tensor([[1.0, -2.0, 3.5, 0.25]])
print([program.run("step", {"x": x, "scale": s})["loss"].item().hex() for s in (1.0, 0.3)])
print("torch._dynamo" in sys.modules or "torch._inductor" in sys.modules)
"""


def test_a_second_process_imports_nothing_of_inductor_and_computes_the_same_bits(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TORCHINDUCTOR_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    cache = tmp_path / "f2c-dsl"

    def start(how: str = "untraced") -> list[str]:
        run = subprocess.run(
            [sys.executable, "-c", STARTS, how],
            input=json.dumps(training()),
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        return [*run.stdout.splitlines(), run.stderr]

    first, second = start("traced"), start()
    (graph,) = (cache / "graphs").iterdir()
    libraries = list((cache / "inductor").rglob("*.so"))
    for library in libraries:
        library.unlink()
    third, fourth = start(), start()
    assert first[0] == second[0] == third[0] == fourth[0]
    imported = [told[1] for told in (first, second, third, fourth)]
    assert imported == ["True", "False", "True", "False"]
    assert ["builds the machine code of a graph again" in told[2] for told in (second, third, fourth)] == [
        False,
        True,
        False,
    ]
    assert libraries and list((cache / "graphs").iterdir()) == [graph]


@pytest.mark.parametrize(
    ("computes", "bare"),
    [
        (lambda x: [x + 1], True),
        (lambda x: [x.add_(1) * 2], True),
        (lambda x: [x @ x], True),
        (lambda x: [x.view(4)], False),
        (lambda x: [x], False),
        (lambda x: [x.sum() + torch.tensor([float(i * i % 7) for i in range(20)])], True),
    ],
    ids=[
        "plain",
        "writes its argument",
        "calls torch",
        "a result is memory of an argument",
        "a result is an argument",
        "has a tensor of its own",
    ],
)
@pytest.mark.parametrize("may", [True, False], ids=["bare", "whole"])
def test_a_graph_runs_without_inductor_where_nothing_of_it_is_needed(computes, bare, may, monkeypatch):
    def argument() -> Tensor:
        return torch.tensor([[0.5, 2.0], [-1.0, 3.0]])

    if not may:
        monkeypatch.setattr(BareGraph, "of", lambda _: None)
    compiled, content = adapter().compiled_graph(computes, [argument()])
    loaded, given, wanted = adapter().loaded_graph(content), argument(), argument()
    assert (BareGraph.of(compiled) is not None) == (bare and may)
    for _ in range(2):
        (found,), (expected,) = loaded(given), computes(wanted)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(given, wanted)
        assert (found.data_ptr() == given.data_ptr()) == (expected.data_ptr() == wanted.data_ptr())


def test_a_torch_that_is_built_otherwise_keeps_graphs_whole(kept, compiled, monkeypatch):
    monkeypatch.setattr(bare_graph, "_runs_alone", lambda entry: entry.not_there)
    first, second = steps(training(), counts=(2,)), steps(training(), counts=(2,))
    assert compiled.call_count == 1
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


def test_graphs_that_nobody_used_for_long_are_forgotten_when_another_is_compiled(kept):
    steps(training(), counts=(2,))
    (used,) = kept.folder.iterdir()
    unused = kept.folder / "unused"
    unused.touch()
    for path in (used, unused):
        os.utime(path, (1e9, 1e9))
    steps(training(), counts=(2, 1))
    assert used.exists() and not unused.exists() and len(list(kept.folder.iterdir())) == 2


def test_it_is_said_what_is_compiled_and_that_it_is_kept(kept, caplog, monkeypatch):
    caplog.set_level("INFO", logger="f2c_host")
    steps(training())
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "compiles" in line] == [
        "Inductor compiles `step`, which may take minutes; the next start finds it on disk",
        "Inductor compiles `step` once more, for other sizes or another outcome of its conditions, which may take minutes; "
        "the next start finds it on disk",
    ]
    caplog.clear()
    steps(training())
    assert not caplog.records
    monkeypatch.setattr(graphs, "_kept", lambda: KeptFiles(None, 1))
    steps(training(), counts=(2,))
    assert caplog.records[0].getMessage().endswith("nothing can be kept in the user's cache")
