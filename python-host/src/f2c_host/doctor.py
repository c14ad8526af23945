"""`f2c-host doctor`: what is installed here, what is wrong with it, and the command that puts it right."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any, TextIO

from . import __version__
from .errors import HostError
from .torch_api import adapter, newest_tried, untried
from .wire.protocol import EXIT_CANNOT_START, EXIT_OK, VERSION

PACKAGES = ("torch", "numpy", "pyzmq", "msgpack", "safetensors", "pillow")
PYTHON_RANGE = ((3, 11), (3, 14))

_CPU_TORCH = f"pip install {newest_tried()} --index-url https://download.pytorch.org/whl/cpu"
_CUDA_TORCH = f"pip install --upgrade {newest_tried()}"
_REINSTALL = f"pip install --force-reinstall f2c-dsl-host=={__version__}"

# (problem, remedy), or None if all is well
Finding = tuple[str, str] | None


def doctor(out: TextIO = sys.stdout) -> int:
    """Prints one JSON document; exit code 0 if experiments can run here, else 3."""
    checks = [
        {"check": name, "ok": finding is None, **_named(finding), **_noted(name)}
        for name, finding in map(_examined, CHECKS.items())
    ]
    healthy = all(check["ok"] for check in checks)
    report = {
        "ok": healthy,
        "host": __version__,
        "protocol": list(VERSION),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "devices": _devices(),
        "checks": checks,
    }
    json.dump(report, out, indent=2)
    print(file=out)
    return EXIT_OK if healthy else EXIT_CANNOT_START


def _python() -> Finding:
    low, high = PYTHON_RANGE
    if low <= sys.version_info[:2] < high:
        return None
    return (
        f"this is Python {platform.python_version()}; the host is tested on "
        f"{low[0]}.{low[1]} to {high[0]}.{high[1] - 1}",
        f"python{high[0]}.{high[1] - 2} -m venv .venv && .venv/bin/pip install f2c-dsl-host=={__version__}",
    )


def _packages() -> Finding:
    missing = [name for name in PACKAGES[1:] if _version(name) is None]
    return (f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}") if missing else None


def _torch() -> Finding:
    if _version("torch") is None:
        return "torch is not installed", _CPU_TORCH
    import torch

    try:
        adapter(torch.__version__)
    except HostError as error:
        return error.message, error.hint or _CPU_TORCH
    return None


def _cuda() -> Finding:
    import torch

    if shutil.which("nvidia-smi") is None or torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return f"there is an NVIDIA driver, but torch {torch.__version__} is built without CUDA", _CUDA_TORCH
    return (
        f"torch {torch.__version__} finds no usable CUDA device, though there is an NVIDIA driver",
        "nvidia-smi  # a driver older than CUDA " + torch.version.cuda + " must be updated",
    )


def _kernels() -> Finding:
    """Never wrong: what they compute, torch does too."""
    return None


def _compiles() -> Finding:
    """Every backend compiles a small program and computes 2 + 2 on the default device."""
    import torch

    from .ir.json_form import parse_module
    from .run.program import BACKENDS, Program

    module = parse_module(_sum_module())
    for backend in BACKENDS:
        program = Program(module, backend=backend, device="auto")
        program.initialise(0)
        (result,) = program.run("twice", {"x": torch.full((3,), 2.0)}).values()
        if result.tolist() != [4.0, 4.0, 4.0]:
            return f"internal: the {backend} backend computes 2 + 2 = {result.tolist()}", _REINSTALL
    return None


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "packages": _packages,
    "torch": _torch,
    "cuda": _cuda,
    "kernels": _kernels,
    "compile": _compiles,
}


def _examined(named_check: tuple[str, Callable[[], Finding]]) -> tuple[str, Finding]:
    name, check = named_check
    try:
        return name, check()
    except Exception as error:
        return name, (f"{type(error).__name__}: {error}", _REINSTALL)


def _named(finding: Finding) -> dict[str, str]:
    return {} if finding is None else {"problem": finding[0], "remedy": finding[1]}


def _noted(check: str) -> dict[str, str]:
    """What is not wrong, and good to know where something later goes wrong, or is slow."""
    version = _version("torch")
    note = None
    if version and check == "torch":
        note = untried(version)
    elif check == "kernels" and _examined(("torch", _torch))[1] is None:
        from .kernels.native import not_built

        note = not_built()
    return {"note": note} if note else {}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> list[dict[str, Any]]:
    try:
        import torch
    except Exception:
        return []
    devices: list[dict[str, Any]] = [{"device": "cpu", "threads": torch.get_num_threads()}]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append({"device": f"cuda:{index}", "name": properties.name, "bytes": properties.total_memory})
    return devices


def _sum_module() -> dict[str, Any]:
    vector = {"tensor": [3], "dtype": "f32"}
    value = {"name": "y", "type": vector}
    region = {
        "arguments": [],
        "ops": [
            {
                "op": "add",
                "operands": [0, 0],
                "attributes": {},
                "results": [{"id": 1, **value}],
                "regions": [],
                "location": 0,
            },
            {"op": "return", "operands": [1], "attributes": {}, "results": [], "regions": [], "location": 0},
        ],
    }
    function = {
        "name": "twice",
        "inputs": [{"id": 0, "name": "x", "type": vector, "source": {"kind": "argument"}}],
        "results": [value],
        "body": region,
        "location": 0,
    }
    return {
        "version": [1, 2],
        "name": "doctor",
        "sources": [{"path": "doctor.ts", "text": "x.add(x)"}],
        "locations": [[0, 0, 8, -1]],
        "storages": [],
        "groups": [],
        "functions": [function],
    }
