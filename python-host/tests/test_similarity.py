"""Similarities of pairs against slow literal ones."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError
from f2c_host.similarity import cosine_of_pairs, embedding_similarities, pixel_similarities


class Pictures:
    """Twenty random colour images; image 7 is blank."""

    shape = (3, 4, 4)

    def __init__(self) -> None:
        chance = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (20, 3, 4, 4), generator=chance).byte()
        self.pixels[7] = 90
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        self.asked.append(len(indices))
        return self.pixels[torch.from_numpy(np.asarray(indices, np.int64))]


class Halves:
    """A program whose `embed` gives the upper half of an image; `first` is the first dim of its input."""

    def __init__(self, first: int | str = "B", inputs: int = 1, results: int = 1):
        entries = [
            SimpleNamespace(name=f"images{n}", type=SimpleNamespace(dims=(first, 3, 4, 4)))
            for n in range(inputs)
        ]
        self.module = SimpleNamespace(functions=[SimpleNamespace(name="embed", inputs=entries)])
        self.results = results
        self.batches: list[int] = []

    def run(self, function: str, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        images = inputs["images0"]
        self.batches.append(len(images))
        upper = images[:, :, :2].float()
        return {f"e{n}": upper for n in range(self.results)}


@pytest.fixture
def prefetcher():
    prefetcher = Prefetcher(1, 2)
    yield prefetcher
    prefetcher.close()


def literal_cosine(a: list[float], b: list[float]) -> float:
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    norm = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(y * y for y in b))
    return dot / norm if norm else 0.0


def centred(values: list[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


IMAGES = np.array([4, 7, 19, 0, 4, 12, 3], np.int32)
PAIRS = np.array([[0, 1], [2, 3], [0, 4], [6, 5], [5, 6], [1, 1]], np.int32)


def test_embeddings_are_compared_by_their_cosine(prefetcher):
    source = Pictures()
    found = embedding_similarities(Halves(), "embed", source, prefetcher, IMAGES, PAIRS, batch=3)
    for similarity, (a, b) in zip(found, PAIRS, strict=True):
        left, right = (source.pixels[IMAGES[i]][:, :2].reshape(-1).tolist() for i in (a, b))
        assert similarity == pytest.approx(literal_cosine(left, right), abs=1e-14)


def test_pixels_lose_their_mean_before_they_are_compared_and_a_blank_image_resembles_nothing(prefetcher):
    source = Pictures()
    found = pixel_similarities(source, prefetcher, IMAGES, PAIRS, batch=4)
    for similarity, (a, b) in zip(found, PAIRS, strict=True):
        left, right = (centred(source.pixels[IMAGES[i]].reshape(-1).tolist()) for i in (a, b))
        assert similarity == pytest.approx(literal_cosine(left, right), abs=1e-13)
    assert found[0] == 0 and found[5] == 0


def test_images_go_through_in_batches_and_a_fixed_batch_is_filled_up(prefetcher):
    free, fixed = Halves(), Halves(first=4)
    a = embedding_similarities(free, "embed", Pictures(), prefetcher, IMAGES, PAIRS, batch=5)
    b = embedding_similarities(fixed, "embed", Pictures(), prefetcher, IMAGES, PAIRS, batch=5)
    assert (free.batches, fixed.batches) == ([5, 2], [4, 4])
    assert np.array_equal(a, b)


def test_no_pairs_need_no_network(prefetcher):
    nothing = np.zeros((0, 2), np.int32)
    program = Halves()
    assert embedding_similarities(program, "embed", Pictures(), prefetcher, IMAGES, nothing, 4).shape == (0,)
    assert program.batches == []


def test_many_pairs_are_computed_in_parts_without_a_seam():
    rows = np.random.default_rng(0).normal(size=(50, 5))
    pairs = np.random.default_rng(1).integers(0, 50, (9000, 2)).astype(np.int32)
    found = cosine_of_pairs(rows.astype(np.float32), pairs)
    single = rows.astype(np.float32).astype(np.float64)
    for n in (0, 4095, 4096, 8191, 8192, 8999):
        a, b = (single[i].tolist() for i in pairs[n])
        assert found[n] == pytest.approx(literal_cosine(a, b), abs=1e-14)


WRONG = {
    "no such function": (Halves(), "other", IMAGES, PAIRS, "F2C6313", "no function `other`; it has embed"),
    "two inputs": (Halves(inputs=2), "embed", IMAGES, PAIRS, "F2C6313", "takes images0, images1"),
    "two results": (Halves(results=2), "embed", IMAGES, PAIRS, "F2C6313", "returns e0, e1"),
    "image out of range": (Halves(), "embed", IMAGES + 1, PAIRS, "F2C6314", "image 20 is out of range"),
    "pair out of range": (Halves(), "embed", IMAGES, PAIRS + 1, "F2C6314", "pair position 7"),
    "negative position": (Halves(), "embed", IMAGES, PAIRS - 1, "F2C6314", "pair position -1"),
}


@pytest.mark.parametrize(
    "program, function, images, pairs, code, complaint", WRONG.values(), ids=WRONG.keys()
)
def test_what_cannot_be_compared_is_refused(prefetcher, program, function, images, pairs, code, complaint):
    with pytest.raises(HostError) as caught:
        embedding_similarities(program, function, Pictures(), prefetcher, images, pairs, 4)
    assert caught.value.code == code and complaint in caught.value.message
