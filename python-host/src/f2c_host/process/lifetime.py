"""When the host lives and dies: with its driver, and undisturbed by a Ctrl-C that is meant for the driver."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from ..wire.protocol import EXIT_DRIVER_GONE

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def dump_fatal_signals() -> None:
    """A segmentation fault in a kernel leaves the Python stack of every thread on stderr."""
    faulthandler.enable(all_threads=True)


def leave_the_terminal_group() -> None:
    """A Ctrl-C goes to every process of the terminal's group; in a group of its own the host gets only
    signals that somebody sent to it, and the driver can signal the host with all its children at once."""
    if os.name == "posix" and os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def outlive_termination() -> None:
    """SIGTERM and SIGHUP often go to every process of a job at once, and the driver then needs this one to save. So they do
    nothing here: the host ends when its driver says so, or is gone. A handler and not SIG_IGN, which children would inherit.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _signal, _frame: None)


class DriverWatch:
    """Ends this process with exit code 5 once the driver is gone, by whichever sign shows first: the kernel's
    parent-death signal (Linux), the end of stdin, or another parent than at the start."""

    def __init__(self, driver: int | None):
        # Compared with the first parent and not with 1: an orphan may go to a subreaper, and in a container
        # the driver itself may be process 1.
        self._parent = os.getppid()
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The driver may have died before the kernel was asked; then nobody will send the signal.
        self.check()
        if driver is not None and self._parent != driver and not _exists(driver):
            self.driver_gone(f"the driver, process {driver}, is gone")

    def watch_stdin(self) -> None:
        """Starts the thread that blocks on stdin, which the driver never writes and only its end closes."""
        threading.Thread(target=self._wait_for_end_of_stdin, name="stdin-watch", daemon=True).start()

    def check(self) -> None:
        """Exits if the parent has changed: called by the heartbeat where no death signal exists."""
        if os.getppid() != self._parent:
            self.driver_gone(f"the driver, process {self._parent}, is gone")

    def driver_gone(self, reason: str) -> NoReturn:
        """Leaves at once: nobody is left to answer, and a checkpoint on disk is always whole."""
        leave_at_once(EXIT_DRIVER_GONE, f"f2c-host: {reason}")

    def _wait_for_end_of_stdin(self) -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        self.driver_gone("the driver closed stdin")


def leave_at_once(code: int, reason: str | None = None) -> NoReturn:
    """Ends the process from any thread, without waiting for the work that runs."""
    try:
        if reason is not None:
            os.write(2, f"{reason}\n".encode())
        sys.stdout.flush()
    except (OSError, ValueError):
        pass  # the reader of our logs went away together with the driver
    os._exit(code)


class Interruption:
    """SIGINT becomes KeyboardInterrupt only inside `with interruption:`, and is ignored elsewhere.

    The driver sends it as the second stage of a Ctrl-C: the work that runs stops between two operations,
    and the host lives on and reports it. Signals are handled in the main thread, so the work must run
    there. A `stop` of the driver is gentler: `ask` notes it, and long work that can stop between two of its parts looks
    with `check`."""

    def __init__(self) -> None:
        self._armed = False
        self._asked = threading.Event()
        signal.signal(signal.SIGINT, self._handle)

    def ask(self) -> None:
        """Lets the next `check` interrupt. From any thread."""
        self._asked.set()

    def heed(self) -> None:
        """The stop that was asked for is being obeyed."""
        self._asked.clear()

    def check(self) -> None:
        """Raises KeyboardInterrupt if a stop was asked for."""
        if self._asked.is_set():
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self._armed = True

    def __exit__(self, *_: object) -> None:
        self._armed = False

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = (
                False  # one interruption for one signal: the clean-up of the work isn't interrupted again
            )
            raise KeyboardInterrupt


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
