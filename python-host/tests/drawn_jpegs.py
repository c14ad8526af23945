"""Coloured JPEGs as cameras write them: 4:2:0, of different sizes and lengths."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw


def drawn_jpegs(count: int, seed: int = 0, side: int = 48) -> list[bytes]:
    """Faces of ellipses, each in colours of its own."""
    draw = random.Random(seed)
    return [_drawn(draw, side) for _ in range(count)]


def _drawn(draw: random.Random, side: int) -> bytes:
    width, height = side + draw.randrange(side), side + draw.randrange(side)
    colour = [tuple(draw.randrange(256) for _ in range(3)) for _ in range(3)]
    image = Image.new("RGB", (width, height), colour[0])
    pen = ImageDraw.Draw(image)
    pen.ellipse((width * 0.2, height * 0.1, width * 0.8, height * 0.9), fill=colour[1])
    for x in (0.35, 0.65):
        pen.ellipse((width * (x - 0.05), height * 0.35, width * (x + 0.05), height * 0.45), fill=colour[2])
    out = io.BytesIO()
    image.save(out, "JPEG", quality=draw.randrange(60, 96), subsampling=2)
    return out.getvalue()
