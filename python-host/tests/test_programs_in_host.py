"""Several programs in one host, any function of each, sizes that differ, tensors that come back: over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driver import Driver, HostErrorReply
from programs import COUNTS, IMAGES, PROGRAM, SIZE, SOURCE_SPEC, look, plan, summing_module

from f2c_host.data import open_source
from f2c_host.serve.outbox import BYTES, MESSAGES
from f2c_host.wire.frames import Message


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """The images that the host will see, float32 [IMAGES, pixels]."""
    images = open_source(SOURCE_SPEC, {"counts": COUNTS}).read(np.arange(IMAGES))
    return images.reshape(IMAGES, -1).float().numpy()


def load(driver: Driver, program: str, backend: str = "eager") -> None:
    asked = {"program": program, "ir": summing_module(), "backend": backend, "device": "cpu", "threads": 1}
    driver.ask("load", {**asked, "readers": 1})
    driver.ask("init", {"program": program, "seed": 1})


@pytest.fixture(scope="module")
def running() -> Iterator[Driver]:
    with Driver() as driver:
        driver.welcome()
        driver.ask("source", {"name": "train", "spec": SOURCE_SPEC}, {"counts": COUNTS})
        yield driver
        driver.ask("shutdown", {})
        assert driver.host.wait(60) == 0


@pytest.fixture
def host(running: Driver) -> Iterator[Driver]:
    yield running
    for name in (PROGRAM, "one", "two"):
        try:
            running.ask("unload", {"program": name})
        except HostErrorReply as error:
            assert error.body["code"] == "F2C6504"


def event(driver: Driver) -> Message:
    while (message := driver.receive("events")).kind in ("log", "part"):
        pass
    return message


def train(number: int, program: str, **changes: float):
    body, buffers = plan(number, [0], **changes)
    return {**body, "program": program}, buffers


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_any_function_runs_on_as_many_images_as_the_plan_says_and_returns_tensors(host, pixels, backend):
    load(host, PROGRAM, backend)
    for number, count in enumerate([5, 5, 2]):
        first = 5 * number
        host.send("plan", *look(number, list(range(first, first + count))))
    for number, count in enumerate([5, 5, 2]):
        result = event(host)
        wanted = pixels[5 * number : 5 * number + count]
        assert (result.kind, result.body["program"], result.body["number"]) == ("result", PROGRAM, number)
        assert np.array_equal(result.buffers["rows"], wanted) and result.buffers["rows"].dtype == np.float32
        assert result.body["metrics"] == {"brightness": pytest.approx(wanted.mean())}


def test_functions_of_a_program_share_its_numbers_and_its_state(host):
    load(host, PROGRAM)
    host.send("plan", *plan(0, [0]))
    host.send("plan", *look(1, [3], returns=()))
    host.send("plan", *plan(2, [0]))
    first, looked, second = event(host), event(host), event(host)
    assert looked.buffers == {} and set(looked.body["metrics"]) == {"brightness"}
    assert second.body["metrics"]["loss"] == pytest.approx(2 * first.body["metrics"]["loss"])
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": 2}


def test_two_programs_keep_states_numbers_and_failures_apart(host):
    for name in ("one", "two"):
        load(host, name)
    for number in range(2):
        host.send("plan", *train(number, "one"))
        host.send("plan", *train(number, "two", gain=2))
    host.send("plan", *train(5, "one"))
    host.send("plan", *train(2, "one"))
    host.send("plan", *train(2, "two", gain=2))
    told = [event(host) for _ in range(6)]
    assert [(e.kind, e.body["program"], e.body["number"]) for e in told] == [
        ("result", "one", 0),
        ("result", "two", 0),
        ("result", "one", 1),
        ("result", "two", 1),
        ("failed", "one", 5),
        ("result", "two", 2),
    ]
    ones, twos = told[2].body["metrics"]["loss"], told[3].body["metrics"]["loss"]
    assert twos == pytest.approx(2 * ones)
    assert host.ask("read", {"program": "two", "names": ["total"]}).buffers["total"] == pytest.approx(
        3 * ones
    )
    host.ask("unload", {"program": "one"})
    with pytest.raises(HostErrorReply, match=r"no program is called `one` \(loaded: two\)"):
        host.ask("sync", {"program": "one"})
    host.send("plan", *train(3, "two"))
    assert event(host).body["number"] == 3


def test_a_stop_drops_the_plans_of_every_program_until_each_is_synchronised(host):
    for name in ("one", "two"):
        load(host, name)
        host.send("plan", *train(0, name))
        assert event(host).body["number"] == 0
    host.send_control("stop")
    assert host.event("stopped") == {"numbers": {"one": 0, "two": 0}}
    for name in ("one", "two"):
        host.send("plan", *train(1, name))
    assert host.ask("sync", {"program": "one"}).body == {"number": 0}
    for name in ("one", "two"):
        host.send("plan", *train(1, name))
    assert (told := event(host)).kind == "result" and told.body["program"] == "one"
    assert host.ask("sync", {"program": "two"}).body == {"number": 0}


def test_the_first_number_is_what_init_says(host):
    load(host, PROGRAM)
    host.ask("init", {"program": PROGRAM, "seed": 1, "next": 40})
    assert host.ask("sync", {"program": PROGRAM}).body == {"number": 39}
    host.send("plan", *look(40, [1]))
    assert event(host).body["number"] == 40


def resident(process: int) -> int:
    """Bytes of memory that a process has in use."""
    fields = Path(f"/proc/{process}/status").read_text()
    return int(fields.split("VmRSS:")[1].split()[0]) * 1024


def test_a_driver_that_takes_no_results_slows_the_host_and_neither_memory_grows(host):
    """Four times as many bytes are asked for as may wait, by a driver that looks away; then it takes all of them."""
    load(host, PROGRAM)
    images = [0] * 4096
    size = 4 * SIZE * SIZE * len(images)  # 4 MiB a result
    plans = 4 * BYTES // size
    host.send("plan", *look(0, images))
    assert event(host).body["number"] == 0
    before = resident(host.host.pid)
    for number in range(1, plans):
        host.send("plan", *look(number, images))
    beat = host.heartbeat_until(lambda body: body["busy"] == "results")
    time.sleep(0.5)  # it stays where it is
    later = host.heartbeat_until(lambda body: body["busy"] == "results" and body["progress"] > 0.5)
    assert later["number"] == beat["number"] < plans - 1
    assert resident(host.host.pid) - before < BYTES + 16 * size
    # It is not deaf meanwhile.
    numbers = [event(host).body["number"] for _ in range(plans - 1)]
    assert numbers == list(range(1, plans))


def test_results_of_few_bytes_are_bounded_by_their_number_and_a_stop_is_obeyed_meanwhile(host):
    load(host, PROGRAM)
    host.send("plan", *look(0, [0], returns=()))
    assert event(host).body["number"] == 0
    for number in range(1, 4000):
        host.send("plan", *look(number, [0], returns=()))
    beat = host.heartbeat_until(lambda body: body["busy"] == "results")
    host.send_control("stop")
    told = 0
    while (message := event(host)).kind == "result":
        told += 1
    assert message.kind == "stopped"
    assert told == message.body["numbers"][PROGRAM] < 3999
    assert beat["number"] <= told and told > MESSAGES
