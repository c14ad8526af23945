"""The comparison of backends sees a backend that is off, and one that is not."""

from __future__ import annotations

import pytest
import torch
from compare_recordings import Training, compare
from programs import IMAGES, SIZE, summing_module

OFF = 1e-3


def training() -> Training:
    images = torch.randint(0, 256, (3, IMAGES, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    inputs = [
        {"x.images": x.to(torch.uint8), "gain": 1.0, "extra": torch.ones(2), "rounds": 0} for x in images
    ]
    return Training("train", {"ir": summing_module(), "files": {}}, 0, [0, 1, 2], inputs)


class TwoBackends(Training):
    """Where the second backend stores something else."""

    def program(self, backend: str, device: str = "cpu", double: bool = False):
        program = super().program("eager", device, double)
        if backend == "off":
            right = program.run

            def run(function, inputs):
                results = right(function, inputs)
                program.storage["total"].mul_(1 + OFF)
                return results

            program.run = run
        return program


@pytest.mark.parametrize("double", [False, True])
def test_a_backend_that_computes_the_same_is_not_too_far(double):
    (found,) = compare(training(), ["torchscript"], double=double)
    assert found["beyond"] == []
    assert found["steps"] == 3
    assert found["precision"] == ("f64" if double else "f32")
    assert found["step"]["states"] == found["run"]["states"] == 0
    assert 0 < found["rounding"]["run"]["states"] < 1e-6


@pytest.mark.parametrize("double", [False, True])
def test_a_backend_that_stores_something_else_is_too_far(double):
    given = training()
    right, off = compare(
        TwoBackends(given.name, given.load, given.seed, given.numbers, given.inputs),
        ["eager", "off"],
        double=double,
    )
    assert right["beyond"] == []
    assert any(what.startswith("states, median step") for what in off["beyond"])
    assert any(what.startswith("total, median step") for what in off["beyond"]) == double
    # A step's loss is right, since each begins with what eager has stored; in a run of its own it is not.
    assert off["step"]["loss"] == 0
    assert OFF / 2 < off["run"]["loss"] < 2 * OFF
    assert OFF / 2 < off["step"]["states"] < 2 * OFF
