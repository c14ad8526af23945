"""The host lives exactly as long as its driver wants it to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from driver import Driver
from programs import PROGRAM, plan
from test_server import LONG, prepare

TESTS = Path(__file__).parent
GRACE = 2.0  # seconds within which an orphan must be gone

# A driver in a process of its own, which sets a host to work and then waits to be killed.
DRIVER_PROCESS = """
import signal, sys
sys.path.insert(0, {tests!r})
from driver import Driver
from programs import PROGRAM, plan
from test_server import LONG, prepare
driver = Driver()
if {working!r}:
    driver.welcome()
    prepare(driver, {backend!r})
    driver.send("plan", *plan(0, [0], rounds=LONG))
    driver.heartbeat_until(lambda body: body["busy"] == "plan")
else:
    driver.receive("control")
print(driver.host.pid, driver.folder.name, flush=True)
signal.pause()
"""


def gone(process: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "working, backend",
    [(False, ""), (True, "eager"), (True, "torchscript")],
    ids=["during the handshake", "in an eager step", "in a TorchScript step"],
)
def test_a_killed_driver_takes_its_host_along(working, backend):
    script = DRIVER_PROCESS.format(tests=str(TESTS), working=working, backend=backend)
    driver = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    host, folder = driver.stdout.readline().decode().split()
    host = int(host)
    assert not gone(host)
    driver.kill()
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + GRACE
    while not gone(host) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(folder)
    assert gone(host)


def test_the_end_of_stdin_ends_the_host_with_5_even_within_a_step():
    with Driver() as driver:
        driver.welcome()
        prepare(driver)
        driver.send("plan", *plan(0, [0], rounds=LONG))
        driver.heartbeat_until(lambda body: body["busy"] == "plan")
        driver.host.stdin.close()
        assert driver.host.wait(60) == 5
        assert b"the driver closed stdin" in driver.host.stderr.read()


def test_goodbye_ends_the_host_with_0_even_within_a_step():
    with Driver() as driver:
        driver.welcome()
        prepare(driver)
        driver.send("plan", *plan(0, [0], rounds=LONG))
        driver.heartbeat_until(lambda body: body["busy"] == "plan")
        driver.send_control("goodbye")
        assert driver.host.wait(60) == 0


def test_a_host_whose_driver_died_before_it_began_exits_with_5():
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    endpoints = {name: f"ipc:///nowhere/{name}" for name in ("control", "work", "events")}
    session = {"protocol": [2, 0], "endpoints": endpoints, "parent": dead.pid, "token": ""}
    host = subprocess.run(
        [sys.executable, "-m", "f2c_host", "serve"],
        env={**os.environ, "F2C_SESSION": json.dumps(session)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert host.returncode == 5


def test_the_host_has_a_process_group_of_its_own():
    with Driver() as driver:
        driver.welcome()
        assert os.getpgid(driver.host.pid) == driver.host.pid
        os.killpg(driver.host.pid, signal.SIGKILL)
        assert driver.host.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_job_does_not_end_its_host_while_the_driver_lives(number):
    with Driver() as driver:
        driver.welcome()
        driver.host.send_signal(number)
        prepare(driver)
        assert driver.ask("sync", {"program": PROGRAM}).body == {"number": -1}
        driver.host.stdin.close()
        assert driver.host.wait(60) == 5


def run_host(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "f2c_host", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize("session", ["", "not json", "{}", '{"endpoints": {}, "token": "t"}', "[]"])
def test_a_host_that_nobody_described_a_session_to_exits_with_3_and_one_line(session):
    ended = run_host("serve", F2C_SESSION=session)
    assert ended.returncode == 3
    assert ended.stderr.startswith("f2c-host: F2C6508") and ended.stderr.count("\n") == 1


def test_without_torch_the_host_exits_with_3_and_one_line(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch.so is missing')")
    ended = run_host("replay", "x", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 3
    assert ended.stderr == (
        "f2c-host: cannot import torch: libtorch.so is missing; run `f2c-host doctor` for the remedy\n"
    )


def test_with_a_torch_that_was_never_tested_the_host_exits_with_3(tmp_path):
    (tmp_path / "torch.py").write_text("__version__ = '1.13.1'")
    ended = run_host("replay", "x", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 3 and "1.13.1" in ended.stderr and "pip install" in ended.stderr


def test_doctor_finds_a_whole_installation_well():
    ended = run_host("doctor")
    report = json.loads(ended.stdout)
    assert ended.returncode == 0 and report["ok"]
    assert [check["check"] for check in report["checks"]] == [
        "python",
        "packages",
        "torch",
        "cuda",
        "kernels",
        "compile",
    ]
    assert all(check["ok"] for check in report["checks"])


def test_doctor_says_what_is_wrong_with_torch_and_what_helps(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch.so is missing')")
    ended = run_host("doctor", PYTHONPATH=str(tmp_path))
    report = json.loads(ended.stdout)
    assert ended.returncode == 3 and not report["ok"]
    (torch,) = [check for check in report["checks"] if check["check"] == "torch"]
    assert "libtorch.so is missing" in torch["problem"] and "pip install" in torch["remedy"]


def test_the_version_needs_no_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError")
    assert run_host("--version", PYTHONPATH=str(tmp_path)).stdout == "f2c-host 0.1.0\n"
