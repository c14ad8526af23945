"""The weights alone, by name, also those of training alone; what a program must know to feed them stands in the metadata."""

from __future__ import annotations

from typing import BinaryIO

from ..files import safetensors_file
from .exported import Exported


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    safetensors_file.write({**net.values, **net.beside()}, file, net.about)
    return {}
