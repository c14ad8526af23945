"""Everything private to torch, behind one adapter for each torch line: a row of `LINES`."""

from __future__ import annotations

import atexit
import importlib
import os
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from ..errors import HostError
from ..files.kept_files import forget_unused
from ..files.user_cache import own_folder

# What pip may install, as pyproject.toml has it too.
REQUIREMENT = "torch>=2.11,<2.16"


@dataclass(frozen=True)
class Line:
    """The releases 2.x of torch."""

    # The module of this package with what is private to it.
    adapter: str
    # The release that the tests ran with; none where nobody has tried the line.
    tried: str | None


LINES = {
    "2.11": Line("torch_2_11", "2.11.0"),
    "2.12": Line("torch_2_11", None),
    "2.13": Line("every_line", "2.13.0"),
    "2.14": Line("every_line", "2.14.1"),
    "2.15": Line("every_line", None),
}


def adapter(version: str | None = None) -> ModuleType:
    """The adapter for the installed torch. Raises HostError F2C6003 where there is none, or where one that nobody has tried
    does not find what it needs."""
    version = version or _installed()
    line = _line(version)
    if line is None:
        raise HostError(
            "F2C6003",
            f"torch {version} is installed; this host works with {', '.join(LINES)}",
            "host",
            f"pip install {newest_tried()}, or f2c-dsl setup",
        )
    _keep_compiled_code_private()
    _say_nothing_of_torchscripts_end()
    try:
        return importlib.import_module(f".{line.adapter}", __name__)
    except (ImportError, AttributeError) as error:
        if line.tried:
            raise
        raise HostError(
            "F2C6003",
            f"torch {version} is not tried yet, and lacks what this host needs of it: {error}",
            "host",
            f"pip install {newest_tried()}, or f2c-dsl setup",
        ) from error


def untried(version: str | None = None) -> str | None:
    """A sentence on a torch that may be installed and that nobody has run the tests with; none of one that was tried."""
    version = version or _installed()
    line = _line(version)
    if line is None or line.tried:
        return None
    return f"torch {version} is allowed, not tried yet; the tests ran with {', '.join(_tried())}"


def newest_tried() -> str:
    """What pip is told to install."""
    return f"torch=={_tried()[-1]}"


def _tried() -> list[str]:
    return [line.tried for line in LINES.values() if line.tried]


def _installed() -> str:
    import torch

    return torch.__version__


def _line(version: str) -> Line | None:
    return LINES.get(".".join(version.split(".")[:2]))


_TORCHSCRIPTS_END = ("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)


@cache
def _say_nothing_of_torchscripts_end() -> None:
    """From 2.14 on torch warns everyone who saves, loads or compiles TorchScript, and the driver would show that to users, who
    can do nothing about it."""
    warnings.filterwarnings(*_TORCHSCRIPTS_END)


def _keep_compiled_code_private() -> None:
    """Inductor executes what lies in its cache, by default a folder below /tmp by the user's name, whoever made it.
    Dynamo decides on it when it is imported."""
    if "TORCHINDUCTOR_CACHE_DIR" in os.environ:
        return
    folder = own_folder("inductor")
    if folder is None:
        kept = tempfile.TemporaryDirectory(prefix="f2c-inductor-")
        atexit.register(kept.cleanup)
        folder = Path(kept.name)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)


def forget_unused_code() -> None:
    """Deletes what Inductor wrote into its folder in our cache and nobody has used for long. A folder that somebody chose
    instead is left alone."""
    folder = own_folder("inductor")
    if folder is not None and os.environ.get("TORCHINDUCTOR_CACHE_DIR") == str(folder):
        forget_unused(folder)
