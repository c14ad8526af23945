"""Everything private to torch, behind one adapter for each torch line."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path
from types import ModuleType

from ..errors import HostError
from ..files.user_cache import own_folder

SUPPORTED = ("2.11", "2.12", "2.13")


def adapter(version: str | None = None) -> ModuleType:
    """The adapter for the installed torch. Raises HostError F2C6003 outside the tested lines."""
    if version is None:
        import torch

        version = torch.__version__
    line = ".".join(version.split(".")[:2])
    if line not in SUPPORTED:
        raise HostError(
            "F2C6003",
            f"torch {version} is installed; this host works with {', '.join(SUPPORTED)}",
            "host",
            "pip install 'torch>=2.11,<2.14', or f2c-dsl setup",
        )
    _keep_compiled_code_private()
    from . import torch_2_11_to_2_13

    return torch_2_11_to_2_13


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
