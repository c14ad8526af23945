"""The state of a program, saved while plans go on changing it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ir_examples import NUMBER, ModuleBuilder, group, tensor
from safetensors.torch import load_file
from test_session import Asked

from f2c_host.errors import HostError
from f2c_host.files import safetensors_file
from f2c_host.ir.json_form import parse_module
from f2c_host.run import snapshot as snapshots
from f2c_host.run.executor import Plan
from f2c_host.run.snapshot import EarlierRows, Snapshot, written_rows

PROGRAM = "train"
ROWS = 500


def pool_module() -> dict[str, Any]:
    """step(at i64 [7], rows f32 [7, 4]) writes rows into `pool` and moves `net`; `look` returns their sums."""
    m = ModuleBuilder()
    m.state("pool", tensor(ROWS, 4), "normal", mean=0.0, std=1.0)
    m.parameter("net", tensor(100, 4), "normal", mean=0.0, std=1.0)
    f = m.function("step")
    at, rows = f.input("at", tensor(7, dtype="i64")), f.input("rows", tensor(7, 4))
    f.op("index_copy_", f.state("pool"), at, rows, dim=0)
    f.op("mul_", f.state("net"), f.constant(1.5))
    f.returns(loss=(f.op("sum", rows, to=NUMBER), NUMBER))
    g = m.function("look")
    g.returns(sum=(g.op("sum", g.state("pool"), to=NUMBER), NUMBER))
    return m.json


def plan(number: int) -> Plan:
    dice = np.random.default_rng(number)
    at = np.sort(dice.integers(0, ROWS, 7)).astype(np.int32)
    rows = np.repeat(dice.normal(size=(1, 4)), 7, 0).astype(np.float32)  # equal where a row comes twice
    return Plan(PROGRAM, "step", number, arrays={"at": at, "rows": rows})


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_COPIED", 4000)
    monkeypatch.setattr(snapshots, "_PIECE", 640)


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_as_they_were_whatever_is_written_between_two_pieces(seed: int, small_pieces: None):
    dice = np.random.default_rng(seed)
    tensor = torch.from_numpy(dice.normal(size=(ROWS, 4)).astype(np.float32))
    wanted = tensor.clone()
    rows = EarlierRows(tensor, {"step": ("at",)})

    def write() -> None:
        for _ in range(dice.integers(0, 3)):
            next_plan = Plan(PROGRAM, "step", 0, arrays={"at": dice.integers(0, ROWS, 9).astype(np.int32)})
            rows.before(next_plan)
            tensor[torch.from_numpy(next_plan.arrays["at"]).long()] = float(dice.normal())

    write()
    read = []
    for piece in rows:
        read.append(piece.clone())
        write()
    assert len(read) > 10
    assert torch.equal(torch.cat(read), wanted)
    assert not torch.equal(tensor, wanted)


def test_who_reads_rests_after_each_piece_as_long_as_it_took(small_pieces: None):
    rested: list[float] = []
    pieces = [piece.clone() for piece in EarlierRows(torch.zeros(ROWS, 4), {}, rested.append)]
    assert len(rested) == len(pieces) > 10
    assert min(rested) >= 0


def test_a_writer_rests_while_a_plan_runs_and_no_longer(session: Asked, monkeypatch: pytest.MonkeyPatch):
    loaded = session.programs[PROGRAM]
    loaded._rest(3600)  # no plan runs
    writer = threading.Thread(target=loaded._rest, args=(3600,))
    run = loaded.executor.run

    def running(*arguments: Any) -> None:
        writer.start()
        run(*arguments)
        assert writer.is_alive()

    monkeypatch.setattr(loaded.executor, "run", running)
    session.run(plan(0))
    writer.join(60)
    assert not writer.is_alive()


def test_what_is_put_aside_is_a_row_once():
    rows = EarlierRows(torch.zeros(10, 2), {"step": ("at",)})
    for at in ([1, 2, 2], [2, 3], [1, 3]):
        rows.before(Plan(PROGRAM, "step", 0, arrays={"at": np.array(at, np.int32)}))
    assert sorted(row for aside in rows._aside for row in aside.rows) == [1, 2, 3]


def test_a_storage_is_written_by_rows_where_plans_name_them_and_nothing_else_writes_it():
    m = ModuleBuilder()
    for name in ("pool", "twice", "columns", "computed", "moved", "grouped", "untouched"):
        m.state(name, tensor(6, 6))
    m.group("all", ["grouped"])
    f = m.function("step")
    at, rows = f.input("at", tensor(6, dtype="i64")), f.input("rows", tensor(6, 6))
    again = f.input("again", tensor(6, dtype="i64"))
    f.op("index_copy_", f.state("pool"), at, rows, dim=0)
    f.op("index_copy_", f.state("twice"), at, rows, dim=0)
    f.op("index_copy_", f.state("twice"), again, rows, dim=0)
    f.op("index_copy_", f.state("columns"), at, rows, dim=1)
    f.op("index_copy_", f.state("computed"), f.op("add", at, at, to=tensor(6, dtype="i64")), rows, dim=0)
    f.op("index_copy_", f.state("moved"), at, rows, dim=0)
    f.op("foreach_mul_", f.op("group", to=group("all"), name="all"), f.constant(2.0))
    f.returns(loss=(f.op("sum", rows, to=NUMBER), NUMBER))
    g = m.function("move")
    g.op("mul_", g.state("moved"), g.constant(1.5))
    g.returns()
    assert written_rows(parse_module(m.json)) == {
        "pool": {"step": ("at",)},
        "twice": {"step": ("at", "again")},
        "untouched": {},
    }


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Set once a file is being written; and what it then waits for."""
    begun, goes_on = threading.Event(), threading.Event()
    write = safetensors_file._Hashed.write

    def waiting(self: Any, data: bytes | memoryview) -> None:
        begun.set()
        assert goes_on.wait(60)
        write(self, data)

    monkeypatch.setattr(safetensors_file._Hashed, "write", waiting)
    return begun, goes_on


@pytest.fixture
def session(small_pieces: None):
    session = Asked(pool_module())
    session.ask("init", program=PROGRAM, seed=4)
    yield session
    session.close()


def state_of(session: Asked) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in session.programs[PROGRAM].program.kept.items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def asked_to_save(session: Asked, path: Path, **body: Any):
    return session.later("save", program=PROGRAM, path=str(path), **body)


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_a_checkpoint_is_that_of_its_step_while_steps_go_on(
    writing: tuple[threading.Event, threading.Event], tmp_path: Path, small_pieces: None, backend: str
):
    begun, goes_on = writing
    session = Asked(pool_module(), backend)
    session.ask("init", program=PROGRAM, seed=4)
    for number in range(3):
        session.run(plan(number))
    wanted = state_of(session)
    saving = asked_to_save(session, tmp_path / "s.safetensors")
    assert begun.wait(60)
    for number in range(3, 40):
        session.run(plan(number))
    assert not saving.doing.done()
    assert not (tmp_path / "s.safetensors").exists()
    goes_on.set()
    assert saving.get().body["number"] == 2
    assert same(load_file(tmp_path / "s.safetensors"), wanted)
    ended = state_of(session)
    assert not same(ended, wanted)
    session.ask("restore", program=PROGRAM, path=str(tmp_path / "s.safetensors"), next=3, seed=4)
    for number in range(3, 40):
        session.run(plan(number))
    assert same(state_of(session), ended)
    session.close()


def test_pools_are_not_copied_and_what_was_put_aside_goes_when_all_is_written(session: Asked, tmp_path: Path):
    loaded = session.programs[PROGRAM]
    snapshot = Snapshot(loaded.program.kept, written_rows(loaded.program.module))
    assert isinstance(snapshot.tensors["pool"], EarlierRows)
    assert isinstance(snapshot.tensors["net"], torch.Tensor)
    asked_to_save(session, tmp_path / "s").get()
    assert loaded._snapshot is None


CHANGES: dict[str, Callable[[Asked, Path], object]] = {
    "another save": lambda session, folder: asked_to_save(session, folder / "second").get(),
    "init": lambda session, _: session.ask("init", program=PROGRAM, seed=5),
    "restore": lambda session, folder: session.ask(
        "restore", program=PROGRAM, path=str(folder / "before"), next=0, seed=4
    ),
    "unload": lambda session, _: session.ask("unload", program=PROGRAM),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_would_change_the_state_or_save_it_waits_until_it_is_saved(
    session: Asked, writing: tuple[threading.Event, threading.Event], tmp_path: Path, change: str
):
    begun, goes_on = writing
    goes_on.set()
    asked_to_save(session, tmp_path / "before").get()
    session.run(plan(0))
    wanted = state_of(session)
    begun.clear()
    goes_on.clear()
    saving = asked_to_save(session, tmp_path / "s.safetensors")
    assert begun.wait(60)
    threading.Timer(0.2, goes_on.set).start()
    CHANGES[change](session, tmp_path)
    assert saving.doing.done()
    assert same(load_file(tmp_path / "s.safetensors"), wanted)


def test_a_pool_with_a_number_that_is_not_finite_is_not_saved(session: Asked, tmp_path: Path):
    session.programs[PROGRAM].program.kept["pool"][400, 2] = torch.nan
    with pytest.raises(HostError, match="pool holds NaN") as refused:
        asked_to_save(session, tmp_path / "s", finite=["pool", "net"]).get()
    assert refused.value.code == "F2C6207"
    assert [*tmp_path.iterdir()] == []
    asked_to_save(session, tmp_path / "s", finite=["net"]).get()
