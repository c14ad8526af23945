"""How one synthetic photograph is taken: pose, light, expression, background, camera; `difficulty` scales it.

A pure function of (seed, identity, k), k being the image's number within its identity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from f2c_host.data.counter_random import Draws, derive


class Capture(NamedTuple):
    """Circumstances of a photograph; every field is one value an image, float32 [n]."""

    uu: np.ndarray  # face coordinates: u = uu * px + uv * py + u0, v = vu * px + vv * py + v0
    uv: np.ndarray
    u0: np.ndarray
    vu: np.ndarray
    vv: np.ndarray
    v0: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    light_u: np.ndarray
    light_v: np.ndarray
    light: np.ndarray
    gaze: np.ndarray
    lids: np.ndarray
    brow_lift: np.ndarray
    mouth_open: np.ndarray
    smile: np.ndarray
    teeth: np.ndarray
    collar: np.ndarray
    backdrop_u: np.ndarray
    backdrop_v: np.ndarray
    blob_u: np.ndarray
    blob_v: np.ndarray
    blob_size: np.ndarray
    patch_u: np.ndarray
    patch_v: np.ndarray
    patch_width: np.ndarray
    patch_height: np.ndarray
    patch_square: np.ndarray
    patch: np.ndarray
    contrast: np.ndarray
    blur: np.ndarray
    noise: np.ndarray
    noise_offset: np.ndarray


class Surroundings(NamedTuple):
    """Colours of the photograph and not of the person, each [3, n]; `cast` multiplies all colours."""

    shirt: np.ndarray
    backdrop: np.ndarray
    blob: np.ndarray
    patch: np.ndarray
    cast: np.ndarray


_DUPLICATE = 1  # a key of its own beside those of the photographs


def originals(seed: int, identities: np.ndarray, k: np.ndarray, share: float) -> np.ndarray:
    """Of which photograph each is a duplicate, itself if of none: int64 [n]. The first of an identity is of none."""
    originals = k.copy()
    while True:
        key = derive(seed, identities, originals, np.full_like(originals, _DUPLICATE))
        before = (Draws(key, 1).chance(share) > 0) & (originals > 0)
        if not before.any():
            return originals
        originals -= before


class Duplicates(NamedTuple):
    """A share of the photographs is the one before once more, but for a small change of all that is drawn; both in 0..1."""

    share: float
    change: float


def captures(
    seed: int,
    identities: np.ndarray,
    k: np.ndarray,
    difficulty: float,
    duplicates: Duplicates | None = None,
) -> tuple[Capture, Surroundings]:
    """The circumstances of photograph k of each identity; both int64 [n], difficulty in 0..1."""
    d = Draws(derive(seed, identities, k), 90)
    if duplicates is not None:
        first = Draws(derive(seed, identities, originals(seed, identities, k, duplicates.share)), 90)
        d = first.towards(d, duplicates.change)
    hard = np.float32(difficulty)
    # Pose, light and background grow fast and level off; what destroys detail grows evenly.
    wide = hard * (2 - hard)
    # cos and sin of the roll from the tangent t of its half: rational, so exactly rounded everywhere.
    t = d.signed(0.22) * wide
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    scale = np.float32(0.96) + d.signed(0.20) * wide
    shift_u, shift_v = d.signed(0.26) * wide, d.signed(0.22) * wide
    # Masks and hands come from below, brims and bars from above.
    patched = d.chance(0.36 * hard)
    below = d.chance(0.5)
    patch_v = np.where(below > 0, d.uniform(0.45, 0.9), d.uniform(-1.0, 0.3))
    strength = (d.uniform() * np.float32(1.1) + np.float32(0.10)) * wide
    capture = Capture(
        uu=cos * scale,
        uv=sin * scale,
        u0=-(cos * shift_u + sin * shift_v) * scale,
        vu=-sin * scale,
        vv=cos * scale,
        v0=(sin * shift_u - cos * shift_v) * scale,
        yaw=d.signed(0.42) * wide,
        pitch=d.signed(0.24) * wide,
        light_u=d.uniform(-1.0, 1.0) * strength,
        light_v=d.uniform(-1.0, 0.45) * strength,
        light=np.float32(1.0) + d.uniform(-0.62, 0.28) * wide,
        gaze=d.signed(0.07) * hard,
        lids=np.maximum(
            np.float32(1.0) - d.uniform(-0.2, 0.55) * hard - d.chance(0.08 * hard) * np.float32(0.8), 0.12
        ),
        brow_lift=d.signed(0.08) * hard,
        mouth_open=np.maximum(d.uniform(-0.09, 0.12) * hard, np.float32(0.004)),
        smile=d.uniform(-0.04, 0.12) * hard,
        teeth=d.uniform(),
        collar=d.uniform(0.72, 0.98),
        backdrop_u=d.uniform(-0.4, 0.4) * wide,
        backdrop_v=d.uniform(-0.4, 0.4) * wide,
        blob_u=d.uniform(-1.2, 1.2),
        blob_v=d.uniform(-1.2, 1.2),
        blob_size=d.uniform(0.7, 4.0),
        patch_u=d.signed(0.7),
        patch_v=patch_v.astype(np.float32),
        patch_width=d.uniform(1.2, 5.0),
        patch_height=d.uniform(2.2, 6.0),
        patch_square=d.uniform(-0.2, 1.0),
        patch=patched,
        contrast=d.signed(1.0) * wide,
        blur=d.uniform(0.0, 0.24) * d.chance(0.6) * hard,
        noise=(d.uniform(0.0, 0.10) + np.float32(0.01)) * hard,
        noise_offset=d.uniform(),
    )

    def colour() -> np.ndarray:
        return np.stack([d.uniform(0.05, 0.95) for _ in range(3)])

    grey = np.stack([d.uniform(0.1, 0.9)] * 3)
    backdrop = grey + (colour() - grey) * (np.float32(0.2) + wide * np.float32(0.6))
    blob = backdrop + (colour() - backdrop) * wide
    cast = np.float32(1.0) + np.stack([d.signed(0.30) for _ in range(3)]) * wide
    return capture, Surroundings(colour(), backdrop, blob, colour(), cast)
