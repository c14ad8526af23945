"""The kernels in C, a shared library beside this file. pip builds it with the package where there is a C compiler; where
there is none, torch's own ops compute the same."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

_FLOATS, _INT, _REAL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
_LAYOUT = (_INT, _INT, _INT, ctypes.c_int)
_WEIGHTS = (_FLOATS, _FLOATS, _FLOATS, _INT)

# The arguments of each function of `normalise.c`.
_FUNCTIONS = {
    "f2c_normalise": (
        *(_FLOATS, _FLOATS, *_LAYOUT, *_WEIGHTS),
        *(_FLOATS, _FLOATS, _REAL, _REAL, _FLOATS, _FLOATS, ctypes.c_int),
    ),
    "f2c_normalise_back": (
        *(_FLOATS, _FLOATS, _FLOATS, *_LAYOUT, *_WEIGHTS),
        *(_FLOATS, _FLOATS, _FLOATS, _FLOATS, _FLOATS, ctypes.c_int),
    ),
}


@cache
def library() -> ctypes.CDLL | None:
    """The kernels; none where they were not built, or are of another machine."""
    import torch  # noqa: F401 - brings the OpenMP that the kernels' threads are to come from

    for file in sorted(Path(__file__).parent.glob("_native*.so")):
        try:
            loaded = ctypes.CDLL(str(file))
            for name, arguments in _FUNCTIONS.items():
                function = getattr(loaded, name)
                function.argtypes, function.restype = arguments, ctypes.c_int
        except (OSError, AttributeError):
            continue
        return loaded
    return None


def not_built() -> str | None:
    """A sentence on kernels that are missing; none where they are there."""
    if library() is not None:
        return None
    return (
        "the kernels in C are not built: pip found no C compiler with OpenMP when it installed the host. Batch normalisation "
        f"then takes several times as long on a CPU. Install gcc, remove {sys.prefix}, and call f2c-dsl setup"
    )
