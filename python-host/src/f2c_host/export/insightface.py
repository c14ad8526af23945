"""An ONNX graph as arcface_torch writes them, for what reads those: insightface's `ArcFaceONNX`, and others that normalise by
themselves.

`ArcFaceONNX` takes pictures as OpenCV reads them (BGR, u8) and feeds RGB, f32 [B, 3, H, W]. It guesses the range: where names
among the first eight nodes begin with `Sub` or `_minus`, and with `Mul` or `_mul`, it feeds pixels as they are (MXNet's nets
normalise by themselves), else

    (x - 127.5) / 127.5

This graph takes the latter, and gives its nodes names that cannot be mistaken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import torch

from .exported import Exported, cannot_export
from .input_convention import fed_with
from .onnx import Traceable, write_graph

_MIDDLE = 127.5  # mean and scale of arcface_torch's nets


class _OfNormalised(Traceable):
    """The function of u8 pixels, fed with what `ArcFaceONNX` makes of them."""

    def examples(self, size: int) -> list[torch.Tensor]:
        return [(pixels.float() - _MIDDLE) / _MIDDLE for pixels in super().examples(size)]

    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        return super().forward(images[0] * _MIDDLE + _MIDDLE)


def write(net: Exported, file: BinaryIO) -> dict[str, object]:
    """Raises F2C6316 if the function takes something else than colour images."""
    _refuse_others(net)
    about = {
        **fed_with(net.about, type="float32", pixels=False, scale=_MIDDLE),
        "input.type": "float32",
        "input.range": "-1 to 1",
        "input.normalisation": f"(x - {_MIDDLE}) / {_MIDDLE}",
    }
    return write_graph(replace(net, about=about), _OfNormalised, file, node_prefix="f2c_")


def _refuse_others(net: Exported) -> None:
    types = [entry.type for entry in net.function.inputs]
    if len(types) != 1 or types[0].kind != "tensor" or types[0].dtype != "u8" or len(types[0].dims) != 4:
        raise cannot_export(
            net.function, "insightface feeds images, and it takes something else; export onnx"
        )
    if types[0].dims[1] != 3:
        raise cannot_export(
            net.function,
            "insightface feeds images of three colours, and this net takes grey ones; export onnx",
        )
