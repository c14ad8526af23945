"""Branches of a program on a CPU: each runs in a thread of its own, with its share of the cores.

Where every op of a step is divided among the cores, they wait for each other at the end of each, thousands of times a step;
branches wait once. The last bits of what a branch computes depend on how many cores it has, as of all that torch computes, and
not on whether another runs at the same time. What comes behind them is computed by the thread that started them, on all cores.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import torch

from ..ir.module import Function
from ..ir.regions import is_branch
from ..torch_api import adapter
from ..torch_api.cores import compute_on

# How many branches run at the same time.
_WAYS = 2

# How long a branch may still run at the end of this process.
_LAST_SECONDS = 30.0

_library = torch.library.Library("f2c", "FRAGMENT")
# Every thread of TorchScript's pool comes here at the same time.
_library.define("meet() -> ()", alias_analysis="CONSERVATIVE")
# A branch of TorchScript's that runs.
_library.define("stay(Any branch) -> ()", alias_analysis="CONSERVATIVE")
_meeting = """
def meet(thread: int):
    torch.ops.f2c.meet()
    return thread

def everyone(threads: int):
    coming = [torch.jit._fork(meet, 0)]
    for thread in range(1, threads):
        coming.append(torch.jit._fork(meet, thread))
    for one in coming:
        torch.jit._wait(one)
"""


def _keep_state_of_python() -> None:
    """A thread that Python did not start has Python's state of a thread only during a call: every op in Python makes one, with
    memory from the system, and drops it. A call that is never ended keeps it."""
    ctypes.pythonapi.PyGILState_Ensure()


class _Pools:
    """Two pools of threads, TorchScript's and one for eager Python, whose threads compute on a share of the cores each."""

    def __init__(self) -> None:
        self.cores = 0
        self.in_meeting: Callable[[], None] = lambda: None
        self.python: ThreadPoolExecutor | None = None

    def share(self) -> None:
        """Gives each thread its share of the cores that this thread computes on."""
        cores = torch.get_num_threads()
        if cores == self.cores:
            return
        if self.python is None:
            # TorchScript goes round its threads, by default as many as there are cores, and each would keep a team of its own.
            with suppress(RuntimeError):  # the pool has begun
                torch.set_num_interop_threads(_WAYS)
            self.python = ThreadPoolExecutor(_WAYS, "branch")
            atexit.register(self.end)

        def get_ready() -> None:
            compute_on(max(1, cores // _WAYS), cores)
            adapter().configure_executor()
            _keep_state_of_python()

        self.meet(get_ready)
        self.cores = cores

    def settle(self) -> None:
        """Waits until no branch runs."""
        if self.python is not None:
            self.meet(lambda: None)

    def end(self) -> None:
        """At the end of Python: a thread of TorchScript's that still lets go of Python objects would end the process with an
        error."""
        self.meet_in(torch.get_num_interop_threads(), self.script_comes, lambda: None, _LAST_SECONDS)

    def meet(self, then: Callable[[], None]) -> None:
        """Each thread of both pools comes, when it is done with what it does, and does this."""
        self.meet_in(torch.get_num_interop_threads(), self.script_comes, then)
        self.meet_in(_WAYS, self.python_comes, then)

    def meet_in(
        self,
        threads: int,
        come: Callable[[int], None],
        then: Callable[[], None],
        patience: float | None = None,
    ) -> None:
        all_here = threading.Barrier(threads, timeout=patience)

        def in_meeting() -> None:
            with suppress(threading.BrokenBarrierError):
                all_here.wait()
            then()

        self.in_meeting = in_meeting
        come(threads)

    def script_comes(self, threads: int) -> None:
        torch.jit.CompilationUnit(_meeting).everyone(threads)

    def python_comes(self, threads: int) -> None:
        assert self.python is not None
        for coming in [self.python.submit(self.in_meeting) for _ in range(threads)]:
            coming.result()


_pools = _Pools()
_library.impl("meet", lambda: _pools.in_meeting(), "CompositeExplicitAutograd")
settle = _pools.settle


def has_branches(function: Function) -> bool:
    return any(map(is_branch, function.body.ops))


def run_at_once(device: torch.device) -> bool:
    """Whether branches on this device run at the same time; then threads are made ready for them, which is done again (`share`)
    before they run, since another program may have changed how many cores there are. With one core, and on a GPU, they run one
    after the other."""
    if device.type != "cpu" or torch.get_num_threads() < _WAYS:
        return False
    share()
    return torch.get_num_interop_threads() >= _WAYS


share = _pools.share


def fork(branch: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """What `torch.jit.fork` is in TorchScript."""
    assert _pools.python is not None
    recording = torch.is_grad_enabled()

    def run() -> Any:
        with torch.set_grad_enabled(recording):
            return branch(*arguments)

    return _pools.python.submit(run)


def wait(future: Future[Any]) -> Any:
    return future.result()


def _stay(branch: Any) -> None:
    """Until it is over; who asks for what it gives hears of an error."""
    with suppress(Exception):
        branch.wait()


_library.impl("stay", _stay, "CompositeExplicitAutograd")

IN_PYTHON: dict[str, Callable[..., Any]] = {"fork": fork, "stay": lambda _: None, "wait": wait}
IN_SCRIPT: dict[str, Callable[..., Any]] = {
    "fork": torch.jit.fork,
    "stay": torch.ops.f2c.stay,
    "wait": torch.jit.wait,
}
