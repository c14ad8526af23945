"""A small program, written in the IR by hand, whose results can be computed in numpy.

State `total` f32 []; step(x.images u8 [B, 1, 16, 16], gain f64, extra f32 [2], rounds i64):
total += gain * mean(x) + mean(extra), after `rounds` turns of idle work; loss = total.
embed(images) = the pixels as f32 [B, 256]. look(x.images) = the same of a stream, and their mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

PROGRAM = "train"  # its name in a host
SIZE = 16
IMAGES = 12
PIXELS = {"tensor": ["B", 1, SIZE, SIZE], "dtype": "u8"}
FLOAT_PIXELS = {"tensor": ["B", 1, SIZE, SIZE], "dtype": "f32"}
ROWS = {"tensor": ["B", SIZE * SIZE], "dtype": "f32"}
PAIR = {"tensor": [2], "dtype": "f32"}
NUMBER = {"tensor": [], "dtype": "f32"}
F64 = {"scalar": "f64"}
I64 = {"scalar": "i64"}

SOURCE_SPEC = {"kind": "synthetic_faces", "seed": 3, "size": SIZE, "channels": 1, "difficulty": 0.5}
COUNTS = np.array([3, 4, 5], np.int32)

_TEXT = "total += gain * mean(x) + mean(extra)"


def op(
    kind: str,
    operands: list[int],
    result: tuple[int, dict] | None = None,
    regions: list | None = None,
    /,
    **attributes: Any,
) -> dict[str, Any]:
    """One op of the JSON form."""
    results = [] if result is None else [{"id": result[0], "name": f"v{result[0]}", "type": result[1]}]
    return {
        "op": kind,
        "operands": operands,
        "attributes": attributes,
        "results": results,
        "regions": regions or [],
        "location": 0,
    }


def _input(id: int, name: str, type: dict, source: dict) -> dict[str, Any]:
    return {"id": id, "name": name, "type": type, "source": source}


def _function(name: str, inputs: list, results: list, ops: list) -> dict[str, Any]:
    return {
        "name": name,
        "inputs": inputs,
        "results": results,
        "body": {"arguments": [], "ops": ops},
        "location": 0,
    }


def _step() -> dict[str, Any]:
    plan = {"kind": "plan"}
    inputs = [
        _input(0, "x.images", PIXELS, {"kind": "images", "stream": "x"}),
        _input(1, "gain", F64, plan),
        _input(2, "extra", PAIR, plan),
        _input(3, "rounds", I64, plan),
    ]
    idle = {
        "arguments": [{"id": 10, "name": "turn", "type": I64}, {"id": 11, "name": "held", "type": NUMBER}],
        "ops": [op("add", [11, 12], (13, NUMBER)), op("yield", [13])],
    }
    ops = [
        op("to", [0], (4, FLOAT_PIXELS), dtype="f32"),
        op("mean", [4], (5, NUMBER), dim=[0, 1, 2, 3], keepdim=False),
        op("mul", [5, 1], (6, NUMBER)),
        op("mean", [2], (7, NUMBER), dim=[0], keepdim=False),
        op("add", [6, 7], (8, NUMBER)),
        op("state", [], (9, NUMBER), name="total"),
        op("constant", [], (12, F64), value=0),
        op("for", [3, 8], (14, NUMBER), [idle]),
        op("add", [9, 14], (15, NUMBER)),
        op("copy_", [9, 15]),
        op("return", [15, 5]),
    ]
    results = [{"name": "loss", "type": NUMBER}, {"name": "brightness", "type": NUMBER}]
    return _function("step", inputs, results, ops)


def _embed() -> dict[str, Any]:
    ops = [
        op("to", [0], (1, FLOAT_PIXELS), dtype="f32"),
        op("flatten", [1], (2, ROWS), start=1),
        op("return", [2]),
    ]
    inputs = [_input(0, "images", PIXELS, {"kind": "argument"})]
    return _function("embed", inputs, [{"name": "embedding", "type": ROWS}], ops)


def _look() -> dict[str, Any]:
    """The pixels of a stream as rows, and their mean: no number of images is fixed, nothing is written."""
    ops = [
        op("to", [0], (1, FLOAT_PIXELS), dtype="f32"),
        op("flatten", [1], (2, ROWS), start=1),
        op("mean", [1], (3, NUMBER), dim=[0, 1, 2, 3], keepdim=False),
        op("return", [2, 3]),
    ]
    inputs = [_input(0, "x.images", PIXELS, {"kind": "images", "stream": "x"})]
    results = [{"name": "rows", "type": ROWS}, {"name": "brightness", "type": NUMBER}]
    return _function("look", inputs, results, ops)


def summing_module() -> dict[str, Any]:
    """The program of this file's head, in the JSON form."""
    total = {"name": "total", "type": NUMBER, "init": {"kind": "zeros"}, "role": "state", "location": 0}
    weight = {
        "name": "net.weight",
        "type": {"tensor": [4, 3], "dtype": "f32"},
        "init": {"kind": "normal", "mean": 0.0, "std": 1.0},
        "role": "parameter",
        "location": 0,
    }
    return {
        "version": [1, 2],
        "name": "summing",
        "sources": [{"path": "summing.ts", "text": _TEXT}],
        "locations": [[0, 0, len(_TEXT), -1]],
        "storages": [weight, total],
        "groups": [],
        "functions": [_step(), _embed(), _look()],
    }


def plan(number: int, images: list[int], gain: float = 1.0, extra=(0.0, 0.0), rounds: int = 0):
    """The body and buffers of a plan for the program."""
    body = {
        "program": PROGRAM,
        "function": "step",
        "number": number,
        "streams": {"x": "train"},
        "scalars": {"gain": gain, "rounds": rounds},
        "finite": ["loss"],
    }
    return body, {"x.images": np.array(images, np.int32), "extra": np.array(extra, np.float32)}


def look(number: int, images: list[int], program: str = PROGRAM, returns=("rows",)):
    """The body and buffers of a plan for `look`."""
    body = {"program": program, "function": "look", "number": number, "streams": {"x": "train"}}
    return {**body, "returns": list(returns)}, {"x.images": np.array(images, np.int32)}
