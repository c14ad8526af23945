"""A run is followed to its end, through resumes and crashes: what a tool's own reader reads is what the run says now."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from f2c_host.errors import HostError
from f2c_host.follow import TOOLS, require
from f2c_host.follow.following import Kept, can_follow, outcome_of
from f2c_host.follow.lines import Lines, Position
from f2c_host.follow.run import Run
from f2c_host.follow.tags import tagged

PATIENCE = 60.0
CONFIG = {
    "name": "faces",
    "setting": {"streams": {"first": 12, "second": 8}},
    "identity": {
        "options": {"lr": {"kind": "multistep", "epochs": [1, 2]}, "seed": 7, "ema": True, "evaluate": None}
    },
}


class Recorded:
    """A run's folder, written as the trainer writes it. `now` is what its metrics say at present."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.metrics = folder / "metrics.jsonl"
        self.now: list[dict] = []
        self._resumes = 0
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIG))

    def add(self, line: dict) -> None:
        self.now.append(line)
        with open(self.metrics, "a") as file:
            file.write(json.dumps(line) + "\n")

    def steps(self, first: int, end: int, loss: Callable[[int], float] = lambda step: 10 - step / 8) -> None:
        for step in range(first, end):
            self.add({"step": step, "epoch": step / 8, "loss": loss(step), "seconds": 0.25, "wait": 0.25})
            if step % 8 == 7:
                numbers = {
                    "accuracy": {"value": step / 64, "std": 0.5, "as": "percent", "note": "on 72 pairs"},
                    "TAR at FAR 0.1": {"value": None, "as": "percent"},
                }
                self.add({"step": step, "evaluation": {"verification": {"numbers": numbers, "notes": []}}})

    def resume(self, step: int) -> None:
        """Cuts the file as a resume does: the lines before stand in another file, which takes its place."""
        self.now = [line for line in self.now if line["step"] < step]
        partial = self.folder / "metrics.partial"
        partial.write_text("".join(json.dumps(line) + "\n" for line in self.now))
        os.replace(partial, self.metrics)
        self._resumes += 1
        self.add({"step": step, "event": "resumed", "at": f"2026-11-29T10:00:0{self._resumes}.000Z"})

    def end(self, steps: int, interrupted: bool = False) -> None:
        (self.folder / "summary.json").write_text(json.dumps({"steps": steps, "interrupted": interrupted}))

    def series(self, name: str) -> list[tuple[int, float]]:
        return [(line["step"], line[name]) for line in self.now if name in line]

    @property
    def accuracies(self) -> list[tuple[int, float]]:
        return [
            (line["step"], line["evaluation"]["verification"]["numbers"]["accuracy"]["value"])
            for line in self.now
            if "evaluation" in line
        ]


@pytest.fixture
def run(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "run")


class Following:
    """A follower as the driver starts it."""

    def __init__(self, run: Recorded, tool: str = "tensorboard", **options: object):
        self.run = run
        self._kept = run.folder / "follow" / f"{tool}.json"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "f2c_host", "follow", tool, run.folder, "--options", json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=run.folder,
        )
        self.said = json.loads(self.process.stdout.readline() or self.process.stderr.read())

    def until_written(self) -> None:
        """Waits until it has written all that there is."""
        deadline = time.monotonic() + PATIENCE
        size = self.run.metrics.stat().st_size
        while Kept(self._kept).position.offset != size:
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, "it does not come to the end"
            time.sleep(0.02)

    def end(self) -> int:
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


def followed(run: Recorded, tool: str = "tensorboard", **options: object) -> None:
    """Writes what there is into the tool."""
    assert Following(run, tool, **options).end() == 0


# ---- TensorBoard, read by its own reader


def read_events(run: Recorded):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(
        str(run.folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0}
    )
    return events.Reload()


def scalars(run: Recorded, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read_events(run).Scalars(tag)]


def same_in_tensorboard(run: Recorded) -> None:
    assert scalars(run, "train/loss") == run.series("loss")
    assert scalars(run, "verification/accuracy") == run.accuracies


def test_every_number_of_a_run_stands_at_its_step_under_a_tag_that_says_what_it_is(run):
    run.steps(0, 20)
    followed(run)
    same_in_tensorboard(run)
    assert sorted(read_events(run).Tags()["scalars"]) == [
        "speed/images a second",
        "speed/seconds a step",
        "speed/seconds waiting for images",
        "train/epoch",
        "train/loss",
        "verification/accuracy",
        "verification/accuracy std",
    ]
    # 12 + 8 images in a quarter of a second, after a quarter of waiting
    assert scalars(run, "speed/images a second")[3] == (3, 40.0)


def test_tensorboard_knows_what_the_experiment_was_asked_for_and_how_the_run_ended(run):
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    run.steps(0, 3)
    run.end(3)
    (run.folder / "follow").mkdir()
    (run.folder / "follow" / "roc.png").write_bytes(b"\x89PNG")
    followed(run)
    content = read_events(run).PluginTagToContent("hparams")
    begun = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    told = {
        name: getattr(value, value.WhichOneof("kind") or "null_value")
        for name, value in begun.hparams.items()
    }
    assert told == {"lr.kind": "multistep", "lr.epochs": "[1, 2]", "seed": 7, "ema": True}
    ended = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
    assert ended.status == 1  # STATUS_SUCCESS of api.proto
    assert [image.step for image in read_events(run).Images("curves/roc")] == [3]


def test_a_run_that_goes_back_while_it_is_followed_leaves_nothing_of_what_it_undid(run):
    run.steps(0, 12)
    following = Following(run)
    following.until_written()
    run.resume(8)
    run.steps(8, 20, loss=lambda step: 100 + step)
    following.until_written()
    assert following.end() == 0
    same_in_tensorboard(run)


def test_a_run_that_goes_on_in_another_process_is_followed_from_where_it_was_left(run):
    run.steps(0, 12)
    followed(run)
    run.resume(8)
    run.steps(8, 16, loss=lambda step: 100 + step)
    followed(run)
    same_in_tensorboard(run)
    run.resume(16)  # and at its end, where nothing was undone
    run.steps(16, 24)
    followed(run)
    same_in_tensorboard(run)


def test_what_happened_while_nobody_followed_is_made_up_for(run):
    run.steps(0, 12)
    followed(run)
    run.resume(8)
    run.steps(8, 16)
    run.resume(4)
    run.steps(4, 20, loss=lambda step: 50 - step)
    followed(run)
    same_in_tensorboard(run)


def test_one_that_is_killed_lacks_nothing_after_the_next_start_and_has_nothing_twice(run):
    run.steps(0, 10)
    following = Following(run)
    following.until_written()
    run.steps(10, 600)
    following.process.kill()
    assert following.process.wait(PATIENCE) == -signal.SIGKILL
    run.steps(600, 640)
    followed(run)
    same_in_tensorboard(run)


def test_it_ends_when_its_driver_is_gone_and_not_at_a_signal_for_the_whole_job(run):
    run.steps(0, 4)
    following = Following(run)
    for number in (signal.SIGTERM, signal.SIGHUP):
        following.process.send_signal(number)
    run.steps(4, 8)
    following.until_written()
    assert following.process.poll() is None
    assert following.end() == 0
    same_in_tensorboard(run)


# ---- what the tools share


def test_a_line_is_read_when_it_is_whole_and_one_that_is_none_is_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = Lines(path, Position())
    assert list(lines.read()) == []  # the run has not begun
    path.write_text('{"step": 0}\nnot a line\n[1]\n{"step": 1, "lo')
    assert list(lines.read()) == [{"step": 0}]
    with open(path, "a") as file:
        file.write('ss": 2}\n')
    assert list(lines.read()) == [{"step": 1, "loss": 2}]
    assert list(lines.read()) == []


def test_a_file_that_was_cut_is_not_read_before_it_says_where(run):
    run.steps(0, 6)
    position = Position()
    lines = Lines(run.metrics, position)
    assert len(list(lines.read())) == 6
    run.resume(6)
    text = run.metrics.read_text().splitlines(keepends=True)
    run.metrics.unlink()
    run.metrics.write_text("".join(text[:4]))  # cut, and not yet said
    assert list(lines.read()) == []
    with open(run.metrics, "a") as file:
        file.write(json.dumps({"step": 4, "event": "resumed", "at": "2026-11-29T11:00:00.000Z"}) + "\n")
    assert [line["step"] for line in lines.read()] == [4]
    assert position.step == 4


def test_a_resume_that_was_taken_over_is_not_taken_over_again(run):
    run.steps(0, 6)
    run.resume(4)
    run.steps(4, 6)
    position = Position()
    assert len(list(Lines(run.metrics, position).read())) == 7
    run.steps(6, 7)
    assert [line["step"] for line in Lines(run.metrics, position).read()] == [6]  # in another process


def test_numbers_that_are_none_have_no_tag():
    assert tagged({"step": 3, "loss": None, "lr": float("inf"), "on": True, "word": "x"}) == {}


@pytest.mark.parametrize(
    ("summary", "outcome"),
    [(None, "failed"), ((8, False), "complete"), ((8, True), "interrupted"), ((5, False), "failed")],
)
def test_a_run_without_a_summary_of_its_last_step_has_failed(run, summary, outcome):
    if summary:
        run.end(*summary)
    assert outcome_of(Run(run.folder), 8) == outcome


def test_a_tool_that_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name != "tensorboard" else object())
    with pytest.raises(HostError, match="F2C6411: wandb and mlflow cannot follow") as refused:
        require(TOOLS)
    assert refused.value.hint == f"{sys.executable} -m pip install wandb mlflow-skinny"
    out = io.StringIO()
    assert can_follow(["mlflow"], out) == 3
    assert json.loads(out.getvalue())["code"] == "F2C6411"
    assert can_follow(["tensorboard"], out) == 0


# ---- the others, each by its own reader


def wandb_records(path: Path):
    """The records of a run that was not sent: protocol buffers in LevelDB's log format, behind a header of seven bytes."""
    internal = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    block, data, record = 32768, path.read_bytes(), b""
    assert data[:4] == b":W&B"
    at = 7
    while at + 7 <= len(data):
        if block - at % block < 7:  # no header fits into the rest of a block
            at += block - at % block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole record, or its last part
            yield internal.Record.FromString(record)
            record = b""


def test_wandb_offline_holds_every_step_of_one_run_and_says_where_it_went_back(run):
    pytest.importorskip("wandb")
    run.steps(0, 12)
    followed(run, "wandb", mode="offline", project="p")
    run.resume(8)
    run.steps(8, 16)
    run.end(16)
    followed(run, "wandb", mode="offline", project="p")
    files = sorted((run.folder / "follow" / "wandb").glob("offline-run-*/*.wandb"))
    records = [record for path in files for record in wandb_records(path)]
    ids = {(r.run.run_id, r.run.project) for r in records if r.WhichOneof("record_type") == "run"}
    rows = [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    assert len(ids) == 1 and next(iter(ids))[1] == "p"
    losses = [(row["step"], row["train/loss"]) for row in rows if "train/loss" in row]
    assert losses == [(step, 10 - step / 8) for step in [*range(12), *range(8, 16)]]
    assert [row["resumed at"] for row in rows if "resumed at" in row] == [8]
    accuracies = [(row["step"], row.get("verification/accuracy")) for row in rows]
    assert [found for found in accuracies if found[1] is not None] == run.accuracies


def test_mlflow_in_a_folder_holds_every_step_of_one_run(run, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking")
    run.steps(0, 12)
    store = str(run.folder / "store")
    followed(run, "mlflow", uri=store, experiment="faces", tags={"by": "us"})
    run.resume(8)
    run.steps(8, 16)
    run.end(16)
    followed(run, "mlflow", uri=store, experiment="faces")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = tracking.MlflowClient(store)
    (experiment,) = client.search_experiments(filter_string="name = 'faces'")
    (found,) = client.search_runs([experiment.experiment_id])
    losses = [(m.step, m.value) for m in client.get_metric_history(found.info.run_id, "train/loss")]
    assert sorted(set(losses)) == run.series("loss")
    assert len(losses) == 12 + 8
    assert found.info.status == "FINISHED"
    assert found.data.params == {"lr.kind": "multistep", "lr.epochs": "[1, 2]", "seed": "7", "ema": "True"}
    assert found.data.tags["resumed at"] == "8" and found.data.tags["by"] == "us"
    assert {file.path for file in client.list_artifacts(found.info.run_id)} == {"config.json", "summary.json"}
