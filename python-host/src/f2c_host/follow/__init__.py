"""A run watched in another tool: TensorBoard, W&B, MLflow.

A follower is a process of its own that reads `metrics.jsonl` in the run's folder and writes what it says to where its tool looks,
so that it neither slows a run nor ends one. `lines` reads the file, also while it is cut for a resume; `following` is the loop;
`run` is what else the folder says; each tool is a file beside, and a row here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import HostError
from .writer import Start


@dataclass(frozen=True)
class Tool:
    """What a tool's file imports, and what pip calls it."""

    package: str
    distribution: str


TOOLS = {
    "tensorboard": Tool("tensorboard", "tensorboard"),
    "wandb": Tool("wandb", "wandb"),
    "mlflow": Tool("mlflow", "mlflow-skinny"),
}


def require(names: Iterable[str]) -> None:
    """F2C6411 unless all that these tools need is installed."""
    missing = [name for name in names if importlib.util.find_spec(TOOLS[name].package) is None]
    if missing:
        packages = " ".join(TOOLS[name].distribution for name in missing)
        raise HostError(
            "F2C6411",
            f"{' and '.join(missing)} cannot follow the run: not installed in the host's Python",
            "host",
            f"{sys.executable} -m pip install {packages}",
        )


def start_of(name: str) -> Start:
    """How a tool's writer is made: `start` of its file."""
    require([name])
    return importlib.import_module(f".{name}", __name__).start
