"""The weights alone, by name, also those of training alone; what a program must know to feed them stands in the metadata."""

from __future__ import annotations

from typing import BinaryIO

from ..files import safetensors_file
from .exported import Exported
from .input_convention import fed_with


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    # There is no function here that normalises: the net built around these weights takes what is normalised.
    about = fed_with(net.about, type="float32", pixels=False)
    safetensors_file.write({**net.values, **net.beside()}, file, about)
    return {}
