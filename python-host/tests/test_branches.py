"""Branches run at the same time on several cores, and give what they give one after the other.

`test/fixtures/branch-programs.mjs` writes the programs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from compiled import FIXTURES, node, started
from torch import Tensor

from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.kernels import native
from f2c_host.lower import branches
from f2c_host.lower.text import program_text
from f2c_host.run.program import Program
from f2c_host.torch_api.cores import compute_on

BACKENDS = ("torchscript", "eager")


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "branch-programs.mjs"))


def outcome(ir: Any, backend: str, steps: int = 3) -> list[Tensor]:
    """Losses, and all that is stored after some steps."""
    program = started(ir, backend)
    seen = []
    for step in range(steps):
        chance = torch.Generator().manual_seed(step)
        x, y = torch.randn(2, 8, 3, 12, 12, generator=chance)
        seen.append(program.run("step", {"x": x, "y": y, "lr": 0.1})["loss"])
    return seen + [t.detach().clone() for t in program.storage.values()]


def forks(program: Program) -> int:
    """How many branches TorchScript starts."""
    return sum(n.kind() == "prim::fork" for n in program._runnable["step"].graph.nodes())


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_branches_give_what_the_program_without_them_gives(programs, cores, backend):
    cores(2)
    for got, wanted in zip(
        outcome(programs["branches"], backend), outcome(programs["nets"], backend), strict=True
    ):
        assert torch.allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["by length", "looked at"])
def test_gradients_of_passes_are_those_of_the_loss(programs, cores, name):
    cores(2)
    plain, split = programs[name]
    chance = torch.Generator().manual_seed(0)
    given = dict(zip("xz", torch.randn(2, 4, 4, generator=chance), strict=True))
    wanted = started(plain).run("step", given)
    assert all(value > 0 for value in wanted.values())
    got = started(split, "torchscript").run("step", given)
    assert {k: v.item() for k, v in got.items()} == pytest.approx({k: v.item() for k, v in wanted.items()})


def test_what_branches_give_does_not_depend_on_whether_they_run_at_the_same_time(programs, cores):
    cores(1)
    alone = outcome(programs["branches"], "torchscript")
    assert same(outcome(programs["branches"], "eager"), alone)
    cores(2)  # a share of one core each
    assert same(outcome(programs["branches"], "torchscript"), alone)
    assert same(outcome(programs["branches"], "eager"), alone)


def test_they_run_in_threads_of_their_own(programs, cores, monkeypatch):
    cores(2)
    threads = []

    def fork(branch, *arguments):
        def seen(*given):
            threads.append((threading.current_thread().name, torch.get_num_threads()))
            return branch(*given)

        return branches.fork(seen, *arguments)

    monkeypatch.setitem(branches.IN_PYTHON, "fork", fork)
    outcome(programs["branches"], "eager", steps=1)
    assert len(threads) == 4  # two of the forward pass, two of the gradient
    assert {name.rpartition("_")[0] for name, _ in threads} == {"branch"}
    assert {count for _, count in threads} == {1}
    assert forks(started(programs["branches"], "torchscript")) == 4


# Kept for good: torch 2.11 compiles nothing more once an op that it knew is gone.
LIBRARY = torch.library.Library("f2c_test_branches", "DEF")
LIBRARY.define("note() -> ()", alias_analysis="CONSERVATIVE")
taken: list[int] = []
LIBRARY.impl("note", lambda: taken.append(torch.get_num_threads()), "CompositeExplicitAutograd")
LIBRARY.define("take_long() -> ()", alias_analysis="CONSERVATIVE")
LIBRARY.impl("take_long", lambda: time.sleep(0.05), "CompositeExplicitAutograd")
NOTES = """
def note(i: int):
    torch.ops.f2c_test_branches.note()
    return i

def both():
    a = torch.jit._fork(note, 1)
    b = torch.jit._fork(note, 2)
    return torch.jit._wait(a) + torch.jit._wait(b)

def long(i: int):
    torch.ops.f2c_test_branches.take_long()
    return i

def behind():
    a = torch.jit._fork(long, 1)
    torch.ops.f2c.stay(a)
    return note(torch.jit._wait(a))
"""


def test_torchscripts_threads_compute_on_a_share_of_the_cores(programs, cores):
    for all_cores, share in ((4, 2), (2, 1), (3, 1)):
        cores(all_cores)
        started(programs["branches"], "torchscript")
        taken.clear()
        torch.jit.CompilationUnit(NOTES).both()
        assert taken == [share, share]
        assert torch.get_num_threads() == all_cores


def test_what_comes_behind_branches_has_all_cores(programs, cores):
    cores(2)
    started(programs["branches"], "torchscript")
    taken.clear()
    torch.jit.CompilationUnit(NOTES).behind()
    assert taken == [2]
    lines = program_text(parse_module(programs["branches"]), "torchscript").splitlines()
    kinds = [kind for line in lines for kind in ("fork", "stay", "wait") if f"{kind}(" in line]
    assert kinds == ["fork", "fork", "stay", "stay", "wait", "wait"] * 2


def test_threads_run_graphs_as_they_were_compiled(programs, cores):
    """Torch keeps for each thread whether it may make another graph of one, with gradients of its own."""
    cores(2)
    started(programs["branches"], "torchscript")
    optimises: list[bool] = []
    branches._pools.meet(lambda: optimises.append(torch._C._get_graph_executor_optimize()))
    assert optimises == [False] * 4


def test_on_one_core_they_run_one_after_the_other(programs, cores):
    cores(1)
    assert forks(started(programs["branches"], "torchscript")) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_those_that_need_each_other_keep_their_order(programs, cores, backend):
    cores(2)
    program = started(programs["in order"], backend)
    x = np.array([0.1, -0.5, 0.25, -2.0], np.float32)
    for _ in range(20):
        got = program.run("step", {"x": x, "i": np.zeros(1, np.int64)})["y"]
        second = np.exp(np.exp(x))
        assert np.allclose(got.numpy(), second + np.exp(second), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_in_a_branch_names_its_place(programs, cores, backend):
    cores(2)
    program = started(programs["picks"], backend)
    with pytest.raises(HostError) as caught:
        program.run("step", {"x": np.zeros(4, np.float32), "i": np.array([7])})
    assert caught.value.code == "F2C6305"
    assert "index out of range" in str(caught.value)
    frame = caught.value.frames[0]
    assert (frame.path, frame.start, frame.end) == ("exp.ts", 0, 4)
    # The program runs on.
    assert program.run("step", {"x": np.zeros(4, np.float32), "i": np.array([1])})["y"].tolist() == [1.0] * 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_branch_records_is_as_around_it(programs, cores, backend):
    """Nothing, in a function that takes no derivative."""
    cores(2)
    program = Program(parse_module(programs["picks"]), backend=backend)
    x = torch.zeros(4, requires_grad=True)
    assert not program.run("step", {"x": x, "i": np.array([1])})["y"].requires_grad


def test_a_thread_that_takes_a_number_of_cores_leaves_that_of_others(cores):
    cores(2)
    seen: list[int] = []

    def take() -> None:
        compute_on(1, 2)
        torch.ones(2**20).add_(1)  # a thread's first operation
        seen.append(torch.get_num_threads())

    for body in (take, lambda: seen.append(torch.get_num_threads())):
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    assert seen == [1, 2]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_when_one_fails_the_other_has_ended_before_anybody_hears(programs, cores, backend):
    cores(2)
    program = started(programs["one fails"], backend)
    with pytest.raises(HostError, match="index out of range"):
        program.run("step", {"x": np.ones(4, np.float32), "i": np.array([7])})
    assert program.storage["kept"].tolist() == [1.0] * 4


def test_a_process_ends_well_right_behind_a_step(tmp_path):
    """The threads of TorchScript's pool let go of Python objects when the step is over already."""
    programs = node(FIXTURES / "branch-programs.mjs")
    (tmp_path / "programs.json").write_text(programs)
    script = f"""
import json, sys, torch
torch.set_num_threads(2)
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program
program = Program(parse_module(json.load(open({str(tmp_path / "programs.json")!r}))["branches"]))
program.initialise(0)
x = torch.randn(8, 3, 12, 12)
for _ in range(20):
    program.run("step", {{"x": x, "y": x, "lr": 0.1}})
"""
    for _ in range(6):
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(native.library() is None, reason="needs the kernels in C")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["nets", "branches"])
def test_an_interruption_within_an_op_in_python_is_one(programs, cores, monkeypatch, name, backend):
    cores(2)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    program = started(programs[name], backend)
    monkeypatch.setattr(native, "call", interrupted)
    x = torch.zeros(8, 3, 12, 12)
    with pytest.raises(KeyboardInterrupt):
        program.run("step", {"x": x, "y": x, "lr": 0.1})
