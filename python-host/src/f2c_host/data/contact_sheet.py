"""Many images on one sheet, for a person to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from f2c_host.errors import HostError

_GAP = 2
_PAPER = 255
_INK = (60, 60, 60)
_LETTERS = 10  # the height of names in pixels
_LINE = 13
# Smaller images are enlarged where they have names: a name needs room.
_ROOM = 96


def write_contact_sheet(
    images: torch.Tensor, columns: int, path: str, names: Sequence[str] = ()
) -> tuple[int, int]:
    """Writes images uint8 [n, C, H, W] (C 1 or 3) row by row as one PNG; returns (width, height) in pixels.

    `names`: one for each image, written below it; its end, if it is longer than the image is wide. The file appears whole or not
    at all. Raises HostError when there are no images, other numbers of names, or when it cannot be written.
    """
    if len(images) == 0 or columns < 1 or images.shape[1] not in (1, 3):
        raise HostError(
            "F2C6106",
            f"a contact sheet of {len(images)} images in {columns} columns cannot be drawn",
            hint="ask for at least one image and one column",
        )
    if names and len(names) != len(images):
        raise HostError("F2C6106", f"a contact sheet of {len(images)} images has {len(names)} names", "fault")
    pictures = images.cpu().permute(0, 2, 3, 1).numpy()
    if names:
        times = -(-_ROOM // pictures.shape[2])
        pictures = pictures.repeat(times, axis=1).repeat(times, axis=2)
    count, high, wide, channels = pictures.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    tall = high + (_LINE if names else 0)
    sheet = np.full((rows * (tall + _GAP) + _GAP, columns * (wide + _GAP) + _GAP, channels), _PAPER, np.uint8)
    corners = [
        (_GAP + (wide + _GAP) * (n % columns), _GAP + (tall + _GAP) * (n // columns)) for n in range(count)
    ]
    for (left, top), picture in zip(corners, pictures, strict=True):
        sheet[top : top + high, left : left + wide] = picture
    image = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    for (left, top), name in zip(corners, names, strict=False):
        _write_name(image, name, left, top + high, wide)
    _save(image, Path(path))
    return sheet.shape[1], sheet.shape[0]


def _write_name(sheet: Image.Image, name: str, left: int, top: int, wide: int) -> None:
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_LETTERS)
    shown = name
    while shown and draw.textlength(shown, font) > wide:
        shown = "…" + shown.lstrip("…")[1:] if shown.lstrip("…") else ""
    draw.text((left, top), shown, fill=_INK if sheet.mode == "RGB" else _INK[0], font=font)


def _save(image: Image.Image, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        image.save(unfinished, format="PNG")
        os.replace(unfinished, target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise HostError(
            "F2C6107",
            f"contact sheet {target.absolute()} cannot be written: {error.strerror or error}",
            kind="resource",
            hint="check that its folder exists, is writable and has room",
        ) from error
