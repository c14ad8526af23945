"""Synthetic faces: the same pixels always, one universe of people, identities that raw pixels hardly tell."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from f2c_host.data import open_source, synthetic_draw, synthetic_photograph
from f2c_host.data.counter_random import draw
from f2c_host.data.synthetic_capture import originals
from f2c_host.errors import HostError

COUNTS = np.array([3, 1, 4, 2, 5], np.int32)


def faces(counts=COUNTS, **changes):
    spec = {
        "kind": "synthetic_faces",
        "seed": 7,
        "size": 56,
        "channels": 3,
        "difficulty": 0.5,
        "firstIdentity": 0,
        "cacheBytes": 0,
        **changes,
    }
    return open_source(spec, {"counts": np.asarray(counts, np.int32)})


def verification_accuracy(images: torch.Tensor) -> float:
    """Best-threshold accuracy of the mean-subtracted raw-pixel cosine; images by identity, four each."""
    x = images.flatten(1).double()
    x = x - x.mean(1, keepdim=True)
    x = x / x.norm(dim=1, keepdim=True)
    genuine = torch.cat([(x[0::4] * x[1::4]).sum(1), (x[2::4] * x[3::4]).sum(1)])
    impostor = torch.cat([(x[0::4] * x[1::4].roll(1, 0)).sum(1), (x[2::4] * x[3::4].roll(7, 0)).sum(1)])
    thresholds = torch.cat([genuine, impostor])
    hits = (genuine[None] >= thresholds[:, None]).sum(1) + (impostor[None] < thresholds[:, None]).sum(1)
    return hits.max().item() / len(thresholds)


def test_draws_are_the_published_splitmix64_sequence():
    # The sequence for seed 1234567, as listed for the reference implementation.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert draw(np.array([1234567], np.uint64), 5)[:, 0].tolist() == expected


def test_image_indices_run_through_the_images_of_one_identity_after_another():
    literal = [(row, k) for row, count in enumerate(COUNTS.tolist()) for k in range(count)]
    source = faces()
    rows, k = source.identify(np.arange(len(source)))
    assert list(zip(rows.tolist(), k.tolist(), strict=True)) == literal


@pytest.mark.parametrize(("size", "channels"), [(56, 3), (37, 1), (112, 3)])
def test_pixels_do_not_depend_on_the_batch_or_its_order(size, channels):
    source = faces(np.full(16, 3), size=size, channels=channels, difficulty=1.0)
    whole = source.read(np.arange(48))
    assert whole.shape == (48, channels, size, size)
    assert whole.dtype == torch.uint8
    assert whole.is_contiguous()
    order = np.random.default_rng(1).permutation(48)
    for part in np.split(order, [1, 3, 20, 21]):
        assert torch.equal(source.read(part), whole[torch.from_numpy(part)])


def test_pixels_do_not_depend_on_torchs_thread_count(cores):
    # 224 pixels wide, one picture alone is enough for torch to split an operation over threads.
    source = faces([4], size=224, difficulty=1.0)
    cores(1)
    alone = source.read(np.arange(4))
    cores(3)
    together = source.read(np.arange(4))
    assert torch.equal(alone, together)


def test_the_compiled_drawing_equals_the_same_code_run_by_python(monkeypatch):
    source = faces(np.full(16, 3), difficulty=1.0)
    compiled = source.read(np.arange(48))
    monkeypatch.setattr(synthetic_draw, "_script", lambda: synthetic_photograph.photograph)
    assert torch.equal(source.read(np.arange(48)), compiled)


@pytest.mark.parametrize("size", [24, 56])
def test_leaving_out_rows_without_a_feature_changes_no_pixel(size, monkeypatch):
    source = faces(np.full(150, 2), size=size, difficulty=1.0)
    banded = source.read(np.arange(300))
    real = synthetic_draw.bands

    def everywhere(person, capture, size):
        return {
            name: (np.zeros_like(first), np.full_like(last, size))
            for name, (first, last) in real(person, capture, size).items()
        }

    monkeypatch.setattr(synthetic_draw, "bands", everywhere)
    assert torch.equal(source.read(np.arange(300)), banded)


def test_held_out_people_are_later_numbers_of_the_same_universe():
    everyone = faces([2, 2, 2, 2]).read(np.arange(8))
    later = faces([2, 2], firstIdentity=2).read(np.arange(4))
    assert torch.equal(later, everyone[4:])


def test_another_seed_identity_or_photograph_is_another_picture():
    pictures = torch.cat([faces().read(np.arange(15)), faces(seed=8).read(np.arange(15))])
    assert len(torch.unique(pictures, dim=0)) == 30


def test_an_identity_number_beyond_32_bits_is_drawn():
    near, far = faces([1]).read(np.array([0])), faces([1], firstIdentity=2**40).read(np.array([0]))
    assert not torch.equal(near, far)


def test_grey_pictures_are_the_luminance_of_the_coloured_ones():
    coloured = faces(difficulty=0.0).read(np.arange(15)).float()
    grey = faces(difficulty=0.0, channels=1).read(np.arange(15)).float()
    luminance = (coloured * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(1, keepdim=True)
    # Saturated channels are cut off before the sum in one and after it in the other.
    assert (luminance - grey).abs().median() <= 1.0


@pytest.mark.parametrize("channels", [1, 3])
def test_raw_pixels_hardly_tell_people_apart_at_half_difficulty(channels):
    source = faces(np.full(300, 4), channels=channels)
    assert 0.55 <= verification_accuracy(source.read(np.arange(1200))) <= 0.70


def test_raw_pixels_tell_people_apart_when_nothing_but_the_background_varies():
    source = faces(np.full(100, 4), difficulty=0.0)
    assert verification_accuracy(source.read(np.arange(400))) >= 0.75


@pytest.mark.parametrize("cache_bytes", [0, 5 * 3 * 56 * 56, 2**20])
def test_a_cache_of_any_size_changes_no_picture(cache_bytes):
    expected = faces().read(np.arange(15))
    cached = faces(cacheBytes=cache_bytes)
    for indices in ([3, 3, 14], [0, 1, 2, 3, 4, 5, 6], list(range(15)), [14, 0], []):
        assert torch.equal(cached.read(np.array(indices, np.int32)), expected[indices])


def test_pictures_from_a_cache_belong_to_the_caller():
    source = faces(cacheBytes=2**20)
    first = source.read(np.arange(3))
    kept = first.clone()
    first.zero_()
    assert torch.equal(source.read(np.arange(3)), kept)


def test_several_threads_read_the_same_pictures():
    source, expected = (
        faces(np.full(30, 2), cacheBytes=30 * 3 * 56 * 56),
        faces(np.full(30, 2)).read(np.arange(60)),
    )
    wrong = []

    def read(seed: int) -> None:
        for _ in range(4):
            indices = np.random.default_rng(seed).integers(0, 60, 17)
            if not torch.equal(source.read(indices), expected[torch.from_numpy(indices)]):
                wrong.append(indices)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kind": "movies"}, "movies"),
        ({"size": 3}, "size is 3"),
        ({"size": 56.5}, "size is 56.5"),
        ({"seed": None}, "seed is None"),
        ({"channels": 2}, "channels is 2"),
        ({"difficulty": 1.5}, "difficulty is 1.5"),
        ({"duplicateShare": 0.5}, "duplicateChange is None"),
        ({"difficulty": float("nan")}, "difficulty is nan"),
        ({"firstIdentity": -1}, "firstIdentity is -1"),
        ({"counts": [2, 0]}, "identity 1 has 0 images"),
        ({"counts": []}, "counts"),
    ],
)
def test_a_wrong_spec_is_refused_by_name(changes, named):
    with pytest.raises(HostError) as caught:
        faces(**changes)
    assert caught.value.code == "F2C6101"
    assert caught.value.kind == "user"
    assert named in caught.value.message
    assert caught.value.hint


def test_whole_numbers_may_arrive_as_floats():
    assert torch.equal(faces(size=56.0, seed=7.0).read(np.arange(2)), faces().read(np.arange(2)))


@pytest.mark.parametrize("index", [-1, 15])
def test_an_image_index_outside_the_source_is_an_error(index):
    with pytest.raises(HostError, match=rf"image index {index} is outside 0\.\.14") as caught:
        faces().read(np.array([0, index]))
    assert caught.value.code == "F2C6105"


def distance(a, b):
    return (a.float() - b.float()).abs().mean().item()


def test_a_share_of_the_images_are_near_duplicates_of_the_one_before():
    counts = np.full(60, 12)
    source = faces(counts, duplicateShare=0.6, duplicateChange=0.05)
    plain = faces(counts).read(np.arange(720))
    images = source.read(np.arange(720))
    identities, k = np.divmod(np.arange(720), 12)
    first = originals(source._seed, identities, k, 0.6)
    # The first image of each person is none; of the others six of ten are: 396 of 660, deviation 13.
    assert (first[k == 0] == 0).all()
    assert abs(int((first < k).sum()) - 396) < 4 * 13
    # What is none is what it is without duplicates, bit for bit.
    assert torch.equal(images[first == k], plain[first == k])
    near = [distance(images[i], images[i - k[i] + first[i]]) for i in np.flatnonzero(first < k)]
    far = [distance(plain[i], plain[i - 1]) for i in np.flatnonzero(k > 0)]
    assert 0 < np.median(near) < np.median(far) / 4


def test_a_duplicate_without_change_is_the_same_picture():
    source = faces([12], duplicateShare=1.0, duplicateChange=0.0)
    images = source.read(np.arange(12))
    assert all(torch.equal(image, images[0]) for image in images)


def test_duplicates_are_the_same_in_any_order():
    source = faces(np.full(4, 8), duplicateShare=0.5, duplicateChange=0.1)
    together = source.read(np.arange(32))
    assert all(torch.equal(source.read(np.array([i]))[0], together[i]) for i in range(31, -1, -1))
