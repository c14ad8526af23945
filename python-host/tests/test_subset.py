"""Some images of another source, and what a bad selection is told."""

import numpy as np
import pytest
import torch

from f2c_host.data import open_source
from f2c_host.errors import HostError

_SPEC = {"seed": 1, "size": 16, "channels": 1, "difficulty": 0.5, "firstIdentity": 0}


def subset(images: list[int], dtype=np.int32):
    buffers = {"counts": np.array([3, 2, 4], np.int32), "subset": np.array(images, dtype)}
    return open_source({**_SPEC, "kind": "subset", "of": "synthetic_faces"}, buffers)


def whole():
    return open_source({**_SPEC, "kind": "synthetic_faces"}, {"counts": np.array([3, 2, 4], np.int32)})


def test_images_are_those_of_the_source():
    source = subset([1, 4, 8])
    assert (len(source), source.shape) == (3, (1, 16, 16))
    assert torch.equal(source.read(np.array([2, 0], np.int32)), whole().read(np.array([8, 1], np.int32)))


def test_an_image_that_is_not_selected_is_not_there():
    with pytest.raises(HostError, match="image index 3 is outside") as raised:
        subset([1, 4, 8]).read(np.array([3], np.int32))
    assert raised.value.code == "F2C6105"


@pytest.mark.parametrize(
    ("images", "dtype", "message"),
    [([0, 9], np.int32, "images 0 to 9 are selected of 9"), ([0], np.int64, "buffer subset is missing")],
)
def test_a_bad_selection_is_refused(images, dtype, message):
    with pytest.raises(HostError, match=message) as raised:
        subset(images, dtype)
    assert raised.value.code == "F2C6101"
