"""JavaScript's arithmetic on numbers where Python's raises, or gives something else: at 0, infinity and NaN.

`SCRIPT` is the same for TorchScript, whose own arithmetic is C's: it needs care in fewer places. (It takes `a != a` for
false, which it is not for NaN: measured on 2.13.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

INFINITY, NAN = math.inf, math.nan
_MOST = 2.0**62


def divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return NAN if a == 0 or math.isnan(a) else math.copysign(INFINITY, a) * math.copysign(1, b)


def remainder(a: float, b: float) -> float:
    return NAN if math.isinf(a) or b == 0 else math.fmod(a, b)


def power(a: float, b: float) -> float:
    if b == 0:
        return 1.0
    if math.isnan(b) or (abs(a) == 1 and math.isinf(b)):
        return NAN
    odd = not math.isinf(b) and abs(math.fmod(b, 2)) == 1
    if a == 0 and b < 0:
        return math.copysign(INFINITY, a) if odd else INFINITY
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INFINITY if a < 0 and odd else INFINITY
    except ValueError:
        return NAN


def smaller(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return NAN
    if a == b:
        return a if math.copysign(1, a) < 0 else b
    return a if a < b else b


def larger(a: float, b: float) -> float:
    return -smaller(-a, -b)


def floor(a: float) -> float:
    return math.copysign(float(math.floor(a)), a) if abs(a) < 2**52 else a


def whole(a: float) -> int:
    """Cut towards zero; 0 for NaN, and within 62 bits: what a loop counts to, or an index."""
    return 0 if math.isnan(a) else int(min(max(a, -_MOST), _MOST))


def exp(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return INFINITY


def log(a: float) -> float:
    if a > 0:
        return math.log(a)
    return -INFINITY if a == 0 else NAN


def sqrt(a: float) -> float:
    return math.sqrt(a) if a >= 0 else NAN


def cos(a: float) -> float:
    return NAN if math.isinf(a) else math.cos(a)


def sin(a: float) -> float:
    return NAN if math.isinf(a) else math.sin(a)


NUMBERS: dict[str, Callable[..., Any]] = {
    f"math_{function.__name__}": function
    for function in (divide, remainder, power, smaller, larger, floor, whole, exp, log, sqrt, cos, sin)
}

SCRIPT = """
def math_divide(a: float, b: float) -> float:
    return a / b

def math_remainder(a: float, b: float) -> float:
    return math.fmod(a, b)

def math_power(a: float, b: float) -> float:
    if b == 0.0:
        return 1.0
    if math.isnan(b) or (abs(a) == 1.0 and abs(b) == float("inf")):
        return float("nan")
    if a == 0.0 and b < 0.0:
        odd = abs(b) != float("inf") and abs(math.fmod(b, 2.0)) == 1.0
        return math.copysign(float("inf"), a) if odd else float("inf")
    return a ** b

def math_smaller(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return float("nan")
    if a == b:
        return a if math.copysign(1.0, a) < 0.0 else b
    return a if a < b else b

def math_larger(a: float, b: float) -> float:
    return -math_smaller(-a, -b)

def math_floor(a: float) -> float:
    if abs(a) < 4503599627370496.0:
        return math.copysign(float(math.floor(a)), a)
    return a

def math_whole(a: float) -> int:
    if math.isnan(a):
        return 0
    return int(min(max(a, -4611686018427387904.0), 4611686018427387904.0))

def math_exp(a: float) -> float:
    return math.exp(a)

def math_log(a: float) -> float:
    return math.log(a)

def math_sqrt(a: float) -> float:
    return math.sqrt(a)

def math_cos(a: float) -> float:
    return math.cos(a)

def math_sin(a: float) -> float:
    return math.sin(a)
"""


def script_numbers() -> torch.jit.CompilationUnit:
    """The functions as TorchScript, which finds `math` here."""
    return torch.jit.CompilationUnit(SCRIPT)
