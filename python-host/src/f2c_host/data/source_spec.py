"""Reads a source's spec and checks the indices asked of it; what is wrong is named in a HostError."""

from __future__ import annotations

from typing import Any

import numpy as np

from f2c_host.errors import HostError


def bad_spec(kind: str, message: str, hint: str) -> HostError:
    """The error of a spec that cannot be opened."""
    return HostError("F2C6101", f"{kind}: {message}", hint=hint)


def whole(spec: dict[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    """An integer field; MessagePack may have made 7 of 7.0, or the other way round."""
    value = spec.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise bad_spec(
            spec["kind"], f"{name} is {value!r}, not a whole number", f"give {name} in {low}..{high}"
        )
    if not low <= value <= high:
        raise bad_spec(spec["kind"], f"{name} is {value:g}", f"give {name} in {low}..{high}")
    return int(value)


def fraction(spec: dict[str, Any], name: str) -> float:
    """A field in 0..1."""
    value = spec.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise bad_spec(spec["kind"], f"{name} is {value!r}, not a number in 0..1", f"give {name} in 0..1")
    return float(value)


def one_of(spec: dict[str, Any], name: str, choices: tuple) -> Any:
    """A field with few possible values."""
    value = spec.get(name)
    if isinstance(value, bool) or value not in choices:
        listed = ", ".join(map(str, choices))
        raise bad_spec(spec["kind"], f"{name} is {value!r}", f"give {name} as one of {listed}")
    return choices[choices.index(value)]


def checked_indices(kind: str, indices: np.ndarray, count: int) -> np.ndarray:
    """The indices as int64 [n]; raises when one is not in 0..count - 1."""
    wanted = np.asarray(indices).reshape(-1).astype(np.int64)
    outside = (wanted < 0) | (wanted >= count)
    if outside.any():
        raise HostError(
            "F2C6105",
            f"{kind}: image index {int(wanted[outside][0])} is outside 0..{count - 1}",
            hint="plan and source disagree on the number of images: open the source of this experiment",
        )
    return wanted
