"""Images a second of processor time: each kind of file as the host reads it, batch by batch, beside the decoders alone, in turns."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import simplejpeg
import torch
from PIL import Image

from f2c_host.data import open_source
from f2c_host.process.freed_memory import keep_freed_memory
from f2c_host.scan.command import scan

FACES, BATCH, SIZE = 390, 96, 112
sys.path.insert(0, str(Path(__file__).parents[2] / "python-host/tests"))


def drawn() -> list[bytes]:
    """Coloured faces as JPEGs of quality 95."""
    spec = {"kind": "synthetic_faces", "seed": 1, "size": SIZE, "channels": 3, "difficulty": 0.5, "firstIdentity": 0}
    source = open_source(spec, {"counts": np.full(FACES // 3, 3, np.int32)})
    pixels = source.read(np.arange(FACES)).permute(0, 2, 3, 1).numpy()
    return [encoded(image) for image in pixels]


def encoded(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    return data.getvalue()
