"""Images to matrices."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError
from f2c_host.run.embedding import ProgramRows, embed_images, pixel_rows


class Pictures:
    """Twenty random colour images."""

    shape = (3, 4, 4)

    def __init__(self) -> None:
        chance = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (20, 3, 4, 4), generator=chance).byte()

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, indices: np.ndarray) -> torch.Tensor:
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


IMAGES = np.array([4, 7, 19, 0, 4, 12, 3], np.int32)


def test_a_row_is_what_the_function_makes_of_its_image(prefetcher):
    source = Pictures()
    matrix = embed_images(ProgramRows(Halves(), "embed"), source, prefetcher, IMAGES, batch=3)
    assert matrix.rows.dtype == np.float32 and not matrix.centred
    for row, image in zip(matrix.rows, IMAGES, strict=True):
        assert row.tolist() == source.pixels[image][:, :2].reshape(-1).tolist()


def test_a_row_of_raw_pixels_is_all_of_its_image_and_counts_without_its_mean(prefetcher):
    source = Pictures()
    matrix = pixel_rows(source, prefetcher, IMAGES, batch=4)
    assert matrix.rows.dtype == np.uint8 and matrix.centred
    for row, image in zip(matrix.rows, IMAGES, strict=True):
        assert row.tolist() == source.pixels[image].reshape(-1).tolist()


def test_images_go_through_in_batches_and_a_fixed_batch_is_filled_up(prefetcher):
    free, fixed = Halves(), Halves(first=4)
    a = embed_images(ProgramRows(free, "embed"), Pictures(), prefetcher, IMAGES, batch=5)
    b = embed_images(ProgramRows(fixed, "embed"), Pictures(), prefetcher, IMAGES, batch=5)
    assert (free.batches, fixed.batches) == ([5, 2], [4, 4])
    assert np.array_equal(a.rows, b.rows)


def test_each_batch_is_told(prefetcher):
    told: list[tuple[int, int]] = []
    hear = lambda done, total: told.append((done, total))  # noqa: E731
    embed_images(ProgramRows(Halves(), "embed"), Pictures(), prefetcher, IMAGES, 3, on_batch=hear)
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_no_images_need_no_network(prefetcher):
    program = Halves()
    none = IMAGES[:0]
    assert len(embed_images(ProgramRows(program, "embed"), Pictures(), prefetcher, none, 4)) == 0
    assert program.batches == []


WRONG = {
    "no such function": (Halves(), "other", IMAGES, "F2C6313", "no function `other`; it has embed"),
    "two inputs": (Halves(inputs=2), "embed", IMAGES, "F2C6313", "takes images0, images1"),
    "two results": (Halves(results=2), "embed", IMAGES, "F2C6313", "returns e0, e1"),
    "image out of range": (Halves(), "embed", IMAGES + 1, "F2C6314", "image 20 is out of range"),
    "negative image": (Halves(), "embed", IMAGES - 1, "F2C6314", "image -1 is out of range"),
}


@pytest.mark.parametrize("program, function, images, code, complaint", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_embedded_is_refused(prefetcher, program, function, images, code, complaint):
    with pytest.raises(HostError) as caught:
        embed_images(ProgramRows(program, function), Pictures(), prefetcher, images, 4)
    assert caught.value.code == code and complaint in caught.value.message
