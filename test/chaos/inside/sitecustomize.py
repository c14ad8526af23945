"""Inside the host of a chaos run: says where it is, and waits there for the fault that was chosen for this place.

Python imports this module by itself, because its folder is on PYTHONPATH. A place is `host.<moment>.<event>`, for example
`host.checkpoint.write`, and is passed many times. F2C_CHAOS_PLACE names one pass of one place (`host.checkpoint.write:3`): there
the thread writes `here` into the folder F2C_CHAOS and waits until `go` appears, which tells it what to do. If it is `trace`,
every pass is written down instead.
"""

import errno
import importlib.machinery
import os
import sys
import threading
import time

FOLDER = os.environ["F2C_CHAOS"]
CHOSEN = os.environ.get("F2C_CHAOS_PLACE", "")
_PATIENCE = 120  # seconds; whoever started this may be gone

_lock = threading.Lock()
_passes: dict[str, int] = {}
_moment = "load"
_planned = False
_writing = threading.local()  # in a thread that writes a checkpoint while the others go on


def passing(event: str) -> None:
    """One pass of a place, before what is done there."""
    place = f"host.{getattr(_writing, 'moment', _moment)}.{event}"
    if CHOSEN == "trace":
        with open(os.path.join(FOLDER, "trace"), "a") as trace:
            trace.write(f"{place}\n")
        return
    with _lock:
        count = _passes[place] = _passes.get(place, 0) + 1
    if f"{place}:{count}" == CHOSEN:
        wait()
    if event in ("write", "fsync", "replace") and os.path.exists(os.path.join(FOLDER, "full")):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def wait() -> None:
    """Says that this is the place; goes on when it may. Only the first host of a run gets here."""
    try:
        os.close(os.open(os.path.join(FOLDER, "here"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    go = os.path.join(FOLDER, "go")
    for _ in range(500 * _PATIENCE):
        if os.path.exists(go):
            break
        time.sleep(0.002)
    else:
        return
    with open(go) as file:
        if file.read() == "raise":
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def watch_session(module) -> None:
    answer, run_plan = module.Session.answer, module.Session.run_plan
    moments = {
        "load": "load",
        "source": "load",
        "init": "baselines",
        "restore": "load",
        "save": "checkpoint",
        "export": "export",
        "shutdown": "export",
    }

    def watched_answer(self, request):
        global _moment
        if request.kind in ("embed", "cosines", "top_k", "means", "release"):
            _moment = "evaluation" if _planned else "baselines"
        else:
            _moment = moments.get(request.kind, _moment)
        passing(request.kind)
        try:
            return answer(self, request)
        finally:
            if _planned and _moment != "export":
                _moment = "training"

    def watched_plan(self, plan):
        global _moment, _planned
        _moment, _planned = "training", True
        passing("plan")
        return run_plan(self, plan)

    module.Session.answer, module.Session.run_plan = watched_answer, watched_plan


def watch_parts(module) -> None:
    before(module.Server, "report_part", "part")


def watch_reads(module) -> None:
    before(module.SyntheticFaces, "read", "read")


def watch_writes(module) -> None:
    before(module._Hashed, "write", "write")
    for name in ("fsync", "replace"):
        before(os, name, name)


def watch_checkpoints(module) -> None:
    write = module.LoadedProgram._write

    def watched(self, *arguments):
        _writing.moment = "checkpoint"
        return write(self, *arguments)

    module.LoadedProgram._write = watched


def before(owner, name: str, event: str) -> None:
    """Passes a place at each call."""
    does = getattr(owner, name)

    def watched(*arguments, **named):
        passing(event)
        return does(*arguments, **named)

    setattr(owner, name, watched)


WATCHED = {
    "f2c_host.serve.session": watch_session,
    "f2c_host.serve.server": watch_parts,
    "f2c_host.run.loaded": watch_checkpoints,
    "f2c_host.data.synthetic_faces": watch_reads,
    "f2c_host.files.safetensors_file": watch_writes,
}


class Importing:
    """Passes a place at each import, and changes what is watched as soon as it is imported."""

    def find_spec(self, name, path=None, target=None):
        if _moment == "load":
            passing("import")
        if name not in WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def executed(module):
            execute(module)
            WATCHED[name](module)

        spec.loader.exec_module = executed
        return spec


sys.meta_path.insert(0, Importing())
