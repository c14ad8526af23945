"""The weights alone, by name; what a program must know to feed them stands in the file's metadata."""

from __future__ import annotations

from typing import BinaryIO

from ..files import safetensors_file
from .exported import Exported


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    safetensors_file.write(net.values, file, net.about)
    return {}
