"""Files that a trained function is taken away in: one row an exporter, over what `exported` gathers for all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from ..errors import HostError
from ..files.whole_file import whole_file
from ..run.program import Program
from . import insightface, onnx, safetensors, torchscript
from .exported import Exported, exported

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Exporter:
    """What its files' names end in, how it writes one, and which packages it needs beside the host's own. `write` returns what
    is to be said of the file."""

    ending: str
    write: Callable[[Exported, BinaryIO], dict[str, object]]
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Those of its packages that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


_OF_ONNX = ("onnx", "onnxscript", "onnxruntime")
EXPORTERS: dict[str, Exporter] = {
    "torchscript": Exporter(".pt", torchscript.write),
    "safetensors": Exporter(".safetensors", safetensors.write),
    "onnx": Exporter(".onnx", onnx.write, needs=_OF_ONNX),
    "insightface": Exporter(".insightface.onnx", insightface.write, needs=_OF_ONNX),
}


def ready_exporter(to: str) -> Exporter:
    """The exporter of a name. Raises F2C6317 if there is none, or if it needs what is not installed."""
    exporter = EXPORTERS.get(to)
    if exporter is None:
        raise HostError(
            "F2C6317", f"there is no exporter `{to}`", "user", f"choose of {', '.join(EXPORTERS)}"
        )
    if missing := exporter.missing():
        raise HostError(
            "F2C6319",
            f"exporting to {to} needs {', '.join(missing)}, which this Python lacks",
            "host",
            f"{sys.executable} -m pip install {' '.join(missing)}",
        )
    return exporter


def export_function(
    program: Program, function: str, to: str, path: str, about: Mapping[str, str] = _NOTHING
) -> dict[str, object]:
    """Writes `function` by the exporter `to`. The file is whole or absent. Returns its size and what the exporter says of it.

    Raises F2C6317, F2C6319, F2C5201 if there is no such function, F2C6316 if it cannot be such a file, F2C6207 if weights
    that the file holds are NaN or infinite."""
    exporter = ready_exporter(to)
    net = exported(program, function, about)
    with whole_file(Path(path)) as file:
        facts = exporter.write(net, file)
        size = file.tell()
    return {"bytes": size, **facts}
