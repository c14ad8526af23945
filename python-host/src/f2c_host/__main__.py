"""The command `f2c-host`: serve a driver, replay a recording, follow a run, or examine the installation."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from . import __version__
from .errors import HostError
from .follow import TOOLS
from .ir.ops_table import IR_VERSION, REGISTRY_HASH
from .lower.text import BACKENDS, program_text
from .process import lifetime
from .process.waiting import wait_awake_only_shortly
from .wire.protocol import EXIT_CANNOT_START, EXIT_FAULT, EXIT_OK, VERSION

# torch is imported inside the functions: it takes a second, and its absence is an answer of ours, not a
# traceback.


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit code of docs/protocol.md."""
    parser = argparse.ArgumentParser(prog="f2c-host", description=__doc__)
    parser.add_argument("--version", action="version", version=f"f2c-host {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "serve", help="serve the driver that is described by the environment variable F2C_SESSION"
    )
    replay = commands.add_parser(
        "replay", help="execute a recorded session and print its steps as JSON lines"
    )
    replay.add_argument("file", type=Path)
    replay.add_argument("--limit", type=int, metavar="N", help="execute at most N steps")
    follow = commands.add_parser(
        "follow",
        help="write a run's metrics into another tool, until stdin ends, and those that come meanwhile",
    )
    follow.add_argument("tool", choices=TOOLS)
    follow.add_argument("run", type=Path, help="the run's folder")
    follow.add_argument("--options", type=json.loads, default={}, metavar="JSON", help="the tool's options")
    followers = commands.add_parser("followers", help="say whether these tools can follow runs here")
    followers.add_argument("tools", choices=TOOLS, nargs="+")
    text = commands.add_parser(
        "text", help="print what a backend compiles of the program whose JSON form is read from stdin"
    )
    text.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0])
    text.add_argument("--function", metavar="NAME", help="only this function")
    text.add_argument("--locations", action="store_true", help="say where each statement comes from")
    commands.add_parser("scan", help="read files of many images once, into the index that stdin asks for")
    commands.add_parser("doctor", help="print what is installed, what is wrong, and how to put it right")
    chosen = parser.parse_args(arguments)
    if chosen.command == "doctor":
        from .doctor import doctor

        return doctor()
    if chosen.command == "follow":
        from .follow.following import follow

        return follow(chosen.tool, chosen.run, chosen.options)
    if chosen.command == "followers":
        from .follow.following import can_follow

        return can_follow(chosen.tools)
    if chosen.command == "scan":
        from .scan.command import scan_command

        return scan_command()
    if chosen.command == "text":
        return _text(chosen.backend, chosen.function, chosen.locations)
    return _serve() if chosen.command == "serve" else _replay(chosen.file, chosen.limit)


@dataclass(frozen=True)
class SessionAddress:
    """Where the driver listens, and its process."""

    control: str
    work: str
    events: str
    parent: int | None
    token: str

    @staticmethod
    def of(environment: str | None) -> SessionAddress:
        """Reads F2C_SESSION; F2C6508 if it is missing or not as docs/protocol.md says."""
        try:
            session = json.loads(environment or "")
            endpoints = session["endpoints"]
            return SessionAddress(
                str(endpoints["control"]),
                str(endpoints["work"]),
                str(endpoints["events"]),
                session.get("parent"),
                str(session["token"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise HostError(
                "F2C6508",
                f"F2C_SESSION is missing or malformed ({type(error).__name__}: {error})",
                "host",
                "`f2c-host serve` is started by `f2c-dsl run`, which sets it",
            ) from None


def _serve() -> int:
    """Connects, says hello as soon as torch is there, and serves until it is asked to go."""
    lifetime.dump_fatal_signals()
    lifetime.outlive_termination()
    lifetime.leave_the_terminal_group()
    interruption = lifetime.Interruption()
    try:
        address = SessionAddress.of(os.environ.pop("F2C_SESSION", None))
    except HostError as error:
        return _cannot_start(error)
    watch = lifetime.DriverWatch(address.parent)
    watch.watch_stdin()
    # What is imported stays: looking through it for garbage, again and again as it grows, is a tenth of a start.
    gc.disable()
    if not _import_torch():
        return EXIT_CANNOT_START

    import zmq

    from .serve.control import ControlThread, await_welcome, say_hello
    from .serve.outbox import MESSAGES

    context = zmq.Context()
    control, work, events = (context.socket(kind) for kind in (zmq.DEALER, zmq.DEALER, zmq.PUSH))
    events.sndhwm = MESSAGES
    control.connect(address.control)
    work.connect(address.work)
    events.connect(address.events)
    say_hello(control, _hello(address.token))

    # The driver reads our hello while we import the rest.
    from .serve.server import Server
    from .serve.session import Session
    from .verify.result_types import prepare

    prepare()
    gc.freeze()
    gc.enable()
    session = Session(interruption=interruption)
    thread = ControlThread(control, await_welcome(control), session.progress, watch, interruption)
    server = Server(work, events, thread, session, interruption)
    thread.start()
    try:
        server.serve()
    except BaseException:
        traceback.print_exc()
        lifetime.leave_at_once(
            EXIT_FAULT, "f2c-host: internal: the server itself failed, see the traceback above"
        )
    context.term()
    return EXIT_OK


def _replay(file: Path, limit: int | None) -> int:
    if not _import_torch():
        return EXIT_CANNOT_START
    from .serve.replay import replay

    return replay(file, limit)


def _text(backend: str, function: str | None, locations: bool) -> int:
    from .ir.json_form import parse_module

    try:
        # Not verified, which needs torch: the compiler has done so, and nothing is executed.
        module = parse_module(json.load(sys.stdin))
        sys.stdout.write(program_text(module, backend, function, locations))
    except HostError as error:
        return _cannot_start(error)
    return EXIT_OK


def _hello(token: str) -> dict[str, object]:
    import torch

    from .kernels.native import not_built
    from .torch_api import untried

    gpus = range(torch.cuda.device_count())
    return {
        "protocol": list(VERSION),
        "ir": list(IR_VERSION),
        "registry": REGISTRY_HASH,
        "host": __version__,
        "token": token,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "untried": untried(torch.__version__),
        "kernels": not_built(),
        "cuda": torch.version.cuda,
        "gpus": [torch.cuda.get_device_name(index) for index in gpus],
        "devices": ["cpu", *(f"cuda:{index}" for index in gpus)],
        "pid": os.getpid(),
    }


def _import_torch() -> bool:
    """Whether torch is there and of a line that we know; else says so in one line on stderr."""
    wait_awake_only_shortly()
    try:
        import torch

        from .torch_api import adapter

        adapter(torch.__version__)
    except HostError as error:
        _cannot_start(error)
        return False
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"f2c-host: cannot import torch: {text}; run `f2c-host doctor` for the remedy", file=sys.stderr)
        return False
    return True


def _cannot_start(error: HostError) -> int:
    print(f"f2c-host: {error}; {error.hint}", file=sys.stderr)
    return EXIT_CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
