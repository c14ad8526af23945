"""A real host process, driven over ipc: every request, and what happens when things go wrong."""

from __future__ import annotations

import hashlib
import logging
import math
import signal
import threading
import warnings
from collections.abc import Iterator

import msgpack
import numpy as np
import pytest
from driver import Driver, HostErrorReply
from programs import COUNTS, IMAGES, PROGRAM, SIZE, SOURCE_SPEC, plan, summing_module

from f2c_host.data import open_source
from f2c_host.ir.ops_table import IR_VERSION
from f2c_host.serve.server import EventLog

HELLO_FIELDS = {
    "protocol",
    "ir",
    "registry",
    "host",
    "token",
    "python",
    "untried",
    "kernels",
    "torch",
    "devices",
    "pid",
    "cuda",
    "gpus",
}
LONG = 10**9  # rounds of idle work that no test waits for


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """The images that the host will see, float64 [IMAGES, pixels]."""
    images = open_source(SOURCE_SPEC, {"counts": COUNTS}).read(np.arange(IMAGES))
    return images.reshape(IMAGES, -1).double().numpy()


@pytest.fixture(scope="module")
def running() -> Iterator[Driver]:
    with Driver() as driver:
        driver.welcome()
        yield driver
        driver.ask("shutdown", {})
        assert driver.host.wait(60) == 0


def prepare(driver: Driver, backend: str = "torchscript") -> Driver:
    driver.ask(
        "load",
        {"program": PROGRAM, "ir": summing_module(), "backend": backend, "device": "cpu", "threads": 1},
    )
    driver.ask("source", {"name": "train", "spec": SOURCE_SPEC}, {"counts": COUNTS})
    driver.ask("init", {"program": PROGRAM, "seed": 1})
    return driver


@pytest.fixture
def host(running: Driver) -> Driver:
    return prepare(running)


def total(driver: Driver) -> float:
    return driver.ask("read", {"program": PROGRAM, "names": ["total"]}).buffers["total"].item()


def test_hello_names_versions_and_devices():
    with Driver() as driver:
        hello = driver.welcome().body
        assert hello["protocol"] == [2, 0] and hello["ir"] == list(IR_VERSION)
        assert hello["token"] == "of this session"
        assert hello["pid"] == driver.host.pid
        assert hello["devices"][0] == "cpu"
        assert set(hello) == HELLO_FIELDS
        driver.send_control("goodbye")
        assert driver.host.wait(60) == 0


def test_a_rejected_host_prints_why_and_exits_with_4():
    with Driver() as driver:
        driver.receive("control")
        driver.send_control(
            "reject", {"code": "F2C6005", "message": "another registry", "hint": "f2c-dsl setup"}
        )
        assert driver.host.wait(60) == 4
        stderr = driver.host.stderr.read().decode()
        assert "F2C6005: another registry" in stderr and "f2c-dsl setup" in stderr


def test_load_and_source_answer_with_sizes(running):
    loaded = running.ask("load", {"program": PROGRAM, "ir": summing_module(), "device": "cpu"}).body
    assert (loaded["parameters"], loaded["bytes"]) == (4 * 3, (4 * 3 + 1) * 4)
    opened = running.ask("source", {"name": "train", "spec": SOURCE_SPEC}, {"counts": COUNTS}).body
    assert opened == {"images": IMAGES, "shape": [1, SIZE, SIZE]}


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_steps_report_metrics_in_order_and_change_the_state(running, pixels, backend):
    prepare(running, backend)
    expected = 0.0
    for step in range(6):
        running.send("plan", *plan(step, [step, step + 1], gain=step, extra=(step, 0)))
    for step in range(6):
        event = running.event("result")
        brightness = pixels[step : step + 2].mean()
        expected += step * brightness + step / 2
        assert event["number"] == step
        assert event["metrics"]["brightness"] == pytest.approx(brightness)
        assert event["metrics"]["loss"] == pytest.approx(expected)
        assert event["seconds"] > 0 and event["wait"] >= 0
    assert running.ask("sync", {"program": PROGRAM}).body == {"number": 5}
    assert total(running) == pytest.approx(expected)


def test_a_plan_that_ran_already_is_skipped(host):
    host.send("plan", *plan(0, [0]))
    first = host.event("result")
    host.send("plan", *plan(0, [0]))
    again = host.event("result")
    assert again["skipped"] is True and again["metrics"] == {}
    assert total(host) == pytest.approx(first["metrics"]["loss"])


def test_a_gap_fails_and_later_plans_are_dropped_until_init(host):
    for step in (0, 2, 3):
        host.send("plan", *plan(step, [0]))
    assert host.event("result")["number"] == 0
    failed = host.event("failed")
    assert (failed["code"], failed["class"], failed["number"]) == ("F2C6505", "host", 2)
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": 0}
    host.ask("init", {"program": PROGRAM, "seed": 1})
    host.send("plan", *plan(0, [0]))
    assert host.event("result")["number"] == 0


@pytest.mark.parametrize("gain", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_fails_and_its_state_cannot_be_saved(host, tmp_path, gain):
    path = str(tmp_path / "whole.safetensors")
    host.send("plan", *plan(0, [0]))
    saved = host.ask("save", {"program": PROGRAM, "path": path}).body
    data = (tmp_path / "whole.safetensors").read_bytes()
    assert saved == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "number": 0}
    before = total(host)
    host.send("plan", *plan(1, [0], gain=gain))
    host.send("plan", *plan(2, [0]))
    assert host.event("result")["number"] == 0
    failed = host.event("failed")
    assert (failed["code"], failed["class"], failed["number"]) == ("F2C6301", "user", 1)
    assert "learning rate" in failed["hint"]
    with pytest.raises(HostErrorReply, match=r"F2C6504.*failed halfway"):
        host.ask("save", {"program": PROGRAM, "path": path})
    host.ask("restore", {"program": PROGRAM, "path": path, "next": 1})
    assert total(host) == before
    host.send("plan", *plan(1, [0]))
    assert host.event("result")["number"] == 1


def test_a_broken_plan_names_what_is_wrong_and_leaves_a_state_that_can_be_saved(host, tmp_path):
    body, buffers = plan(0, [0])
    del buffers["extra"]
    host.send("plan", body, buffers)
    failed = host.event("failed")
    assert (failed["code"], failed["class"]) == ("F2C6311", "fault")
    assert "`extra` (f32[2]) is missing" in failed["message"]
    assert (
        host.ask("save", {"program": PROGRAM, "path": str(tmp_path / "s.safetensors")}).body["number"] == -1
    )


def test_an_image_index_out_of_range_fails_the_step_that_wanted_it(host):
    host.send("plan", *plan(0, [0]))
    host.send("plan", *plan(1, [IMAGES]))
    assert host.event("result")["number"] == 0
    failed = host.event("failed")
    assert (failed["code"], failed["number"]) == ("F2C6105", 1)


def test_an_array_of_another_shape_fails_the_step(host):
    host.send("plan", *plan(0, [0], extra=(1, 2, 3)))
    failed = host.event("failed")
    assert (failed["class"], failed["number"]) == ("fault", 0)
    assert "extra" in failed["message"]


OUT_OF_PLACE = {
    "an unknown source": (
        "preview",
        {"source": "test", "columns": 1, "path": "x"},
        "no source is called `test`",
    ),
    "an unknown storage": ("read", {"program": PROGRAM, "names": ["net.bias"]}, "net.bias"),
    "an unknown function": (
        "export",
        {"program": PROGRAM, "function": "f", "to": "torchscript", "path": "a"},
        "f",
    ),
    "an unknown exporter": ("exporters", {"names": ["tflite"]}, "there is no exporter `tflite`"),
    "a folder that is not there": (
        "save",
        {"program": PROGRAM, "path": "/nowhere/at/all"},
        "cannot write the checkpoint",
    ),
    "a malformed program": ("load", {"program": PROGRAM, "ir": {"version": [1, 0]}}, "malformed IR"),
    "a device that is none": ("load", {"program": PROGRAM, "ir": summing_module(), "device": "tpu"}, "tpu"),
    "a backend that is none": ("load", {"program": PROGRAM, "ir": summing_module(), "backend": "jax"}, "jax"),
    "a missing field": ("init", {"program": PROGRAM}, "`seed` is missing"),
    "a kind of the future": ("dream", {}, "unknown message `dream`"),
}


@pytest.mark.parametrize("kind, body, complaint", OUT_OF_PLACE.values(), ids=OUT_OF_PLACE.keys())
def test_a_request_that_cannot_be_met_is_answered_and_the_host_serves_on(host, kind, body, complaint):
    with pytest.raises(HostErrorReply) as caught:
        host.ask(kind, body, {"images": np.zeros(1, np.int32)} if kind == "preview" else {})
    assert complaint in caught.value.body["message"]
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": -1}


def test_nothing_works_before_load():
    with Driver() as driver:
        driver.welcome()
        with pytest.raises(HostErrorReply, match="F2C6504: no program is called `train`"):
            driver.ask("init", {"program": PROGRAM, "seed": 0})
        driver.send("plan", *plan(0, [0]))
        assert driver.event("failed")["code"] == "F2C6504"


def test_a_plan_before_init_fails(running):
    running.ask("load", {"program": PROGRAM, "ir": summing_module(), "device": "cpu"})
    running.send("plan", *plan(0, [0]))
    assert "send `init` or `restore`" in running.event("failed")["hint"]


def test_frames_that_are_no_message_are_refused_in_their_turn(host):
    host.send("plan", *plan(0, [0]))
    work = host.sockets["work"]
    work.send_multipart([msgpack.packb({"kind": "sync", "id": 900}), b"\xc1"])
    work.send_multipart([b"\xc1"])
    assert host.event("result")["number"] == 0
    reply = host.receive("work")
    assert (reply.kind, reply.re, reply.body["code"]) == ("error", 900, "F2C6501")
    failed = host.event("failed")
    assert (failed["code"], failed["number"]) == ("F2C6501", 1)


def test_a_matrix_of_embeddings_gives_their_cosines(host, pixels):
    images = np.array([3, 0, 7, 11, 0], np.int32)
    pairs = np.array([[0, 1], [2, 3], [1, 4], [4, 4], [3, 0]], np.int32)
    asked = {"program": PROGRAM, "matrix": "m", "source": "train", "function": "embed", "batch": 2}
    host.ask("embed", asked, {"images": images})
    found = host.ask("cosines", {"matrix": "m"}, {"pairs": pairs}).buffers["cosines"]
    assert found.dtype == np.float64
    for similarity, (a, b) in zip(found, pairs, strict=True):
        u, v = pixels[images[a]], pixels[images[b]]
        assert similarity == pytest.approx(u @ v / math.sqrt((u @ u) * (v @ v)), abs=1e-12)


def test_without_a_function_it_is_of_mean_subtracted_pixels(host, pixels):
    pairs = np.array([[0, 1], [2, 2]], np.int32)
    images = np.array([4, 9, 5], np.int32)
    host.ask(
        "embed", {"program": PROGRAM, "matrix": "m", "source": "train", "function": None}, {"images": images}
    )
    found = host.ask("cosines", {"matrix": "m"}, {"pairs": pairs}).buffers["cosines"]
    assert found == pytest.approx([np.corrcoef(pixels[4], pixels[9])[0, 1], 1.0], abs=1e-12)


def test_training_goes_on_after_an_evaluation_in_between(host):
    evaluation = {"images": np.arange(5, dtype=np.int32)}
    embed = {"program": PROGRAM, "matrix": "m", "source": "train", "function": "embed", "batch": 2}
    for step in range(3):
        host.send("plan", *plan(step, [step]))
    host.send("embed", embed, evaluation)
    for step in range(3, 6):
        host.send("plan", *plan(step, [step]))
    assert [host.event("result")["number"] for _ in range(6)] == list(range(6))
    assert host.receive("work").kind == "ok"


def test_preview_and_export_write_their_files(host, tmp_path):
    sheet = {"source": "train", "columns": 2, "path": str(tmp_path / "sheet.png")}
    size = host.ask("preview", sheet, {"images": np.arange(3, dtype=np.int32)}).body
    assert set(size) == {"width", "height"} and (tmp_path / "sheet.png").stat().st_size > 0
    pixels = np.zeros((2, 3, 8, 8), np.uint8)
    sheet = {"columns": 2, "path": str(tmp_path / "drawn.png"), "names": ["a", "b"]}
    assert host.ask("draw", sheet, {"pixels": pixels}).body["width"] == 2 * 96 + 3 * 2
    endings = host.ask("exporters", {"names": ["torchscript", "safetensors"]}).body["endings"]
    for to, ending in endings.items():
        path = tmp_path / f"net{ending}"
        written = host.ask(
            "export", {"program": PROGRAM, "function": "embed", "to": to, "path": str(path)}
        ).body
        assert written["bytes"] == path.stat().st_size > 0
    assert set(endings.values()) == {".pt", ".safetensors"}


def test_stop_finishes_the_step_drops_the_rest_and_goes_on_after_sync(host):
    for step in range(40):
        host.send("plan", *plan(step, [0], rounds=20_000))
    done = [host.event("result")["number"]]
    host.send_control("stop")
    while (event := host.receive("events")).kind == "result":
        done.append(event.body["number"])
    assert (event.kind, event.body) == ("stopped", {"numbers": {PROGRAM: done[-1]}})
    assert done == list(range(len(done)))
    late = len(done) + 1  # was on its way when the host stopped
    host.send("plan", *plan(late, [0]))
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": done[-1]}
    host.send("plan", *plan(len(done), [0]))
    assert host.event("result")["number"] == len(done)


def test_an_idle_host_answers_stop_at_once(host):
    host.send_control("stop")
    assert host.event("stopped") == {"numbers": {PROGRAM: -1}}
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": -1}


def test_the_heartbeat_goes_on_during_a_long_step_and_sigint_interrupts_it():
    with Driver() as driver:
        driver.welcome()
        prepare(driver, "eager")
        driver.host.send_signal(signal.SIGINT)  # nothing runs, so nothing happens
        driver.send("plan", *plan(0, [0]))
        assert driver.event("result")["number"] == 0
        driver.send("plan", *plan(1, [0], rounds=LONG))
        driver.send("plan", *plan(2, [0]))
        beat = driver.heartbeat_until(lambda body: body["busy"] == "plan" and body["number"] == 0)
        later = driver.heartbeat_until(lambda body: body["busy"] == "plan")
        assert later["progress"] > beat["progress"] >= 0
        # The step may not have been entered when the beat was sent, so ask until it is interrupted.
        while not driver.sockets["events"].poll(300):
            driver.host.send_signal(signal.SIGINT)
        failed = driver.event("failed")
        assert (failed["code"], failed["class"], failed["number"]) == ("F2C6601", "user", 1)
        driver.ask("init", {"program": PROGRAM, "seed": 0})
        driver.send("plan", *plan(0, [0]))
        assert driver.event("result")["number"] == 0


def test_a_wrong_control_message_is_answered_and_the_heartbeat_goes_on(running):
    running.send_control("dream")
    while (reply := running.receive("control")).kind == "heartbeat":
        pass
    assert (reply.kind, reply.body["code"]) == ("error", "F2C6502")
    running.heartbeat_until(lambda body: True)


def test_warnings_and_log_records_of_any_thread_are_collected_for_the_driver():
    log = EventLog(lambda: None)
    try:
        reader = threading.Thread(target=lambda: logging.getLogger("f2c_host.data").info("12 images cached"))
        reader.start()
        reader.join()
        warnings.warn("an op is deprecated", UserWarning, stacklevel=1)
        first, second = log.records.get_nowait(), log.records.get_nowait()
    finally:
        logging.getLogger().removeHandler(log)
        logging.captureWarnings(False)
    assert first == {"level": "info", "message": "12 images cached"}
    assert second["level"] == "warning" and "an op is deprecated" in second["message"]


def test_what_the_main_thread_logs_is_reported_at_once_and_what_others_log_in_its_turn():
    reported = []
    log = EventLog(lambda: reported.append(log.records.get_nowait()["message"]))
    try:
        reader = threading.Thread(target=lambda: logging.getLogger("f2c_host.data").info("12 images cached"))
        reader.start()
        reader.join()
        assert reported == []
        logging.getLogger("f2c_host.lower").info("this takes minutes")
        assert reported == ["12 images cached"] and log.records.qsize() == 1
    finally:
        logging.getLogger().removeHandler(log)
        logging.captureWarnings(False)


def test_a_graph_is_announced_before_it_is_compiled_and_not_where_it_is_loaded(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = []
    for _ in range(2):
        with Driver() as driver:
            driver.welcome()
            prepare(driver, "inductor")
            driver.ask("init", {"program": PROGRAM, "seed": 0})
            driver.send("plan", *plan(0, [0]))
            told.append([])
            while (message := driver.receive("events")).kind != "result":
                told[-1].append(message.body["message"])
            driver.ask("shutdown", {})
    (before, after), loaded = told
    assert before == "Inductor compiles `step`, which may take minutes; the next start finds it on disk"
    assert after.startswith("compiled `step` in ")
    assert loaded == []
