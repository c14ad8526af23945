"""Everything private to torch, behind one adapter for each torch line."""

from __future__ import annotations

from types import ModuleType

from ..errors import HostError

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
    from . import torch_2_11_to_2_13

    return torch_2_11_to_2_13
