"""The kernels in C, a shared library beside this file. pip builds it with the package where there is a C compiler; where
there is none, torch's own ops compute the same."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from ctypes import POINTER, byref, c_double, c_int, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import torch  # brings the OpenMP that the kernels' threads are to come from
from torch import Tensor

# How many values make it worth to wake a thread.
A_THREAD = 2**16


class Layout(ctypes.Structure):
    """`Layout` of `normalise.c`."""

    _fields_ = [(name, c_int64) for name in ("images", "channels", "plane", "in_rows")]


class Window(ctypes.Structure):
    """`Window` of `depthwise.c`."""

    _fields_ = [
        *((name, c_int64) for name in ("images", "channels")),
        *((name, c_int64 * 2) for name in ("size", "out", "kernel", "stride", "padding")),
    ]


class Norm(ctypes.Structure):
    """`Norm` of `rows.h`."""

    _fields_ = [
        *((name, c_void_p) for name in ("weight", "bias", "slope")),
        ("slopes", c_int64),
        *((name, c_void_p) for name in ("running_mean", "running_variance")),
        *((name, c_double) for name in ("momentum", "eps")),
        *((name, c_void_p) for name in ("mean", "r", "by_weight", "by_bias", "by_slope")),
    ]


def norm(
    given: Sequence[Tensor | None],
    statistics: Tensor,
    running: Sequence[Tensor | None] = (None, None),
    how: tuple[float, float] = (0.0, 0.0),
    gradients: Sequence[Tensor] = (),
) -> Norm:
    """`given`: weight, bias and slope, `gradients` theirs, of which those that are not wanted are empty; `statistics`: of each
    channel the mean and 1 / deviation [2, C]; `how`: momentum and eps. They stay the caller's."""
    weight, bias, slope = given
    mean, variance = running
    momentum, eps = how
    by_weight, by_bias, by_slope = gradients or (None, None, None)
    at = statistics.data_ptr()
    return Norm(
        _pointer(weight),
        _pointer(bias),
        _pointer(slope),
        0 if slope is None else slope.numel(),
        _pointer(mean),
        _pointer(variance),
        momentum,
        eps,
        at,
        at + statistics.element_size() * statistics.size(1),
        _pointer(by_weight),
        _pointer(by_bias),
        _pointer(by_slope),
    )


def _pointer(t: Tensor | None) -> int | None:
    """None too where there are no numbers."""
    return None if t is None else t.data_ptr() or None


_NORM, _LAYOUT, _WINDOW = POINTER(Norm), POINTER(Layout), POINTER(Window)
# The arguments of each function, but for the number of threads.
_FUNCTIONS = {
    "f2c_normalise": (*[c_void_p] * 2, _LAYOUT, _NORM),
    "f2c_normalise_back": (*[c_void_p] * 3, _LAYOUT, _NORM),
    "f2c_depthwise": (*[c_void_p] * 3, _WINDOW, c_void_p, _NORM, _NORM),
    "f2c_depthwise_back": (*[c_void_p] * 5, _WINDOW, c_void_p, _NORM, _NORM),
}


@cache
def library() -> ctypes.CDLL | None:
    """The kernels; none where they were not built, or are of another machine."""
    for file in sorted(Path(__file__).parent.glob("_native*.so")):
        try:
            loaded = ctypes.CDLL(str(file))
            for name, arguments in _FUNCTIONS.items():
                function = getattr(loaded, name)
                function.argtypes, function.restype = (*arguments, c_int), c_int
        except (OSError, AttributeError):
            continue
        return loaded
    return None


def threads(values: int) -> int:
    """How many threads compute so many values."""
    return min(torch.get_num_threads(), max(1, values // A_THREAD))


def call(name: str, values: int, *arguments: Any) -> None:
    """Calls a function for so many values, with tensors for pointers to numbers."""
    given = (
        a.data_ptr() if isinstance(a, Tensor) else byref(a) if isinstance(a, ctypes.Structure) else a
        for a in arguments
    )
    if getattr(library(), name)(*given, threads(values)):
        raise MemoryError(name)


def not_built() -> str | None:
    """A sentence on kernels that are missing; none where they are there."""
    if library() is not None:
        return None
    return (
        "the kernels in C are not built: pip found no C compiler with OpenMP when it installed the host. Batch normalisation "
        f"then takes several times as long on a CPU. Install gcc, remove {sys.prefix}, and call f2c-dsl setup"
    )
