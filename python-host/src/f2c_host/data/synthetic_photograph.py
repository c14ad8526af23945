"""Puts a drawn face together: layers, light, background, and what the camera makes of it.

Compiled by torch.jit.script: a script runs without Python's global lock, so that readers in several threads
draw at the same time.
"""

import torch
from torch import Tensor

from f2c_host.data import synthetic_features as features
from f2c_host.data.synthetic_features import (
    Face,
    Forms,
    band,
    box,
    canvas_band,
    disc,
    face_band,
    line,
    pixel_grid,
    ramp,
    squared,
    tint,
)


def photograph(
    s: Forms, paint: Forms, spans: dict[str, list[int]], noise: Tensor, starts: list[int], size: int
) -> Tensor:
    """Pictures uint8 [n, C, size, size] of a chunk; picture i has the noise that begins at starts[i]."""
    return _develop(s, _compose(s, paint, spans, size), noise, starts)


def _compose(s: Forms, paint: Forms, spans: dict[str, list[int]], size: int) -> list[Tensor]:
    f = features.face(s, size)
    canvas = [value.expand_as(f.u).clone() for value in paint["skin"]]
    dark = torch.zeros_like(f.u)
    skin, shirt = _body(s, paint, spans, f, canvas)
    features.blemishes(s, spans, f, dark)
    features.nose(s, face_band(f, spans["nose"]), band(dark, spans["nose"]))
    mouth = face_band(f, spans["mouth"])
    lips = features.mouth(s, paint, mouth, canvas_band(canvas, spans["mouth"]), band(dark, spans["mouth"]))
    eyes = face_band(f, spans["eyes"])
    features.eyes(s, paint, eyes, canvas_band(canvas, spans["eyes"]), band(dark, spans["eyes"]))

    hair, strands = features.hair(s, f, skin)
    hairy = hair.clone()
    _cover(hairy, spans["eyes"], features.brows(s, eyes))
    _cover(hairy, spans["lower"], features.beard(s, face_band(f, spans["lower"])))
    band(hairy, spans["mouth"]).mul_(torch.sub(s["one"][0], lips, out=lips))
    tint(canvas, paint["hair"], hairy)

    # shade = shadow - dark where there is skin, shadow - strands where there is hair
    shade = (f.head * s["shadow"][0]).add_(s["shadow"][1]).sub_(dark)
    shade.add_(torch.sub(dark, strands, out=strands).mul_(hairy))
    features.glasses(s, paint, eyes, canvas_band(canvas, spans["eyes"]), band(shade, spans["eyes"]))
    # Lambert's law on a head that is about a sphere; the middle of the front also faces the fill light.
    lit = line(f.u, f.v, s["light"]).clamp_(0.12, 1.9).add_(f.depth * s["fill"][0])
    shade.clamp_(min=0.05).mul_(lit)

    figure = torch.maximum(skin, hair, out=hair)
    _cover(figure, spans["lower"], shirt)
    wall = _background(s, paint, size)
    for channel in range(len(canvas)):
        canvas[channel].mul_(shade).sub_(wall[channel]).mul_(figure).add_(wall[channel])
    tint(canvas, paint["patch"], _patch(s, f))
    return canvas


def _cover(mask: Tensor, span: list[int], part: Tensor) -> None:
    """In place: the union of a mask and a part of it."""
    rows = band(mask, span)
    torch.maximum(rows, part, out=rows)


def _body(
    s: Forms, paint: Forms, spans: dict[str, list[int]], f: Face, canvas: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Masks of the skin (head, ears, neck) and, in the lower rows, of the shirt."""
    skin = f.head.clone()
    ear_rows = face_band(f, spans["ears"])
    _cover(skin, spans["ears"], disc((ear_rows.u + s["ear_turn"][0]).abs_(), ear_rows.v, s["ear"]))
    low = face_band(f, spans["lower"])
    _cover(skin, spans["lower"], ramp(low.au, s["neck_side"]).mul_(ramp(low.v, s["neck_top"])))
    shirt = line(low.v, low.au, s["shirt"]).clamp_(0.0, 1.0).mul_(s["one"][0] - low.head)
    tint(canvas_band(canvas, spans["lower"]), paint["shirt"], shirt)
    return skin, shirt


def _background(s: Forms, paint: Forms, size: int) -> list[Tensor]:
    """A slope of light over a plain wall, and a soft spot of another colour on it."""
    px, py = pixel_grid(size)
    slope = (px * s["backdrop"][0] + s["one"][0]) + py * s["backdrop"][1]
    blob = s["blob"]
    spot = blob[3] - squared(px * blob[0] + blob[1]) - squared(py * blob[0] + blob[2])
    spot.clamp_(0.0, 1.0)
    wall: list[Tensor] = []
    for channel in range(len(paint["backdrop"])):
        plain = paint["backdrop"][channel]
        wall.append((spot * (paint["blob"][channel] - plain)).add_(plain).mul_(slope))
    return wall


def _patch(s: Forms, f: Face) -> Tensor:
    """Something between the camera and the face."""
    xx = squared((f.u * s["patch_across"][0]).add_(s["patch_across"][1]))
    yy = squared((f.v * s["patch_down"][0]).add_(s["patch_down"][1]))
    return ramp(box(xx, yy, s["patch_square"][0], s["one"][0]), s["patch"])


def _develop(s: Forms, canvas: list[Tensor], noise: Tensor, starts: list[int]) -> Tensor:
    """Blur, tone, sensor noise, and eight bits."""
    size = canvas[0].size(1)
    grain = torch.stack([noise.narrow(0, start, size * size) for start in starts])
    grain = grain.view(-1, size, size).mul_(s["noise"][0])
    film = torch.empty(len(grain), len(canvas), size, size, dtype=torch.uint8)
    for channel in range(len(canvas)):
        plane = canvas[channel]
        plane.clamp_(0.0, 1.0)
        # The blur's reach grows with the picture: steps of 1, then 2, … pixels.
        for reach in range(1, max(1, size // 56) + 1):
            _blur(s, plane, reach)
        bright = (plane * s["tone"][0]).add_(s["tone"][1]).mul_(plane).add_(grain)
        film[:, channel] = bright.clamp_(0.0, 255.0)
    return film


def _blur(s: Forms, plane: Tensor, reach: int) -> None:
    """In place: a pixel gives a share of itself to its four neighbours; at a border it keeps that share."""
    share = plane * s["blur"][0]
    plane.mul_(s["blur"][1])
    plane[:, reach:].add_(share[:, :-reach])
    plane[:, :-reach].add_(share[:, reach:])
    plane[:, :, reach:].add_(share[:, :, :-reach])
    plane[:, :, :-reach].add_(share[:, :, reach:])
    plane[:, :reach].add_(share[:, :reach])
    plane[:, -reach:].add_(share[:, -reach:])
    plane[:, :, :reach].add_(share[:, :, :reach])
    plane[:, :, -reach:].add_(share[:, :, -reach:])
