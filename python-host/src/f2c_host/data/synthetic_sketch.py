"""From a person and a photograph to the coefficients that drawing needs, so that a plane sees few operations.

Each entry of a sketch is an array [coefficients, n]. The forms, as `synthetic_draw` evaluates them:

    ramp  (a, b)              clamp(x * a + b, 0, 1)
    disc  (ax, bx, ay, by, c) clamp(c - (x * ax + bx)^2 - (y * ay + by)^2, 0, 1)
    glow  the same, full strength only in the middle
    line  (a, b, c)           x * a + y * b + c
"""

from __future__ import annotations

import numpy as np

from f2c_host.data.synthetic_capture import Capture
from f2c_host.data.synthetic_identity import Person

Sketch = dict[str, np.ndarray]


def sketch(p: Person, c: Capture, size: int) -> Sketch:
    """The coefficients of pictures `size` pixels wide; every entry float32 [coefficients, n]."""
    # Pixels a face unit: a soft edge is a pixel wide. Below 48 pixels edges stay wider, so that bounds hold.
    sharp = max(size, 48) / 2
    entries = {
        **_frame(p, c, sharp),
        **_skin(p, c, sharp),
        **_nose(p, c),
        **_mouth(p, c, sharp),
        **_eyes(p, c),
        **_hair(p, c, sharp),
        **_glasses(p, sharp),
        **_scene(c, sharp),
    }
    return {name: _rows(len(c.yaw), values) for name, values in entries.items()}


def _rows(count: int, values: tuple) -> np.ndarray:
    rows = np.empty((len(values), count), np.float32)
    for row, value in zip(rows, values, strict=True):
        row[:] = value
    return rows


def _disc(x, width, y, height, hardness) -> tuple:
    """An ellipse around (x, y); `hardness` is how steep its edge is, in units of x^2 + y^2 = 1."""
    root = np.sqrt(np.asarray(hardness, np.float32))
    return root / width, -x * root / width, root / height, -y * root / height, hardness + 0.5


def _glow(x, width, y, height, strength) -> tuple:
    """A soft spot around (x, y), `strength` in the middle and 0 at the ellipse."""
    root = np.sqrt(np.asarray(strength, np.float32))
    return root / width, -x * root / width, root / height, -y * root / height, strength


def _frame(p: Person, c: Capture, sharp: float) -> dict[str, tuple]:
    return {
        "u": (c.uu, c.u0, c.uv),
        "v": (c.vu, c.v0, c.vv),
        # Half the head's width at v is width / (1 + taper v + jowl v^2) below the middle, constant above.
        "head_narrowing": (p.jowl / p.head_width, p.taper / p.head_width, 1 / p.head_width),
        "head_height": (-1 / p.head_top, 1 / p.chin),
        "head_square": (p.squareness,),
        "head_edge": (sharp * 0.27, 0.5),
        "turn": (c.yaw, c.pitch),
        # Outside the head's front, neck, ears and the hair behind lie in its shadow.
        "shadow": (0.28, 0.72),
        "one": (1.0,),
    }


def _skin(p: Person, c: Capture, sharp: float) -> dict[str, tuple]:
    a, b = p.freckles * 14, p.freckles * 1.1
    return {
        "neck_side": (-sharp, p.neck * sharp + 0.5),
        "neck_top": (sharp, -0.2 * sharp + 0.5),
        "ear_turn": (-c.yaw * 0.25,),
        "ear": _disc(p.head_width, p.ear_size, p.ear_height, 0.165, sharp * 0.06),
        "shirt": (sharp, -0.22 * sharp, (0.055 - c.collar) * sharp + 0.5),
        "freckle_first": (p.freckle_rate, 3.0, p.freckle_phase),
        "freckle_second": (p.freckle_rate * 1.1, p.freckle_phase * 2),
        "freckle_depth": (a, b),
        "freckle_band": (2.0, -0.2),
        "mark_0": _glow(
            p.mark_u[0], p.mark_width[0] * 1.4, p.mark_v[0], p.mark_height[0] * 1.4, p.mark_depth[0]
        ),
        "mark_1": _glow(
            p.mark_u[1], p.mark_width[1] * 1.4, p.mark_v[1], p.mark_height[1] * 1.4, p.mark_depth[1]
        ),
        "mark_2": _glow(
            p.mark_u[2], p.mark_width[2] * 1.4, p.mark_v[2], p.mark_height[2] * 1.4, p.mark_depth[2]
        ),
        "cheek": _glow(0.36, 0.2, 0.28, 0.28, p.cheek),
        "cleft": _glow(0.0, 0.05, p.chin - 0.12, 0.1, p.chin_cleft),
    }


def _nose(p: Person, c: Capture) -> dict[str, tuple]:
    base = p.eye_height + p.nose_length
    half = p.nose_length * 0.55
    return {
        "nose_along": (1 / p.nose_length, -p.eye_height / p.nose_length),
        "nose_width": (p.nose_width - p.nose_bridge, p.nose_bridge),
        # A tent over the nose's length: 1 inside, 0 at half + 0.06 from its middle.
        "nose_end": (8.0, -8 * (p.eye_height + half), 8 * half + 0.5),
        "nose_flank": (1.6, -1.44),
        # The flank away from the light is dark.
        "nose_side": (-0.5 * c.light_u * p.nose_relief, 0.5 * p.nose_relief),
        "nose_ridge": (-0.25, 0.15),
        "nostril": _disc(p.nose_width * 0.5, p.nose_width * 0.38, base, 0.036, 1.2),
        "nostril_depth": (p.nostril,),
        "nose_under": _glow(0.0, p.nose_width, base + 0.035, 0.07, p.nose_relief),
    }


def _mouth(p: Person, c: Capture, sharp: float) -> dict[str, tuple]:
    """Inside the lips hardness - x^2 - max(-y / upper, y / lower) > 0; x^2 is hardness at the corners."""
    hardness = sharp * 0.07
    width = p.mouth_width + c.smile * 0.35
    upper, lower = p.lip_upper + c.mouth_open * 0.6, p.lip_lower + c.mouth_open
    fold = p.fold + np.maximum(c.smile, 0)
    reach = p.mouth_width * p.moustache_width
    # Teeth show from a certain opening on.
    show = np.clip((c.mouth_open - 0.035) * 40 + 0.5, 0, 1) * c.teeth
    return {
        "mouth_across": (np.sqrt(np.float32(hardness)) / width,),
        "mouth_down": ((c.smile * 0.7 + p.mouth_curve) / hardness, -p.mouth_height),
        "mouth_middle": (hardness + 0.5,),
        "lips": (-hardness / upper, hardness / lower),
        "mouth_gap": (-hardness / (c.mouth_open * 0.6 + 0.008), hardness / (c.mouth_open + 0.008)),
        "mouth_dark": (0.72,),
        "teeth": (-sharp, c.mouth_open * 0.2 * sharp + 0.5, show),
        # From the nose's wing down and outwards to beside the corner.
        "fold_line": (18 * fold, -9 * fold, fold * 18 * (0.5 * (p.mouth_height - 0.14) - p.nose_width)),
        "fold_band": (7.0, -7 * (p.mouth_height - 0.05)),
        "fold": (fold,),
        # The beard's upper line climbs from the chin to the ears; the moustache hangs between nose and mouth.
        "beard_line": (
            sharp * 0.25,
            sharp * p.beard_line,
            (p.beard_line * 0.3 - 0.06 - p.mouth_height) * sharp * 0.25 + 0.5,
        ),
        "beard": (p.beard,),
        "moustache_down": (20.0, -24.0, (p.lip_upper + 0.045 - p.mouth_height) * 20),
        "moustache_across": (1 / (reach * reach),),
        "moustache": (1.6, p.moustache),
    }


def _eyes(p: Person, c: Capture) -> dict[str, tuple]:
    """x is 0 in the middle of an eye and 1 at its corners; y grows down from the line through the corners."""
    iris = p.iris_size * p.iris_size
    brow = p.eye_height - p.brow_gap - c.brow_lift
    return {
        "eye_across": (1 / p.eye_width, -p.eye_spacing / p.eye_width),
        "eye_down": (p.eye_tilt, -p.eye_height),
        "socket": (p.socket * 0.5, np.sqrt(p.socket) * 9, np.sqrt(p.socket) * 0.63, p.socket),
        "bag": (p.bag * 0.8, np.sqrt(p.bag) * 20, np.sqrt(p.bag) * -1.7, p.bag),
        "lids": (-1 / (p.eye_upper * c.lids), 1 / p.eye_lower),
        "eye_white": (1.8, 0.5),
        "lid_line": (2.4 * p.lid, p.lid),
        "lid_side": (-24.0, 0.5),
        # Both irises look the same way: the mirror's axis is shifted, not the mirrored eye.
        "gaze": (-c.gaze, -p.eye_spacing),
        "iris": (1.2 / iris, 1.7),
        "pupil": (2.2 / iris, 1.1),
        "pupil_depth": (0.85,),
        "brow_across": (1 / p.brow_width, -(p.eye_spacing + 0.01) / p.brow_width),
        "brow_down": (p.brow_slope, p.brow_arch, -brow),
        # Thick towards the nose, thin towards the temple.
        "brow_thickness": (0.35 / p.brow_thickness, 1 / p.brow_thickness),
        "brow_alpha": (1.2, 1.7 * 0.95, p.brow_density),
    }


def _hair(p: Person, c: Capture, sharp: float) -> dict[str, tuple]:
    root = np.sqrt(np.float32(sharp * 0.3))
    return {
        "strand": (p.strand_rate, p.strand_slant, 0.0),
        "curl": (-p.strand_slant, p.strand_rate, 0.0),
        "curl_depth": (p.hair_curl,),
        "strand_depth": (p.strand_depth,),
        "cap_across": (root / p.hair_width,),
        "cap_height": (-root / p.hair_top, root / p.hair_reach),
        "cap_wave": (sharp * 0.3 * 0.35, sharp * 0.3 + 0.5),
        "hair_end": (-sharp * 0.4, p.hair_length * sharp * 0.4 + 0.5),
        "hair_part": (-p.hair_part,),
        # line = hairline + rise |x| + skew x / 2, x measured from the parting; hair is above it.
        "hairline": (
            p.hairline_rise * sharp * 0.5,
            p.hairline_skew * sharp * 0.25,
            p.hairline * sharp * 0.5 + 0.5,
        ),
        "hairline_edge": (sharp * 0.5,),
        "hair_side": (sharp * 0.5, -p.hair_side * sharp * 0.5 + 0.5),
        "hair_density": (p.hair_density,),
    }


def _glasses(p: Person, sharp: float) -> dict[str, tuple]:
    hardness = sharp * 0.1
    return {
        "lens_across": (1 / p.glasses_width, -(p.eye_spacing + 0.005) / p.glasses_width),
        "lens_down": (1 / p.glasses_height, -(p.eye_height + 0.01) / p.glasses_height),
        "lens_square": (p.glasses_square,),
        "lens": (hardness, 0.5, p.glasses_tint * p.glasses),
        "rim": (-hardness, p.glasses_rim * hardness + 0.5),
        # Bridge between the lenses, temples outside: a thin bar wherever |x| > 1.
        "bar": (sharp, -(p.eye_height - 0.025) * sharp, 0.022 * sharp + 0.5),
        "bar_outside": (8.0, -7.5),
        "glasses": (p.glasses,),
    }


def _scene(c: Capture, sharp: float) -> dict[str, tuple]:
    hardness = sharp * 0.15
    return {
        "light": (c.light_u, c.light_v, 1.0),
        "fill": (0.16,),
        "backdrop": (c.backdrop_u, c.backdrop_v),
        "blob": (c.blob_size * 0.77, -c.blob_u * c.blob_size * 0.77, -c.blob_v * c.blob_size * 0.77, 1.2),
        "patch_across": (c.patch_width, -c.patch_u * c.patch_width),
        "patch_down": (c.patch_height, -c.patch_v * c.patch_height),
        "patch_square": (c.patch_square,),
        # Where there is no patch its mask is 0 * x + 0.
        "patch": (hardness * c.patch, 0.5 * c.patch),
        # 255 x (1 + contrast - contrast x): the parabola lightens or darkens the midtones.
        "tone": (c.contrast * -0.8 * 255, c.contrast * (0.8 * 255) + 255),
        "blur": (c.blur, 1 - 4 * c.blur),
        "noise": (c.noise * 255,),
    }


def bands(p: Person, c: Capture, size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows [first, last) of each picture that may hold a group of features, int64 [n]: sure, not tight."""
    lift = p.brow_gap + c.brow_lift + 1.75 * p.brow_thickness + p.brow_arch + np.abs(p.brow_slope) + 0.02
    rim = p.glasses * p.glasses_height * 1.5
    base = p.eye_height + p.nose_length
    extents = {
        "eyes": (
            p.eye_height - np.maximum(np.maximum(lift, rim), 0.25),
            p.eye_height + np.maximum(rim, 0.22),
        ),
        "nose": (p.eye_height - 0.12, base + 0.14),
        "mouth": (p.mouth_height - 0.32, p.mouth_height + (p.lip_lower + c.mouth_open) * 1.35 + 0.15),
        "freckles": (np.full_like(base, -0.45), np.full_like(base, 0.62)),
        "cheeks": (np.full_like(base, -0.02), np.full_like(base, 0.58)),
        "ears": (p.ear_height - 0.25, p.ear_height + 0.25),
        "lower": (np.full_like(base, -0.12), np.full_like(base, 4.0)),
        **{f"mark_{i}": (p.mark_v[i] - 0.13, p.mark_v[i] + 0.13) for i in range(len(p.mark_v))},
    }
    scale2 = c.vv * c.vv + c.vu * c.vu
    centre = -(c.uv * c.u0 + c.vv * c.v0)
    tilt = np.abs(c.uv) * 0.75
    rows = {}
    for name, (top, bottom) in extents.items():
        first = (centre + c.vv * (top + np.minimum(c.pitch, 0)) - tilt) / scale2
        last = (centre + c.vv * (bottom + np.maximum(c.pitch, 0)) + tilt) / scale2
        rows[name] = (
            np.clip(np.floor((first + 1) * (size / 2)) - 1, 0, size - 1).astype(np.int64),
            np.clip(np.ceil((last + 1) * (size / 2)) + 1, 1, size).astype(np.int64),
        )
    return rows
