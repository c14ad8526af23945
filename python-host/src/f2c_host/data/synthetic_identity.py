"""Who a synthetic person is: some eighty numbers of shape and colour, a pure function of (seed, identity).

Lengths are in face units: the face's centre is (0, 0), v grows downwards, an unscaled picture spans [-1, 1].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from f2c_host.data.counter_random import Draws, derive

# One mark may sit on the brow, one on the cheeks, one around the mouth.
MARK_BANDS = ((-0.42, -0.08), (-0.08, 0.26), (0.26, 0.60))

_SKIN = np.array(
    [[0.96, 0.80, 0.70], [0.90, 0.69, 0.55], [0.78, 0.56, 0.41], [0.60, 0.40, 0.27], [0.38, 0.24, 0.16]],
    np.float32,
)
_HAIR = np.array(
    [
        [0.07, 0.06, 0.06],
        [0.16, 0.10, 0.07],
        [0.30, 0.18, 0.10],
        [0.46, 0.30, 0.15],
        [0.72, 0.55, 0.28],
        [0.86, 0.75, 0.50],
        [0.55, 0.20, 0.08],
        [0.62, 0.62, 0.63],
        [0.88, 0.87, 0.85],
        [0.10, 0.09, 0.12],
    ],
    np.float32,
)
_IRIS = np.array(
    [[0.22, 0.12, 0.06], [0.40, 0.24, 0.10], [0.25, 0.42, 0.22], [0.25, 0.45, 0.66], [0.45, 0.52, 0.56]],
    np.float32,
)
_FRAME = np.array(
    [[0.05, 0.05, 0.06], [0.30, 0.14, 0.06], [0.62, 0.52, 0.30], [0.55, 0.10, 0.12], [0.12, 0.20, 0.42]]
)
_FRAME = _FRAME.astype(np.float32)

# One haircut a row: top of the cap, half width, downward reach, length, hairline height, rise of the hairline
# towards the sides, where the side hair begins, density, curl. Far enough apart that a cut is seen at 56 px.
_CUT = np.array(
    [
        [0.84, 0.60, 0.30, -0.15, -0.62, 0.55, 0.60, 0.00, 0.0],  # bald
        [0.83, 0.60, 0.40, -0.12, -0.54, 0.60, 0.57, 0.62, 0.0],  # cropped
        [0.92, 0.63, 0.50, 0.02, -0.50, 0.62, 0.54, 1.00, 0.1],  # short
        [0.94, 0.64, 0.55, 0.05, -0.30, 0.05, 0.53, 1.00, 0.1],  # fringe
        [0.93, 0.70, 1.00, 0.45, -0.34, 0.10, 0.47, 1.00, 0.0],  # bob
        [0.93, 0.70, 1.90, 1.60, -0.56, 0.75, 0.47, 1.00, 0.1],  # long
        [1.02, 0.86, 0.80, 0.28, -0.48, 0.50, 0.54, 1.00, 1.0],  # afro
        [0.92, 0.78, 1.60, 0.75, -0.42, 0.45, 0.48, 1.00, 0.8],  # long curls
        [0.88, 0.62, 0.50, 0.05, -0.70, 0.30, 0.52, 0.95, 0.0],  # receding
    ],
    np.float32,
)


class Person(NamedTuple):
    """Shape of a person; every field is one value a person, float32 [n]."""

    head_width: np.ndarray
    head_top: np.ndarray
    chin: np.ndarray
    taper: np.ndarray
    jowl: np.ndarray
    squareness: np.ndarray
    neck: np.ndarray
    ear_size: np.ndarray
    ear_height: np.ndarray
    hair_top: np.ndarray
    hair_width: np.ndarray
    hair_reach: np.ndarray
    hair_length: np.ndarray
    hairline: np.ndarray
    hairline_rise: np.ndarray
    hairline_skew: np.ndarray
    hair_part: np.ndarray
    hair_side: np.ndarray
    hair_density: np.ndarray
    hair_curl: np.ndarray
    strand_rate: np.ndarray
    strand_slant: np.ndarray
    strand_depth: np.ndarray
    eye_spacing: np.ndarray
    eye_height: np.ndarray
    eye_width: np.ndarray
    eye_upper: np.ndarray
    eye_lower: np.ndarray
    eye_tilt: np.ndarray
    iris_size: np.ndarray
    lid: np.ndarray
    socket: np.ndarray
    bag: np.ndarray
    brow_gap: np.ndarray
    brow_width: np.ndarray
    brow_thickness: np.ndarray
    brow_slope: np.ndarray
    brow_arch: np.ndarray
    brow_density: np.ndarray
    nose_length: np.ndarray
    nose_bridge: np.ndarray
    nose_width: np.ndarray
    nose_relief: np.ndarray
    nostril: np.ndarray
    mouth_height: np.ndarray
    mouth_width: np.ndarray
    lip_upper: np.ndarray
    lip_lower: np.ndarray
    mouth_curve: np.ndarray
    fold: np.ndarray
    cheek: np.ndarray
    chin_cleft: np.ndarray
    beard: np.ndarray
    beard_line: np.ndarray
    moustache: np.ndarray
    moustache_width: np.ndarray
    glasses: np.ndarray
    glasses_width: np.ndarray
    glasses_height: np.ndarray
    glasses_square: np.ndarray
    glasses_rim: np.ndarray
    glasses_tint: np.ndarray
    freckles: np.ndarray
    freckle_rate: np.ndarray
    freckle_phase: np.ndarray
    mark_u: np.ndarray  # [bands, n], as the four below
    mark_v: np.ndarray
    mark_width: np.ndarray
    mark_height: np.ndarray
    mark_depth: np.ndarray


class Complexion(NamedTuple):
    """Colours of a person in 0..1, each [3, n]."""

    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    frame: np.ndarray


def people(seed: int, identities: np.ndarray) -> tuple[Person, Complexion]:
    """The people with these numbers (int64 [n]) in the universe `seed`."""
    d = Draws(derive(seed, identities), 140)
    cut = d.pick(_CUT)
    top, width, reach, length, line, rise, side, density, curl = cut
    has_beard = d.chance(0.22)
    has_moustache = d.chance(0.15)
    stubble = d.uniform(0.35, 1.0)
    marks = [
        (d.uniform(-0.42, 0.42), d.uniform(*band), d.uniform(0.02, 0.055), d.uniform(0.7, 1.6), d.uniform())
        for band in MARK_BANDS
    ]
    head_width = d.uniform(0.50, 0.63)
    person = Person(
        head_width=head_width,
        head_top=d.uniform(0.74, 0.84),
        chin=d.uniform(0.68, 0.84),
        taper=d.uniform(-0.02, 0.26),
        jowl=d.uniform(-0.05, 0.42),
        squareness=d.uniform(-0.25, 0.5),
        neck=d.uniform(0.26, 0.42),
        ear_size=d.uniform(0.05, 0.14),
        ear_height=d.uniform(-0.12, 0.10),
        hair_top=top + d.uniform(-0.03, 0.05),
        hair_width=(width + d.uniform(-0.03, 0.04)) * (head_width / np.float32(0.57)),
        hair_reach=reach,
        hair_length=length + d.uniform(-0.10, 0.10),
        hairline=line + d.uniform(-0.08, 0.08),
        hairline_rise=rise + d.uniform(-0.15, 0.15),
        hairline_skew=d.uniform(-0.5, 0.5),
        hair_part=d.uniform(-0.25, 0.25),
        hair_side=(side + d.uniform(-0.03, 0.03)) * (head_width / np.float32(0.57)),
        hair_density=density,
        hair_curl=curl * d.uniform(0.5, 1.0),
        strand_rate=d.uniform(3.0, 9.0),
        strand_slant=d.uniform(-5.0, 5.0),
        strand_depth=d.uniform(0.05, 0.40),
        eye_spacing=d.uniform(0.205, 0.305),
        eye_height=d.uniform(-0.15, 0.0),
        eye_width=d.uniform(0.105, 0.165),
        eye_upper=d.uniform(0.045, 0.10),
        eye_lower=d.uniform(0.03, 0.07),
        eye_tilt=d.uniform(-0.045, 0.05),
        iris_size=d.uniform(0.05, 0.075),
        lid=d.uniform(0.15, 0.8),
        socket=d.uniform(0.0, 0.30),
        bag=d.uniform(0.0, 0.28),
        brow_gap=d.uniform(0.12, 0.22),
        brow_width=d.uniform(0.12, 0.20),
        brow_thickness=d.uniform(0.022, 0.07),
        brow_slope=d.uniform(-0.05, 0.06),
        brow_arch=d.uniform(-0.01, 0.08),
        brow_density=d.uniform(0.35, 1.0),
        nose_length=d.uniform(0.25, 0.42),
        nose_bridge=d.uniform(0.04, 0.09),
        nose_width=d.uniform(0.085, 0.19),
        nose_relief=d.uniform(0.12, 0.40),
        nostril=d.uniform(0.15, 0.6),
        mouth_height=d.uniform(0.40, 0.52),
        mouth_width=d.uniform(0.15, 0.28),
        lip_upper=d.uniform(0.02, 0.07),
        lip_lower=d.uniform(0.03, 0.095),
        mouth_curve=d.uniform(-0.02, 0.05),
        fold=d.uniform(0.0, 0.30),
        cheek=d.uniform(0.0, 0.25),
        chin_cleft=d.uniform(0.0, 0.25),
        beard=has_beard * stubble,
        beard_line=d.uniform(0.10, 0.40),
        moustache=np.maximum(has_moustache, has_beard * d.chance(0.7)) * stubble,
        moustache_width=d.uniform(0.8, 1.25),
        glasses=d.chance(0.22),
        glasses_width=d.uniform(0.17, 0.23),
        glasses_height=d.uniform(0.11, 0.19),
        glasses_square=d.uniform(-0.2, 0.9),
        glasses_rim=d.uniform(0.14, 0.42),
        glasses_tint=d.uniform(0.0, 0.30) * d.chance(0.5),
        freckles=d.uniform(0.15, 0.40) * d.chance(0.3),
        freckle_rate=d.uniform(6.0, 10.0),
        freckle_phase=d.uniform(),
        mark_u=np.stack([m[0] for m in marks]),
        mark_v=np.stack([m[1] for m in marks]),
        mark_width=np.stack([m[2] for m in marks]),
        mark_height=np.stack([m[2] * m[3] for m in marks]),
        # Half of the marks are there at all; these are 0.3 to 0.8 deep.
        mark_depth=np.stack([np.where(m[4] < 0.5, m[4] + np.float32(0.3), np.float32(0.0)) for m in marks]),
    )
    undertone = np.stack([d.uniform(-0.04, 0.04), d.uniform(-0.02, 0.02), d.uniform(-0.05, 0.04)])
    skin = d.blend(_SKIN) + undertone
    rouge = d.uniform(0.1, 0.9)
    lip_tint = np.array([0.72, 0.22, 0.26], np.float32)[:, None] * d.uniform(0.55, 1.1)
    # Dark skin has dark lips: the tint mixes with what is under it.
    lips = skin * np.float32(0.82) + (lip_tint - skin * np.float32(0.82)) * rouge
    hair = d.pick(_HAIR) * d.uniform(0.8, 1.2)
    iris = d.pick(_IRIS) * d.uniform(0.75, 1.3)
    return person, Complexion(skin, lips, hair, iris, d.pick(_FRAME) * d.uniform(0.8, 1.2))
