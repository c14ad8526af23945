"""Several sources as one: whose images these are, also of parts of parts, and what a bad spec is told."""

import numpy as np
import pytest
import torch

from f2c_host.data import open_source
from f2c_host.data.concat import Concat
from f2c_host.data.inspection import Inspection
from f2c_host.data.source import Source
from f2c_host.errors import HostError

_FACES = {"kind": "synthetic_faces", "size": 16, "channels": 1, "difficulty": 0.5, "firstIdentity": 0}


def faces(seed: int, counts: list[int]):
    return {**_FACES, "seed": seed}, {"counts": np.array(counts, np.int32)}


def spec_of(*parts):
    """Spec and buffers as the driver sends them."""
    spec = {"kind": "concat", "parts": len(parts)}
    buffers = {}
    for i, (own, its) in enumerate(parts):
        spec |= {f"{i}.{name}": value for name, value in own.items()}
        buffers |= {f"{i}.{name}": value for name, value in its.items()}
    return spec, buffers


def test_images_are_those_of_the_sources_in_any_order_and_twice():
    first, second = faces(1, [3, 2]), faces(2, [4])
    source = open_source(*spec_of(first, second))
    assert (len(source), source.shape) == (9, (1, 16, 16))
    a, b = (open_source(*part).read(np.arange(n)) for part, n in ((first, 5), (second, 4)))
    asked = [8, 0, 5, 4, 0]
    assert torch.equal(source.read(np.array(asked, np.int32)), torch.cat([a, b])[asked])
    assert source.read(np.array([], np.int32)).shape == (0, 1, 16, 16)


def test_parts_may_be_parts_and_concatenations_themselves():
    first, second = faces(1, [3, 2]), faces(2, [4])
    spec, buffers = spec_of(first, second)
    some = {**spec, "kind": "subset", "of": "concat"}, {**buffers, "subset": np.array([4, 6], np.int32)}
    source = open_source(*spec_of(some, first))
    wanted = open_source(*spec_of(first, second)).read(np.array([6, 4]))
    assert len(source) == 7
    assert torch.equal(source.read(np.array([1, 0])), wanted)


class _InFiles(Source):
    """Images in files, of which those at `broken` are."""

    shape = (1, 2, 2)

    def __init__(self, count: int, broken: set[int], first: int) -> None:
        self.count, self.broken, self.first = count, broken, first

    def __len__(self) -> int:
        return self.count

    def read(self, indices: np.ndarray) -> torch.Tensor:
        return torch.zeros(len(indices), *self.shape, dtype=torch.uint8)

    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        return np.isin(indices, list(self.broken))

    def inspect(self, indices: np.ndarray) -> Inspection:
        broken = [
            {"position": i, "code": "C", "message": ""} for i, at in enumerate(indices) if at in self.broken
        ]
        return Inspection(broken, {"content": indices.astype(np.int64) + self.first})


def test_what_is_broken_and_what_files_hold_is_told_by_each_in_the_order_asked_for():
    source = Concat([_InFiles(3, {1}, 100), _InFiles(2, {0}, 200)])
    asked = np.array([3, 0, 4, 1])
    assert source.stood_in_for(asked).tolist() == [True, False, False, True]
    found = source.inspect(asked)
    assert found is not None
    assert found.arrays["content"].tolist() == [200, 100, 201, 101]
    assert [image["position"] for image in found.broken] == [0, 3]
    assert open_source(*spec_of(faces(1, [1]), faces(2, [1]))).inspect(np.array([0, 1])) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": None}, "parts is None"),
        ({"parts": 0}, "parts is 0"),
        ({"1.kind": "guess"}, "unknown kind of image source: 'guess'"),
        ({"1.size": 32}, "images of shapes"),
    ],
)
def test_a_bad_spec_is_refused(change, message):
    spec, buffers = spec_of(faces(1, [3]), faces(2, [4]))
    with pytest.raises(HostError, match=message) as raised:
        open_source({**spec, **change}, buffers)
    assert raised.value.code == "F2C6101"


def test_an_image_that_no_source_has_is_refused():
    with pytest.raises(HostError, match="image index 7 is outside") as raised:
        open_source(*spec_of(faces(1, [3]), faces(2, [4]))).read(np.array([7]))
    assert raised.value.code == "F2C6105"
