"""The parts of a drawn face, each a few soft masks over the planes of a chunk [n, H, W].

In-place operations with tensor operands are the cheap ones, hence the style: a mask is made in the first
plane that an expression allocates. Every operation is exactly rounded; `synthetic_draw` says why.

The functions are compiled by torch.jit.script, hence their plainness: forms come by name in dictionaries.
`dark` collects how much light the skin swallows (0..1), `canvas` holds the colour planes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

Form = list[Tensor]
Forms = dict[str, list[Tensor]]


def ramp(x: Tensor, form: Form) -> Tensor:
    """clamp(x * a + b, 0, 1)."""
    return (x * form[0]).add_(form[1]).clamp_(0.0, 1.0)


def line(x: Tensor, y: Tensor, form: Form) -> Tensor:
    """x * a + y * b + c."""
    return (x * form[0]).add_(y * form[1]).add_(form[2])


def disc(x: Tensor, y: Tensor, form: Form) -> Tensor:
    """clamp(c - (x * ax + bx)^2 - (y * ay + by)^2, 0, 1)."""
    xx = squared((x * form[0]).add_(form[1]))
    return below(form[4], xx.add_(squared((y * form[2]).add_(form[3]))))


def box(xx: Tensor, yy: Tensor, square: Tensor, one: Tensor) -> Tensor:
    """1 - xx - yy + square * min(xx, yy): positive in an ellipse (square 0), a rectangle (1), or between."""
    return torch.minimum(xx, yy).mul_(square).sub_(xx).sub_(yy).add_(one)


def tint(canvas: list[Tensor], colour: Form, alpha: Tensor) -> None:
    """In place: canvas + (colour - canvas) * alpha."""
    for channel in range(len(canvas)):
        plane = canvas[channel]
        plane.add_((colour[channel] - plane).mul_(alpha))


def squared(x: Tensor) -> Tensor:
    """In place: x^2."""
    return x.mul_(x)


def below(limit: Tensor, x: Tensor) -> Tensor:
    """In place: clamp(limit - x, 0, 1)."""
    return torch.sub(limit, x, out=x).clamp_(0.0, 1.0)


def wave(x: Tensor) -> Tensor:
    """In place: a triangle wave of period 1 between 0 and 0.5."""
    return x.sub_(x.round()).abs_()


def pixel_grid(size: int) -> tuple[Tensor, Tensor]:
    """Pixel centres over [-1, 1]: x [1, 1, size] and y [1, size, 1]."""
    centres = (torch.arange(size, dtype=torch.float32) * 2 + 1) / size - 1
    return centres[None, None, :], centres[None, :, None]


class Face(NamedTuple):
    """Planes of a chunk: u, v lie on the head's outline, ui, vi on its turned front; au = |u|, ue = |ui|."""

    u: Tensor
    v: Tensor
    au: Tensor
    ui: Tensor
    vi: Tensor
    ue: Tensor
    head: Tensor
    depth: Tensor


def band(plane: Tensor, span: list[int]) -> Tensor:
    """Rows span[0] to span[1] of a plane, a view."""
    return plane.narrow(1, span[0], span[1] - span[0])


def face_band(f: Face, span: list[int]) -> Face:
    """These rows of all planes."""
    return Face(
        band(f.u, span),
        band(f.v, span),
        band(f.au, span),
        band(f.ui, span),
        band(f.vi, span),
        band(f.ue, span),
        band(f.head, span),
        band(f.depth, span),
    )


def canvas_band(canvas: list[Tensor], span: list[int]) -> list[Tensor]:
    """These rows of every channel."""
    return [band(plane, span) for plane in canvas]


def face(s: Forms, size: int) -> Face:
    """Coordinates and the head's mask."""
    px, py = pixel_grid(size)
    u = (px * s["u"][0] + s["u"][1]) + py * s["u"][2]
    v = (px * s["v"][0] + s["v"][1]) + py * s["v"][2]
    low = v.clamp(min=0.0)
    narrow = s["head_narrowing"]
    xx = squared((low * narrow[0]).add_(narrow[1]).mul_(low).add_(narrow[2]).mul_(u))
    yy = squared(torch.maximum(v * s["head_height"][0], torch.mul(v, s["head_height"][1], out=low), out=low))
    depth = box(xx, yy, s["head_square"][0], s["one"][0])
    head = ramp(depth, s["head_edge"])
    depth.clamp_(min=0.0)
    # Points in the middle of the front move most as the head turns, points on the outline not at all.
    ui = u - depth * s["turn"][0]
    vi = v - depth * s["turn"][1]
    return Face(u, v, u.abs(), ui, vi, ui.abs(), head, depth)


def blemishes(s: Forms, spans: dict[str, list[int]], f: Face, dark: Tensor) -> None:
    """Freckles, hollow cheeks, a cleft chin, and the marks by which friends know a person."""
    b = face_band(f, spans["freckles"])
    spots = wave(line(b.ui, b.vi, s["freckle_first"]))
    spots.mul_(wave((b.vi * s["freckle_second"][0]).add_(s["freckle_second"][1])))
    spots.mul_(s["freckle_depth"][0]).sub_(s["freckle_depth"][1])
    # Fewer away from the height of the nose.
    spots.sub_(squared((b.vi * s["freckle_band"][0]).add_(s["freckle_band"][1])))
    band(dark, spans["freckles"]).add_(spots.clamp_(0.0, 0.6))
    for name in ["mark_0", "mark_1", "mark_2"]:
        span = spans[name]
        band(dark, span).add_(disc(band(f.ui, span), band(f.vi, span), s[name]))
    span = spans["cheeks"]
    band(dark, span).add_(disc(band(f.ue, span), band(f.vi, span), s["cheek"]))
    span = spans["lower"]
    band(dark, span).add_(disc(band(f.ui, span), band(f.vi, span), s["cleft"]))


def nose(s: Forms, f: Face, dark: Tensor) -> None:
    """A ridge that the light models from one side, the shadow under its tip, two nostrils."""
    inside = ramp(f.vi, s["nose_along"])
    width = (inside * inside).mul_(s["nose_width"][0]).add_(s["nose_width"][1])
    across = torch.div(f.ui, width, out=width)
    ridge = across.abs()
    end = below(s["nose_end"][2], (f.vi * s["nose_end"][0]).add_(s["nose_end"][1]).abs_())
    flank = below(s["one"][0], (ridge * s["nose_flank"][0]).add_(s["nose_flank"][1]).abs_())
    flank.mul_(across.clamp_(-1.0, 1.0).mul_(s["nose_side"][0]).add_(s["nose_side"][1]))
    dark.add_(flank.mul_(inside).mul_(end))
    dark.sub_(ridge.mul_(s["nose_ridge"][0]).add_(s["nose_ridge"][1]).clamp_(min=0.0).mul_(end))
    dark.add_(disc(f.ue, f.vi, s["nostril"]).mul_(s["nostril_depth"][0]))
    dark.add_(disc(f.ui, f.vi, s["nose_under"]))


def mouth(s: Forms, paint: Forms, f: Face, canvas: list[Tensor], dark: Tensor) -> Tensor:
    """Lips, the opening between them, teeth, and the folds beside; returns the mask of the lips."""
    xx = squared(f.ui * s["mouth_across"][0])
    y = (f.vi + s["mouth_down"][1]).add_(xx * s["mouth_down"][0])
    middle = torch.sub(s["mouth_middle"][0], xx, out=xx)
    lips = torch.maximum(y * s["lips"][0], y * s["lips"][1])
    lips = torch.sub(middle, lips, out=lips).clamp_(0.0, 1.0)
    tint(canvas, paint["lips"], lips)
    opening = torch.maximum(y * s["mouth_gap"][0], y * s["mouth_gap"][1])
    opening = torch.sub(middle, opening, out=opening).clamp_(0.0, 1.0)
    teeth = ramp(y, s["teeth"]).mul_(s["teeth"][2]).mul_(opening)
    tint(canvas, paint["white"], teeth)
    dark.add_(opening.sub_(teeth).mul_(s["mouth_dark"][0]))
    fold = line(f.ue, f.vi, s["fold_line"]).abs_()
    fold.add_(squared((f.vi * s["fold_band"][0]).add_(s["fold_band"][1])))
    dark.add_(below(s["fold"][0], fold))
    return lips


def beard(s: Forms, f: Face) -> Tensor:
    """Alpha of beard and moustache."""
    xx = f.ui * f.ui
    growth = (
        (f.vi * s["beard_line"][0]).add_(xx * s["beard_line"][1]).add_(s["beard_line"][2]).clamp_(0.0, 1.0)
    )
    growth.mul_(f.head).mul_(s["beard"][0])
    y = squared(line(f.vi, xx, s["moustache_down"]))
    lip = below(s["moustache"][0], xx.mul_(s["moustache_across"][0]).add_(y)).mul_(s["moustache"][1])
    return torch.maximum(growth, lip, out=lip)


def eyes(s: Forms, paint: Forms, f: Face, canvas: list[Tensor], dark: Tensor) -> None:
    """Sockets, bags, almonds between two parabolas (the upper lowered by the lid), irises and pupils."""
    x = (f.ue * s["eye_across"][0]).add_(s["eye_across"][1])
    y = (f.vi + s["eye_down"][1]).add_(x * s["eye_down"][0])
    xx = squared(x)
    for hollow in [s["socket"], s["bag"]]:
        rise = squared((y * hollow[1]).add_(hollow[2])).add_(xx * hollow[0])
        dark.add_(below(hollow[3], rise))
    slit = torch.maximum(y * s["lids"][0], y * s["lids"][1])
    almond = torch.sub(s["one"][0], xx, out=xx).sub_(slit)
    white = ramp(almond, s["eye_white"])
    lid = below(s["lid_line"][1], almond.abs_().mul_(s["lid_line"][0])).mul_(ramp(y, s["lid_side"]))
    dark.add_(lid)
    tint(canvas, paint["white"], white)
    distance = squared((f.ui + s["gaze"][0]).abs_().add_(s["gaze"][1])).add_(squared(y))
    iris = below(s["iris"][1], distance * s["iris"][0]).mul_(white)
    tint(canvas, paint["iris"], iris)
    pupil = below(s["pupil"][1], distance.mul_(s["pupil"][0])).mul_(white)
    dark.add_(pupil.mul_(s["pupil_depth"][0]))


def brows(s: Forms, f: Face) -> Tensor:
    """Alpha of the brows."""
    x = (f.ue * s["brow_across"][0]).add_(s["brow_across"][1])
    xx = x * x
    y = (f.vi + s["brow_down"][2]).add_(x * s["brow_down"][0]).add_(xx * s["brow_down"][1])
    y.mul_(x.mul_(s["brow_thickness"][0]).add_(s["brow_thickness"][1]))
    return below(s["brow_alpha"][1], squared(y).add_(xx).mul_(s["brow_alpha"][0])).mul_(s["brow_alpha"][2])


def hair(s: Forms, f: Face, skin: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha of the hair on the head, and how much light its strands swallow."""
    curls = wave(line(f.u, f.v, s["curl"])).mul_(s["curl_depth"][0])
    strands = wave(line(f.u, f.v, s["strand"])).add_(curls).mul_(s["strand_depth"][0])
    xx = squared(f.u * s["cap_across"][0])
    y = squared(torch.maximum(f.v * s["cap_height"][0], f.v * s["cap_height"][1]))
    cap = curls.mul_(s["cap_wave"][0]).add_(s["cap_wave"][1]).sub_(xx).sub_(y).clamp_(0.0, 1.0)
    cap.mul_(ramp(f.v, s["hair_end"])).mul_(s["hair_density"][0])
    # The face looks out below the hairline and between the side hair; behind the head hair shows everywhere.
    parted = f.ui + s["hair_part"][0]
    edge = (parted.abs()).mul_(s["hairline"][0]).add_(parted.mul_(s["hairline"][1])).add_(s["hairline"][2])
    cover = edge.sub_(f.vi * s["hairline_edge"][0]).clamp_(0.0, 1.0)
    torch.maximum(cover, ramp(f.au, s["hair_side"]), out=cover)
    torch.maximum(cover, torch.sub(s["one"][0], skin, out=parted), out=cover)
    return cap.mul_(cover), strands


def glasses(s: Forms, paint: Forms, f: Face, canvas: list[Tensor], shade: Tensor) -> None:
    """Lenses, rims, bridge and temples; without glasses the masks are zero."""
    xx = squared((f.ue * s["lens_across"][0]).add_(s["lens_across"][1]))
    yy = squared((f.vi * s["lens_down"][0]).add_(s["lens_down"][1]))
    q = box(xx, yy, s["lens_square"][0], s["one"][0])
    shade.sub_(ramp(q, s["lens"]).mul_(s["lens"][2]))
    rim = ramp(q.abs_(), s["rim"])
    bar = below(s["bar"][2], (f.vi * s["bar"][0]).add_(s["bar"][1]).abs_())
    bar.mul_(ramp(xx, s["bar_outside"])).mul_(f.head)
    tint(canvas, paint["frame"], torch.maximum(rim, bar, out=rim).mul_(s["glasses"][0]))
