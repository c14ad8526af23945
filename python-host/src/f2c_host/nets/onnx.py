"""A net in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import HostError
from ..run.program import select_device
from .net import Net, a_row_each, cannot_embed, short, unreadable

_TYPES = {
    "tensor(uint8)": ("uint8", np.uint8),
    "tensor(float)": ("float32", np.float32),
    "tensor(float16)": ("float32", np.float16),
    "tensor(double)": ("float32", np.float64),
}
_ERRORS_ONLY = 3
_WHOLE = "give a whole ONNX file"


def open_net(path: Path, device: str, threads: int | None) -> Net:
    if find_spec("onnxruntime") is None:
        raise HostError(
            "F2C6343",
            "an ONNX file needs onnxruntime, which this Python lacks",
            "host",
            f"f2c-dsl setup --onnx, or {sys.executable} -m pip install onnxruntime",
        )
    at = select_device(device)
    session = _session(path, at, threads)
    try:
        return _described(path, session, at)
    except (UnicodeDecodeError, RuntimeError) as error:
        raise unreadable(path, f"its names are damaged ({error})", _WHOLE) from error


def _described(path: Path, session: Any, device: torch.device) -> Net:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        names = ", ".join(entry.name for entry in [*inputs, *outputs])
        raise unreadable(
            path,
            f"it takes {len(inputs)} inputs and gives {len(outputs)} outputs ({names}), not one of each",
            "give a net that takes images and gives embeddings",
        )
    (images,) = inputs
    if images.type not in _TYPES:
        raise unreadable(path, f"its input {images.name} is {images.type}", "give a net that takes images")
    name, dtype = _TYPES[images.type]
    shape = [size if isinstance(size, int) else -1 for size in images.shape]
    return Net(
        _Forward(path, session, images.name, dtype, shape),
        {"type": name, "shape": shape},
        short(session.get_modelmeta().custom_metadata_map),
        path.stat().st_size,
        device,
    )


class _Forward:
    def __init__(self, path: Path, session: Any, name: str, dtype: type, shape: list[int]):
        self._path, self._session, self._name, self._dtype = path, session, name, dtype
        self.batch = shape[0] if shape and shape[0] > 0 else None

    def __call__(self, images: Tensor) -> Tensor:
        given = np.ascontiguousarray(images.numpy().astype(self._dtype, copy=False))
        try:
            (rows,) = self._session.run(None, {self._name: given})
        except Exception as error:
            raise cannot_embed(self._path, images.shape, error) from error
        return a_row_each(self._path, torch.from_numpy(np.asarray(rows)), len(images))


def _session(path: Path, device: torch.device, threads: int | None) -> Any:
    import onnxruntime

    providers = ["CPUExecutionProvider"]
    if device.type == "cuda":
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise HostError(
                "F2C6343",
                f"onnxruntime here computes on the CPU alone, and {device} is asked for",
                "host",
                f"--device cpu, or {sys.executable} -m pip install onnxruntime-gpu",
            )
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads or torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:
        message = str(error).strip().split("\n")[0]
        raise unreadable(path, f"onnxruntime says: {message}", _WHOLE) from error
