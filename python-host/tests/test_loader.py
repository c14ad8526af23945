"""What the compiled dual loader makes of images, against a literal loop over their pixels."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from compiled import FIXTURES, node

from f2c_host.ir import parse_module
from f2c_host.program import Program

COUNT, HEIGHT, WIDTH = 6, 24, 20


@pytest.fixture(scope="module")
def loader() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "loader-program.mjs"))


def at(image: np.ndarray, row: float, column: float) -> float:
    """The bilinear value at a place, the border repeating."""
    row = min(max(row, 0), HEIGHT - 1)
    column = min(max(column, 0), WIDTH - 1)
    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left
    below, after = min(top + 1, HEIGHT - 1), min(left + 1, WIDTH - 1)
    upper = image[top, left] * (1 - right) + image[top, after] * right
    lower = image[below, left] * (1 - right) + image[below, after] * right
    return upper * (1 - down) + lower * down


def changed(pixels: np.ndarray, change: dict[str, float]) -> np.ndarray:
    image = (pixels.astype(np.float64) - 127.5) / 128
    if change["flip"]:
        image = image[:, ::-1]
    out = np.empty_like(image)
    cos, sin, zoom = math.cos(change["turn"]), math.sin(change["turn"]), change["zoom"]
    middle_row, middle_column = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
    for row in range(HEIGHT):
        for column in range(WIDTH):
            y, x = row - middle_row, column - middle_column
            from_row = middle_row + zoom * (sin * x + cos * y) + change["down"]
            from_column = middle_column + zoom * (cos * x - sin * y) + change["right"]
            out[row, column] = at(image, from_row, from_column)
    out = out * change["contrast"] + change["brightness"]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            below = abs((row - middle_row) / HEIGHT - change["row"])
            beside = abs((column - middle_column) / WIDTH - change["column"])
            if below < change["tall"] and beside < change["wide"]:
                out[row, column] = 0
    return out


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_images_are_mirrored_turned_enlarged_moved_lit_and_hidden_as_planned(loader, backend):
    pixels = np.random.default_rng(5).integers(0, 256, (COUNT, 1, HEIGHT, WIDTH), dtype=np.uint8)
    plan = loader["plan"]
    inputs: dict[str, Any] = {"lr": 0.05}
    for stream in ("x", "y"):
        inputs[f"{stream}.images"] = torch.from_numpy(pixels)
        for name, values in plan.items():
            dtype = torch.bool if name == "flip" else torch.float32
            inputs[f"{stream}.{name}"] = torch.tensor(values, dtype=dtype)
    program = Program(parse_module(loader["module"]), backend=backend)
    program.initialise(0)
    program.run("step", inputs)
    seen = program.storage["seen"][:, 0].numpy()
    for image in range(COUNT):
        change = {name: values[image] for name, values in plan.items()}
        np.testing.assert_allclose(seen[image], changed(pixels[image, 0], change), atol=2e-5)


def test_each_change_is_drawn_within_its_bound(loader):
    plan = loader["plan"]
    assert all(abs(v) <= 3 for name in ("down", "right") for v in plan[name])
    assert all(0.7 <= v <= 1.3 for v in plan["zoom"])
    assert all(abs(v) <= math.radians(40) for v in plan["turn"])
    assert all(0.8 <= v <= 1.2 for v in plan["contrast"])
    assert all(abs(v) <= 0.2 for v in plan["brightness"])
    assert all(abs(v) <= 0.5 for name in ("row", "column") for v in plan[name])
    assert all(0 <= v <= 0.3 for name in ("tall", "wide") for v in plan[name])
    assert all(len(set(values)) > 1 for values in plan.values())
