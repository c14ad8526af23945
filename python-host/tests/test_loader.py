"""What compiled loaders make of images, against literal loops over their pixels, and against Pillow."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from compiled import FIXTURES, node, started
from PIL import Image

COUNT, HEIGHT, WIDTH = 6, 24, 20


@pytest.fixture(scope="module")
def loaders() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "loader-program.mjs"))


def prepared(
    loader: dict[str, Any], pixels: np.ndarray, backend: str = "torchscript", **own: Any
) -> np.ndarray:
    """The images [N, C, H, W] that the net gets for pixels; `own` are values of the plan in place of those drawn."""
    inputs: dict[str, Any] = {"lr": 0.05}
    masks = {"flip", "grey"}
    for stream in ("x", "y"):
        inputs[f"{stream}.images"] = torch.from_numpy(pixels)
        for path, drawn in loader["plan"].items():
            values = own.get(path.replace(".", "_"), drawn)
            dtype = torch.bool if path in masks else torch.float32
            inputs[f"{stream}.{path}"] = torch.tensor(values, dtype=dtype)
    program = started(loader["module"], backend)
    program.run("step", inputs)
    return program.storage["seen"].numpy()


def photographs(channels: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (COUNT, channels, HEIGHT, WIDTH), dtype=np.uint8)


def normalised(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float64) - 127.5) / 128


def drawn_for(loader: dict[str, Any], image: int) -> dict[str, float]:
    """What was drawn for an image of stream x, by the names within the stream."""
    return {path: values[image] for path, values in loader["plan"].items()}


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
    image = normalised(pixels)
    if change["flip"]:
        image = image[:, ::-1]
    out = np.empty_like(image)
    cos, sin, zoom = math.cos(change["affine.turn"]), math.sin(change["affine.turn"]), change["affine.zoom"]
    middle_row, middle_column = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
    for row in range(HEIGHT):
        for column in range(WIDTH):
            y, x = row - middle_row, column - middle_column
            from_row = middle_row + zoom * (sin * x + cos * y) + change["affine.down"]
            from_column = middle_column + zoom * (cos * x - sin * y) + change["affine.right"]
            out[row, column] = at(image, from_row, from_column)
    out = out * change["colour.contrast"] + change["colour.brightness"]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            below = abs((row - middle_row) / HEIGHT - change["erase.row"])
            beside = abs((column - middle_column) / WIDTH - change["erase.column"])
            if below < change["erase.tall"] and beside < change["erase.wide"]:
                out[row, column] = 0
    return out


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_images_are_mirrored_turned_enlarged_moved_lit_and_hidden_as_planned(loaders, backend):
    loader, pixels = loaders["moved"], photographs(1)
    seen = prepared(loader, pixels, backend)
    for image in range(COUNT):
        wanted = changed(pixels[image, 0], drawn_for(loader, image))
        np.testing.assert_allclose(seen[image, 0], wanted, atol=2e-5)


def cropped(image: np.ndarray, change: dict[str, float]) -> np.ndarray:
    out = np.empty_like(image)
    tall, wide = change["crop.tall"], change["crop.wide"]
    middle_row = (HEIGHT - 1) / 2 + change["crop.down"] * HEIGHT
    middle_column = (WIDTH - 1) / 2 + change["crop.right"] * WIDTH
    for row in range(HEIGHT):
        for column in range(WIDTH):
            from_row = middle_row + (row - (HEIGHT - 1) / 2) * tall
            from_column = middle_column + (column - (WIDTH - 1) / 2) * wide
            out[row, column] = at(image, from_row, from_column)
    return out


def bright(image: np.ndarray) -> np.ndarray:
    """The brightness of an image [3, H, W], red first (ITU-R BT.601)."""
    return 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]


def blurred(line: np.ndarray, sigma: float) -> np.ndarray:
    out = np.empty_like(line)
    for i in range(len(line)):
        weights = [math.exp(-((i - j) ** 2) / (2 * sigma**2)) for j in range(len(line))]
        out[i] = sum(w * v for w, v in zip(weights, line, strict=True)) / sum(weights)
    return out


def lowered(line: np.ndarray, scale: float) -> np.ndarray:
    """Area means of `scale` pixels each, then what lies between their middles, linearly."""
    small = []
    count = math.ceil(len(line) / scale - 1e-9)
    for k in range(count):
        begin, end = k * scale, min((k + 1) * scale, len(line))
        shares = [max(0.0, min(end, j + 1) - max(begin, j)) for j in range(len(line))]
        small.append(sum(s * v for s, v in zip(shares, line, strict=True)) / sum(shares))
    out = np.empty_like(line)
    for i in range(len(line)):
        place = min(max((i + 0.5) / scale - 0.5, 0.0), len(line) / scale - 1)
        near = math.floor(place)
        share = place - near
        out[i] = small[near] * (1 - share) + (small[near + 1] * share if share else 0)
    return out


def hidden(image: np.ndarray, change: dict[str, float], name: str) -> np.ndarray:
    out = image.copy()
    for row in range(HEIGHT):
        for column in range(WIDTH):
            below = abs((row - (HEIGHT - 1) / 2) / HEIGHT - change[f"{name}.row"])
            beside = abs((column - (WIDTH - 1) / 2) / WIDTH - change[f"{name}.column"])
            if below < change[f"{name}.tall"] and beside < change[f"{name}.wide"]:
                out[:, row, column] = 0
    return out


def seen_from_afar(pixels: np.ndarray, change: dict[str, float]) -> np.ndarray:
    image = np.stack([cropped(channel, change) for channel in normalised(pixels)])
    image = image * change["colour.contrast"] + change["colour.brightness"]
    image = bright(image) + (image - bright(image)) * change["colour.saturation"]
    if change["grey"]:
        image = np.stack([bright(image)] * 3)
    for axis in (1, 2):
        image = np.apply_along_axis(blurred, axis, image, change["blur"])
    for axis in (1, 2):
        image = np.apply_along_axis(lowered, axis, image, change["lowResolution"])
    return hidden(hidden(image, change, "erase"), change, "erase2")


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_images_are_cropped_greyed_blurred_and_lowered_as_planned(loaders, backend):
    loader, pixels = loaders["seen"], photographs(3)
    seen = prepared(loader, pixels, backend)
    for image in range(COUNT):
        wanted = seen_from_afar(pixels[image], drawn_for(loader, image))
        np.testing.assert_allclose(seen[image], wanted, atol=5e-5)


WHOLE = {
    "crop_tall": [1.0] * COUNT,
    "crop_wide": [1.0] * COUNT,
    "crop_down": [0.0] * COUNT,
    "crop_right": [0.0] * COUNT,
    "colour_saturation": [1.0] * COUNT,
    "grey": [False] * COUNT,
    "blur": [0.01] * COUNT,
    "lowResolution": [1.0] * COUNT,
    **{f"erase{n}_{side}": [0.0] * COUNT for n in ("", "2") for side in ("tall", "wide")},
}


def test_images_that_are_not_chosen_stay_as_they_are(loaders):
    pixels = photographs(3)
    seen = prepared(loaders["seen"], pixels, **WHOLE)
    # Cropping interpolates at the middle of each pixel, which is that pixel up to rounding; so is the way to grey and back.
    np.testing.assert_allclose(seen, normalised(pixels), atol=5e-6)


@pytest.mark.parametrize("scale", [2, 4])
def test_low_resolution_is_pillows_box_and_then_its_bilinear(loaders, scale):
    pixels = photographs(3)
    seen = prepared(loaders["seen"], pixels, **{**WHOLE, "lowResolution": [float(scale)] * COUNT})
    for image, channel in itertools.product(range(COUNT), range(3)):
        whole = Image.fromarray(normalised(pixels)[image, channel].astype(np.float32), "F")
        small = whole.resize((WIDTH // scale, HEIGHT // scale), Image.Resampling.BOX)
        wanted = np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(seen[image, channel], wanted, atol=2e-5)


def test_each_change_is_drawn_within_its_bound(loaders):
    plan = loaders["moved"]["plan"]
    assert all(abs(v) <= 3 for name in ("down", "right") for v in plan[f"affine.{name}"])
    assert all(0.7 <= v <= 1.3 for v in plan["affine.zoom"])
    assert all(abs(v) <= math.radians(40) for v in plan["affine.turn"])
    assert all(0.8 <= v <= 1.2 for v in plan["colour.contrast"])
    assert all(abs(v) <= 0.2 for v in plan["colour.brightness"])
    assert all(abs(v) <= 0.5 for name in ("row", "column") for v in plan[f"erase.{name}"])
    assert all(0 <= v <= 0.3 for name in ("tall", "wide") for v in plan[f"erase.{name}"])
    more = loaders["seen"]["plan"]
    for tall, wide, down, right in zip(
        *(more[f"crop.{n}"] for n in ("tall", "wide", "down", "right")), strict=True
    ):
        assert (tall, wide) == (1, 1) or tall * wide >= 0.3 - 1e-6
        assert abs(down) + tall / 2 <= 0.5 + 1e-6
        assert abs(right) + wide / 2 <= 0.5 + 1e-6
    assert all(v == pytest.approx(0.01) or 0.1 <= v <= 3 for v in more["blur"])
    assert all(1 <= v <= 5 for v in more["lowResolution"])
    assert all(0.5 <= v <= 1.5 for v in more["colour.saturation"])
    constant = {"colour.contrast", "colour.brightness"}
    varied = [*plan.values(), *(v for name, v in more.items() if name not in constant)]
    assert all(len(set(values)) > 1 for values in varied)


def test_the_same_augmentation_twice_draws_twice(loaders):
    plan = loaders["seen"]["plan"]
    assert plan["erase.row"] != plan["erase2.row"]
