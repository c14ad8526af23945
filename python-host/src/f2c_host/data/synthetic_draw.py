"""Draws synthetic faces: soft masks over a pixel grid, composited in float32 for a chunk of pictures at once.

Pixels are the same for any batch, order and thread count. Two rules keep it so: only exactly rounded
operations (+, -, *, /, abs, round, min, max) touch a plane, never a fused or transcendental one, whose last
bit may differ between the body and the tail of an array; and no operation runs along the batch. A chunk is
small enough that torch starts no threads of its own for it: pictures are drawn in the reader's threads,
beside a training step that needs the cores.
"""

from __future__ import annotations

import threading
import warnings
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from f2c_host.data.counter_random import derive, draw
from f2c_host.data.synthetic_capture import Capture, Surroundings
from f2c_host.data.synthetic_identity import Complexion, Person
from f2c_host.data.synthetic_photograph import photograph
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
    noise = _noise(size * size + _NOISE_LENGTH)
    starts = (capture.noise_offset[order] * np.float32(_NOISE_LENGTH)).astype(np.int64).tolist()
    script = _script()
    chunk = max(1, _CHUNK_ELEMENTS // (size * size))
    with torch.inference_mode():
        for begin in range(0, count, chunk):
            part = slice(begin, min(begin + chunk, count))
            s, paint = forms.of(part), paints.of(part)
            spans = {
                name: [int(first[part].min()), int(last[part].max())] for name, (first, last) in rows.items()
            }
            out[order[part]] = script(s, paint, spans, noise, starts[part], size).numpy()
    return out


class _Planes:
    """Named groups of values, one value an image; `of` gives a chunk's as tensors [n, 1, 1]."""

    def __init__(self, entries: dict[str, np.ndarray], order: np.ndarray) -> None:
        stacked = np.concatenate(list(entries.values()))[:, order]
        self._values = torch.from_numpy(stacked)[:, :, None, None]
        stops = np.cumsum([len(rows) for rows in entries.values()]).tolist()
        self._places = list(zip(entries, [0, *stops], stops, strict=False))

    def of(self, part: slice) -> dict[str, list[Tensor]]:
        values = self._values[:, part].unbind(0)
        return {name: list(values[start:stop]) for name, start, stop in self._places}


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


@lru_cache(maxsize=4)
def _noise(length: int) -> Tensor:
    """Zero-mean noise of unit variance; the sum of four uniforms is near enough to a normal, and exact."""
    bits = draw(derive(0, np.arange(4)), length) >> np.uint64(40)
    total = bits.sum(axis=1).astype(np.float32) * np.float32(2.0**-24)
    return torch.from_numpy((total - np.float32(2.0)) * np.float32(1.7320508))


_compiled: list[torch.jit.ScriptFunction] = []
_compiling = threading.Lock()


def _script() -> torch.jit.ScriptFunction:
    with _compiling:
        if not _compiled:
            with warnings.catch_warnings():
                # Deprecated upstream and supported by every torch that this host admits.
                warnings.simplefilter("ignore", DeprecationWarning)
                _compiled.append(torch.jit.script(photograph))
    return _compiled[0]
