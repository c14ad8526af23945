"""Many images on one sheet, for a person to look at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from f2c_host.errors import HostError

_GAP = 2
_PAPER = 255


def write_contact_sheet(images: torch.Tensor, columns: int, path: str) -> tuple[int, int]:
    """Writes images uint8 [n, C, H, W] (C 1 or 3) row by row as one PNG; returns (width, height) in pixels.

    The file appears whole or not at all. Raises HostError when there are no images or it cannot be written.
    """
    if len(images) == 0 or columns < 1:
        raise HostError(
            "F2C6106",
            f"a contact sheet of {len(images)} images in {columns} columns cannot be drawn",
            hint="ask for at least one image and one column",
        )
    count, channels, high, wide = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = np.full((rows * (high + _GAP) + _GAP, columns * (wide + _GAP) + _GAP, channels), _PAPER, np.uint8)
    for place, picture in enumerate(images.cpu().permute(0, 2, 3, 1).numpy()):
        top, left = _GAP + (high + _GAP) * (place // columns), _GAP + (wide + _GAP) * (place % columns)
        sheet[top : top + high, left : left + wide] = picture
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(unfinished, format="PNG")
        os.replace(unfinished, target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise HostError(
            "F2C6107",
            f"contact sheet {target.absolute()} cannot be written: {error.strerror or error}",
            kind="resource",
            hint="check that its folder exists, is writable and has room",
        ) from error
    return sheet.shape[1], sheet.shape[0]
