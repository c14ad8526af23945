"""JavaScript's arithmetic on numbers where Python's raises, or gives something else: at 0, infinity and NaN.

Python calls these functions, and TorchScript compiles their text, so they keep to what both have. (TorchScript takes `a != a` for
false, which it is not for NaN: measured on 2.13.) What overflows raises in Python; TorchScript has no `try` and C's arithmetic,
which gives infinity: so `_raised` and `_exponential` are two texts each.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch


def _raised(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and math.fmod(b, 2) != 0 else math.inf
    except ValueError:
        return math.nan


def _exponential(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return math.inf


_IN_TORCHSCRIPT = """
def _raised(a: float, b: float) -> float:
    return a ** b

def _exponential(a: float) -> float:
    return math.exp(a)
"""


def math_divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a) or math.isnan(b):
        return float("nan")
    return math.copysign(float("inf"), a) * math.copysign(1.0, b)


def math_remainder(a: float, b: float) -> float:
    return float("nan") if math.isinf(a) or b == 0.0 else math.fmod(a, b)


def math_power(a: float, b: float) -> float:
    if b == 0.0:
        return 1.0
    if math.isnan(b) or (abs(a) == 1.0 and math.isinf(b)):
        return float("nan")
    if a == 0.0 and b < 0.0:
        odd = not math.isinf(b) and abs(math.fmod(b, 2.0)) == 1.0
        return math.copysign(float("inf"), a) if odd else float("inf")
    return _raised(a, b)


def math_smaller(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return float("nan")
    if a == b:
        return a if math.copysign(1.0, a) < 0.0 else b
    return a if a < b else b


def math_larger(a: float, b: float) -> float:
    return -math_smaller(-a, -b)


def math_floor(a: float) -> float:
    if abs(a) < 4503599627370496.0:  # 2 ** 52: from there on all are whole
        return math.copysign(float(math.floor(a)), a)
    return a


def math_whole(a: float) -> int:
    """Cut towards zero; 0 for NaN, and within 62 bits: what a loop counts to, or an index."""
    if math.isnan(a):
        return 0
    return int(min(max(a, -4611686018427387904.0), 4611686018427387904.0))


def math_exp(a: float) -> float:
    return _exponential(a)


def math_log(a: float) -> float:
    if a > 0.0:
        return math.log(a)
    return -float("inf") if a == 0.0 else float("nan")


def math_sqrt(a: float) -> float:
    return math.sqrt(a) if a >= 0.0 else float("nan")


def math_cos(a: float) -> float:
    return float("nan") if math.isinf(a) else math.cos(a)


def math_sin(a: float) -> float:
    return float("nan") if math.isinf(a) else math.sin(a)


_FUNCTIONS = (math_divide, math_remainder, math_power, math_smaller, math_larger, math_floor)
_FUNCTIONS += (math_whole, math_exp, math_log, math_sqrt, math_cos, math_sin)
NUMBERS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _FUNCTIONS}


def script() -> torch.jit.CompilationUnit:
    """The functions as TorchScript, which finds `math` here."""
    return torch.jit.CompilationUnit("\n".join([_IN_TORCHSCRIPT, *map(inspect.getsource, _FUNCTIONS)]))
