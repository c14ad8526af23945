"""Draws synthetic faces: soft masks over a pixel grid, composited in float32 for a chunk of pictures at once.

Pixels are the same for any batch, order and thread count. Two rules keep it so: only exactly rounded
operations (+, -, *, /, abs, round, min, max) touch a plane, never a fused or transcendental one, whose last
bit may differ between the body and the tail of an array; and no operation runs along the batch. A chunk is
small enough that torch starts no threads of its own for it: pictures are drawn in the reader's threads,
beside a training step that needs the cores.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from f2c_host.data import synthetic_features as features
from f2c_host.data.counter_random import derive, draw
from f2c_host.data.synthetic_capture import Capture, Surroundings
from f2c_host.data.synthetic_features import Face, box, disc, line, pixel_grid, ramp, squared, tint
from f2c_host.data.synthetic_identity import Complexion, Person
from f2c_host.data.synthetic_sketch import bands, sketch

# Torch splits an elementwise operation over threads from 32,768 elements on.
_CHUNK_ELEMENTS = 32_767
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_NOISE_LENGTH = 1 << 16
_COLOURS = ("skin", "lips", "hair", "iris", "frame", "shirt", "white", "backdrop", "blob", "patch")
# The exposure of the face leaves the last three as they are.
_UNLIT = 3


def draw_faces(
    person: Person, complexion: Complexion, capture: Capture, scene: Surroundings, size: int, channels: int
) -> np.ndarray:
    """Pictures uint8 [n, channels, size, size]: picture i shows row i of people and circumstances."""
    count = len(capture.yaw)
    out = np.empty((count, channels, size, size), np.uint8)
    entries = sketch(person, capture, size)
    colours = _colours(complexion, capture, scene, channels)
    # Faces at about the same height share narrow bands of rows.
    order = np.argsort(capture.v0, kind="stable")
    forms, paints = _Planes(entries, order), _Planes(colours, order)
    rows = {name: (first[order], last[order]) for name, (first, last) in bands(person, capture, size).items()}
    offsets = capture.noise_offset[order]
    chunk = max(1, _CHUNK_ELEMENTS // (size * size))
    with torch.inference_mode():
        for begin in range(0, count, chunk):
            part = slice(begin, min(begin + chunk, count))
            s, paint = forms.of(part), paints.of(part)
            spans = SimpleNamespace(
                **{
                    name: slice(int(first[part].min()), int(last[part].max()))
                    for name, (first, last) in rows.items()
                }
            )
            canvas = _draw_chunk(s, paint, spans, size)
            out[order[part]] = _develop(s, canvas, _grain(offsets[part], size)).numpy()
    return out


class _Planes:
    """Named groups of values, one value an image; `of` gives a chunk's as tensors [n, 1, 1]."""

    def __init__(self, entries: dict[str, np.ndarray], order: np.ndarray) -> None:
        stacked = np.concatenate(list(entries.values()))[:, order]
        self._values = torch.from_numpy(stacked)[:, :, None, None]
        stops = np.cumsum([len(rows) for rows in entries.values()]).tolist()
        self._places = list(zip(entries, [0, *stops], stops, strict=False))

    def of(self, part: slice) -> SimpleNamespace:
        values = self._values[:, part].unbind(0)
        return SimpleNamespace(**{name: values[start:stop] for name, start, stop in self._places})


def _colours(
    complexion: Complexion, capture: Capture, scene: Surroundings, channels: int
) -> dict[str, np.ndarray]:
    """float32 [channels, n] a colour, with cast and exposure applied.

    Compositing is linear, so grey pictures need grey colours only.
    """
    white = np.broadcast_to(np.array([[0.93], [0.92], [0.90]], np.float32), complexion.skin.shape)
    stack = np.stack([*complexion, scene.shirt, white, scene.backdrop, scene.blob, scene.patch]) * scene.cast
    stack[:-_UNLIT] *= capture.light
    if channels == 1:
        red, green, blue = (stack[:, c : c + 1] * _LUMINANCE[c] for c in range(3))
        stack = red + green + blue
    return dict(zip(_COLOURS, stack, strict=True))


def _draw_chunk(
    s: SimpleNamespace, paint: SimpleNamespace, spans: SimpleNamespace, size: int
) -> list[Tensor]:
    f = features.face(s, size)
    canvas = [value.expand_as(f.u).clone() for value in paint.skin]
    dark = torch.zeros_like(f.u)

    def at(span: slice) -> tuple[Face, list[Tensor], Tensor]:
        return f.band(span), [plane[:, span] for plane in canvas], dark[:, span]

    skin = f.head.clone()
    ears = f.band(spans.ears)
    torch.maximum(
        skin[:, spans.ears], disc((ears.u + s.ear_turn[0]).abs_(), ears.v, s.ear), out=skin[:, spans.ears]
    )
    low = f.band(spans.lower)
    neck = ramp(low.au, s.neck_side).mul_(ramp(low.v, s.neck_top))
    torch.maximum(skin[:, spans.lower], neck, out=skin[:, spans.lower])
    shirt = line(low.v, low.au, s.shirt).clamp_(0.0, 1.0).mul_(s.one[0] - low.head)
    tint([plane[:, spans.lower] for plane in canvas], paint.shirt, shirt)

    features.blemishes(s, spans, f, dark)
    features.nose(s, f.band(spans.nose), dark[:, spans.nose])
    lips = features.mouth(s, paint, *at(spans.mouth))
    features.eyes(s, paint, *at(spans.eyes))
    hair, strands = features.hair(s, f, skin)
    hairy = hair.clone()
    torch.maximum(hairy[:, spans.eyes], features.brows(s, f.band(spans.eyes)), out=hairy[:, spans.eyes])
    torch.maximum(hairy[:, spans.lower], features.beard(s, low), out=hairy[:, spans.lower])
    hairy[:, spans.mouth].mul_(torch.sub(s.one[0], lips, out=lips))
    tint(canvas, paint.hair, hairy)

    # shade = shadow - dark where there is skin, shadow - strands where there is hair
    shade = (f.head * s.shadow[0]).add_(s.shadow[1]).sub_(dark)
    shade.add_(torch.sub(dark, strands, out=strands).mul_(hairy))
    eyes, eye_canvas, _ = at(spans.eyes)
    features.glasses(s, paint, eyes, eye_canvas, shade[:, spans.eyes])
    # Lambert's law on a head that is about a sphere; the middle of the front also faces the fill light.
    lit = line(f.u, f.v, s.light).clamp_(0.12, 1.9).add_(f.depth * s.fill[0])
    shade.clamp_(min=0.05).mul_(lit)

    figure = torch.maximum(skin, hair, out=hair)
    torch.maximum(figure[:, spans.lower], shirt, out=figure[:, spans.lower])
    for plane, value in zip(canvas, _background(s, paint, size), strict=True):
        plane.mul_(shade).sub_(value).mul_(figure).add_(value)
    tint(canvas, paint.patch, _patch(s, f))
    return canvas


def _background(s: SimpleNamespace, paint: SimpleNamespace, size: int) -> list[Tensor]:
    """A slope of light over a plain wall, and a soft spot of another colour on it."""
    px, py = pixel_grid(size)
    slope = (px * s.backdrop[0] + s.one[0]) + py * s.backdrop[1]
    scale, x0, y0, full = s.blob
    spot = torch.sub(full - squared(px * scale + x0), squared(py * scale + y0)).clamp_(0.0, 1.0)
    return [
        (spot * (other - plain)).add_(plain).mul_(slope)
        for plain, other in zip(paint.backdrop, paint.blob, strict=True)
    ]


def _patch(s: SimpleNamespace, f: Face) -> Tensor:
    """Something between the camera and the face."""
    xx = squared((f.u * s.patch_across[0]).add_(s.patch_across[1]))
    yy = squared((f.v * s.patch_down[0]).add_(s.patch_down[1]))
    return ramp(box(xx, yy, s.patch_square[0], s.one[0]), s.patch)


@lru_cache(maxsize=4)
def _noise_row(length: int) -> Tensor:
    """Zero-mean noise of unit variance; the sum of four uniforms is near enough to a normal, and exact."""
    bits = draw(derive(0, np.arange(4)), length) >> np.uint64(40)
    total = bits.sum(axis=1).astype(np.float32) * np.float32(2.0**-24)
    return torch.from_numpy((total - np.float32(2.0)) * np.float32(1.7320508))


def _grain(offsets: np.ndarray, size: int) -> Tensor:
    """Noise [n, size, size]: for each offset in 0..1 a window of one long row of noise."""
    row = _noise_row(size * size + _NOISE_LENGTH)
    starts = (offsets * np.float32(_NOISE_LENGTH)).astype(np.int64).tolist()
    return torch.stack([row[start : start + size * size] for start in starts]).view(-1, size, size)


def _develop(s: SimpleNamespace, canvas: list[Tensor], grain: Tensor) -> Tensor:
    """Blur, tone, sensor noise, and eight bits."""
    size = grain.shape[-1]
    grain = grain * s.noise[0]
    film = torch.empty(len(grain), len(canvas), size, size, dtype=torch.uint8)
    for channel, plane in enumerate(canvas):
        plane.clamp_(0.0, 1.0)
        # The blur's reach grows with the picture: steps of 1, then 2, … pixels.
        for reach in range(1, max(1, size // 56) + 1):
            _blur(s, plane, reach)
        bright = (plane * s.tone[0]).add_(s.tone[1]).mul_(plane).add_(grain)
        film[:, channel] = bright.clamp_(0.0, 255.0)
    return film


def _blur(s: SimpleNamespace, plane: Tensor, reach: int) -> None:
    """In place: a pixel gives a share of itself to its four neighbours; at a border it keeps that share."""
    share = plane * s.blur[0]
    plane.mul_(s.blur[1])
    plane[:, reach:].add_(share[:, :-reach])
    plane[:, :-reach].add_(share[:, reach:])
    plane[:, :, reach:].add_(share[:, :, :-reach])
    plane[:, :, :-reach].add_(share[:, :, reach:])
    plane[:, :reach].add_(share[:, :reach])
    plane[:, -reach:].add_(share[:, -reach:])
    plane[:, :, :reach].add_(share[:, :, :reach])
    plane[:, :, -reach:].add_(share[:, :, -reach:])
