"""How the numbers of a line of `metrics.jsonl` are called in other tools."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

SPEED = {"seconds": "speed/seconds a step", "wait": "speed/seconds waiting for images"}
_NOT_SHOWN = ("step", "elapsed")


def tagged(line: Mapping[str, Any], images_per_step: int = 0) -> dict[str, float]:
    """`train/…` and `speed/…` of a step's line; of an evaluation's, a tag for each number: `verification/accuracy`."""
    tags = dict(_scored(line["evaluation"]) if "evaluation" in line else _numbers(line))
    busy = line.get("seconds"), line.get("wait")
    if images_per_step and all(isinstance(part, int | float) for part in busy) and sum(busy) > 0:
        tags["speed/images a second"] = images_per_step / sum(busy)
    return tags


def _scored(results: Any) -> Iterator[tuple[str, float]]:
    """Results of evaluations by name, each with numbers by name: a value, and perhaps a deviation."""
    for name, result in results.items() if isinstance(results, dict) else ():
        numbers = result.get("numbers") if isinstance(result, dict) else None
        for title, figure in numbers.items() if isinstance(numbers, dict) else ():
            for part, tag in (("value", title), ("std", f"{title} std")):
                value = figure.get(part) if isinstance(figure, dict) else None
                if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                    yield f"{name}/{tag}", float(value)


def _numbers(line: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in line.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            continue
        if name not in _NOT_SHOWN:
            yield SPEED.get(name, f"train/{name}"), float(value)
