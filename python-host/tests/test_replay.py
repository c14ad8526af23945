"""A recording executes without a driver, and does what the session did."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from driver import Driver, write_recording
from programs import COUNTS, PROGRAM, plan
from test_server import prepare

from f2c_host.serve.replay import read_recording, replay
from f2c_host.wire.frames import Message, pack

STEPS = 5


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, list[dict]]:
    """A recording, and the events/result bodies of the session that it recorded."""
    folder = tmp_path_factory.mktemp("recording")
    with Driver() as driver:
        driver.welcome()
        prepare(driver)
        for step in range(STEPS):
            driver.send("plan", *plan(step, [step, 2], gain=0.5, extra=(step, 1)))
        driver.ask("save", {"program": PROGRAM, "path": str(folder / "saved.safetensors")})
        (folder / "saved.safetensors").unlink()
        driver.send("plan", *plan(1, [0]))  # ran already
        driver.ask("sync", {"program": PROGRAM})
        driver.ask("shutdown", {})
        events = [driver.event("result") for _ in range(STEPS + 1)]
        write_recording(folder / "session.rec", driver.record)
    return folder / "session.rec", events


def replayed(path: Path, limit: int | None = None) -> tuple[int, list[dict]]:
    out = io.StringIO()
    code = replay(path, limit, out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def without_times(event: dict) -> dict:
    return {key: value for key, value in event.items() if key not in ("seconds", "wait", "elapsed")}


def test_a_replay_has_the_metrics_of_the_session_bit_for_bit(session):
    path, events = session
    code, lines = replayed(path)
    assert code == 0
    assert list(map(without_times, lines[:-1])) == list(map(without_times, events))
    totals = lines[-1]
    assert set(totals) == {"plans", "seconds", "wall"} and totals["plans"] == STEPS
    assert totals["seconds"] == pytest.approx(sum(line["seconds"] for line in lines[:-1]))
    assert totals["wall"] >= totals["seconds"]


def test_a_replay_writes_no_file(session):
    path, _ = session
    replayed(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["session.rec"]


def test_a_limit_ends_the_replay_after_so_many_steps(session):
    _, lines = replayed(session[0], limit=2)
    assert [line["number"] for line in lines[:-1]] == [0, 1] and lines[-1]["plans"] == 2


def test_a_recording_that_breaks_off_is_executed_up_to_there(session, tmp_path):
    whole = session[0].read_bytes()
    with open(session[0], "rb") as file:
        messages = list(read_recording(file))
    sizes = [4 + sum(4 + len(frame) for frame in frames) for frames in messages]
    assert sum(sizes) == len(whole)
    (tmp_path / "cut").write_bytes(whole[: sum(sizes[:5]) + 9])  # load, source, init, two plans, and a bit
    code, lines = replayed(tmp_path / "cut")
    assert code == 0 and lines[-1]["plans"] == 2


def test_a_diverging_session_prints_its_failure_and_the_totals(session, tmp_path, capsys):
    body, buffers = plan(0, [0], gain=float("nan"))
    with open(session[0], "rb") as file:
        setup = [frames for frames, _ in zip(read_recording(file), range(3), strict=False)]
    diverging = [bytes(frame) for frame in pack(Message("plan", body, buffers, id=4))]
    write_recording(tmp_path / "diverging", [*setup, diverging])
    code, lines = replayed(tmp_path / "diverging")
    assert code == 1
    assert lines[0]["failed"]["code"] == "F2C6301" and lines[1]["plans"] == 0
    assert "F2C6301" in capsys.readouterr().err


@pytest.mark.parametrize("content", [struct.pack("<I", 1 << 31), b"PNG!" * 9], ids=["huge", "another format"])
def test_a_file_that_is_no_recording_is_refused(tmp_path, content, capsys):
    (tmp_path / "x").write_bytes(content)
    code, lines = replayed(tmp_path / "x")
    assert code == 1 and lines[0]["failed"]["code"] == "F2C6507"


def test_a_missing_file_is_named(tmp_path, capsys):
    code, _ = replayed(tmp_path / "absent.rec")
    assert code == 1 and "absent.rec" in capsys.readouterr().err


def test_counts_in_the_recording_are_those_that_were_sent(session):
    with open(session[0], "rb") as file:
        frames = list(read_recording(file))[1]
    assert np.frombuffer(frames[2], "<i4").tolist() == COUNTS.tolist()
