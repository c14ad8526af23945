"""Image files: decoding, fitting, and what a missing or broken one says."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from indexed import index_spec
from PIL import Image

from f2c_host.data import open_source
from f2c_host.errors import HostError

ORL = Path(__file__).resolve().parents[3] / "shared" / "data" / "orl-faces"


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def folder(root: Path, files: list[str], **changes):
    spec = {
        "kind": "image_folder",
        **index_spec(root, files),
        "channels": 3,
        "height": 20,
        "width": 30,
        "fit": "crop",
        **changes,
    }
    return open_source(spec, {})


def read_one(root: Path, file: str, **changes) -> np.ndarray:
    return folder(root, [file], **changes).read(np.array([0]))[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.ppm", "a.webp"])
def test_a_lossless_file_of_the_right_size_is_read_exactly(tmp_path, name):
    pixels = noise(20, 30)
    Image.fromarray(pixels).save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    assert np.array_equal(read_one(tmp_path, name), pixels)


def test_a_pgm_is_read_as_grey_or_as_three_equal_channels(tmp_path):
    pixels = noise(20, 30, 1)
    (tmp_path / "a.pgm").write_bytes(b"P5\n# by hand\n30 20\n255\n" + pixels.tobytes())
    assert np.array_equal(read_one(tmp_path, "a.pgm", channels=1)[..., 0], pixels)
    assert np.array_equal(read_one(tmp_path, "a.pgm"), np.repeat(pixels[..., None], 3, 2))


def test_a_jpeg_comes_back_close(tmp_path):
    gradient = np.add.outer(np.arange(20) * 5, np.arange(30) * 4).astype(np.uint8)
    Image.fromarray(gradient).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_one(tmp_path, "a.jpg", channels=1)[..., 0].astype(int) - gradient).max() <= 6


def test_colour_turns_grey_by_its_luminance(tmp_path):
    Image.fromarray(np.full((20, 30, 3), (200, 100, 50), np.uint8)).save(tmp_path / "a.png")
    # ITU-R 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
    assert np.unique(read_one(tmp_path, "a.png", channels=1)).tolist() == [124]


@pytest.mark.parametrize(("height", "width", "cut"), [(20, 50, np.s_[:, 10:40]), (60, 30, np.s_[20:40, :])])
def test_crop_keeps_the_middle_in_the_targets_proportions(tmp_path, height, width, cut):
    pixels = noise(height, width)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_one(tmp_path, "a.png"), pixels[cut])


def test_stretch_keeps_the_whole_picture(tmp_path):
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 30:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    stretched = read_one(tmp_path, "a.png", fit="stretch")
    assert stretched[:, :13].max() == 0
    assert stretched[:, 17:].min() == 255


def test_shrinking_averages_instead_of_skipping_pixels(tmp_path):
    # Columns of one pixel in black and white: any filter that looks at all of them sees grey.
    Image.fromarray(np.tile(np.array([0, 255], np.uint8), (160, 120))).save(tmp_path / "a.png")
    small = read_one(tmp_path, "a.png", channels=1)[:, 2:-2]
    assert small.min() >= 120
    assert small.max() <= 136


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_cameras_orientation_is_honoured(tmp_path, orientation):
    upright = np.zeros((40, 60), np.uint8)
    upright[:20, :30] = 250
    # What the sensor stored so that a viewer's turn by 0, 180, 90 clockwise, 270 clockwise makes it upright.
    stored = np.rot90(upright, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = read_one(tmp_path, "a.jpg", channels=1)[..., 0]
    assert picture[:8, :13].min() > 230
    assert picture[:8, 17:].max() < 20
    assert picture[12:].max() < 20


def test_sixteen_bits_become_the_high_eight(tmp_path):
    deep = (np.arange(600, dtype=np.uint32) * 109).reshape(20, 30)
    Image.fromarray(deep.astype(np.uint16)).save(tmp_path / "a.png")
    (tmp_path / "a.pgm").write_bytes(b"P5 30 20 65535\n" + deep.astype(">u2").tobytes())
    for name in ("a.png", "a.pgm"):
        assert np.array_equal(read_one(tmp_path, name, channels=1)[..., 0], (deep // 257).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "CMYK"])
def test_every_colour_mode_becomes_three_channels(tmp_path, mode):
    name = "a.jpg" if mode == "CMYK" else "a.png"
    Image.fromarray(np.full((20, 30, 3), 255, np.uint8)).convert(mode).save(tmp_path / name)
    assert read_one(tmp_path, name).min() >= 254


def test_images_come_in_the_order_asked_for_with_repeats(tmp_path):
    files = [f"{shade}.png" for shade in range(0, 200, 10)]
    for shade, name in zip(range(0, 200, 10), files, strict=True):
        Image.fromarray(np.full((20, 30), shade, np.uint8)).save(tmp_path / name)
    for cache_bytes in (0, 7 * 600, 2**20):
        source = folder(tmp_path, files, channels=1, cacheBytes=cache_bytes)
        assert len(source) == 20
        for _ in range(2):
            batch = source.read(np.array([19, 0, 0, 5, 6, 7], np.int32))
            assert batch.shape == (6, 1, 20, 30)
            assert batch.dtype == torch.uint8
            assert batch[:, 0, 3, 3].tolist() == [190, 0, 0, 50, 60, 70]


def test_a_cached_image_outlives_its_file(tmp_path):
    Image.fromarray(noise(20, 30)).save(tmp_path / "a.png")
    source = folder(tmp_path, ["a.png"])
    before = source.read(np.array([0]))
    (tmp_path / "a.png").unlink()
    assert torch.equal(source.read(np.array([0])), before)


def test_a_missing_file_is_named(tmp_path):
    Image.fromarray(noise(20, 30)).save(tmp_path / "a.png")
    with pytest.raises(HostError) as caught:
        folder(tmp_path, ["a.png", "people/b.png"]).read(np.array([0, 1]))
    assert caught.value.code == "F2C6103"
    assert str(tmp_path / "people" / "b.png") in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.pgm", "a.webp", "a.bmp"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.6])
def test_a_truncated_file_is_named(tmp_path, name, keep):
    Image.fromarray(noise(40, 40, 1)).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(HostError) as caught:
        folder(tmp_path, [name]).read(np.array([0]))
    assert caught.value.code == "F2C6104"
    assert str(tmp_path / name) in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(HostError, match=r"notes\.png cannot be decoded") as caught:
        folder(tmp_path, ["notes.png"]).read(np.array([0]))
    assert caught.value.code == "F2C6104"


def test_a_missing_folder_is_named_when_the_source_is_opened(tmp_path):
    with pytest.raises(HostError, match="nowhere does not exist") as caught:
        folder(tmp_path / "nowhere", ["a.png"])
    assert caught.value.code == "F2C6102"


@pytest.mark.parametrize(
    "changes",
    [{"index": None}, {"people": 3}, {"fit": "pad"}, {"channels": 4}, {"height": 0}, {"width": "wide"}],
)
def test_a_wrong_spec_is_refused(tmp_path, changes):
    with pytest.raises(HostError) as caught:
        folder(tmp_path, ["a.png"], **changes)
    assert caught.value.code == "F2C6101"


def test_an_index_outside_the_list_is_an_error(tmp_path):
    with pytest.raises(HostError) as caught:
        folder(tmp_path, ["a.png"]).read(np.array([1]))
    assert caught.value.code == "F2C6105"


@pytest.mark.skipif(not ORL.is_dir(), reason="the ORL faces are not beside this checkout")
def test_the_orl_faces_give_their_published_raw_pixel_baseline():
    """Genuine pairs of s31 to s40 and as many impostors: the data's notes say 0.844 at the best threshold."""
    files = [f"s{person}/{number}.pgm" for person in range(31, 41) for number in range(1, 11)]
    source = folder(ORL, files, channels=1, height=112, width=92)
    images = source.read(np.arange(100))
    first = (ORL / files[0]).read_bytes()
    assert images[0].numpy().tobytes() == first[-112 * 92 :]
    x = images.flatten(1).double()
    x = x - x.mean(1, keepdim=True)
    x = x / x.norm(dim=1, keepdim=True)
    similarity = x @ x.T
    pairs = [(a, b) for a in range(100) for b in range(a + 1, 100)]
    genuine = np.array([similarity[a, b].item() for a, b in pairs if a // 10 == b // 10])
    others = np.array([similarity[a, b].item() for a, b in pairs if a // 10 != b // 10])
    impostor = np.random.default_rng(0).choice(others, len(genuine), replace=False)
    assert len(genuine) == 450
    scores = np.concatenate([genuine, impostor])
    accuracy = max(((genuine >= t).sum() + (impostor < t).sum()) / 900 for t in scores)
    # Which impostors were drawn moves it by about a hundredth.
    assert accuracy == pytest.approx(0.844, abs=0.03)


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of its header and these chunks."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (header, *chunks, (b"IEND", b""))
    )


# Headers alone: to decode any of them would say that it is broken.
HUGE = {
    "a.png": lambda side: png(side, side, (b"IDAT", b"")),
    "a.pgm": lambda side: b"P5 %d %d 255\n" % (side, side),
    "a.bmp": lambda side: (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, *6 * (0,))
    ),
}


# 64 million pixels are 8,000 x 8,000; Pillow would warn from 9,459 on, and call it an attack from 13,378 on.
@pytest.mark.parametrize("side", [8001, 9500, 13000, 16000, 30000])
@pytest.mark.parametrize("name", HUGE)
@pytest.mark.filterwarnings("error")
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, name, side):
    (tmp_path / name).write_bytes(HUGE[name](side))
    with pytest.raises(
        HostError, match=rf"F2C6110: image \S+{name} is {side} x {side}: .*64\.0 million"
    ) as told:
        read_one(tmp_path, name)
    assert "`maxPixels`" in told.value.hint


def test_the_bound_on_pixels_is_an_option_of_the_source(tmp_path):
    Image.fromarray(noise(100, 100)).save(tmp_path / "a.png")
    assert read_one(tmp_path, "a.png", maxPixels=10_000).shape == (20, 30, 3)
    with pytest.raises(HostError, match="F2C6110"):
        read_one(tmp_path, "a.png", maxPixels=9_999)
    with pytest.raises(HostError, match="F2C6101: image_folder: maxPixels is 0"):
        read_one(tmp_path, "a.png", maxPixels=0)


def test_a_jpeg_counts_with_the_size_at_which_it_is_decoded(tmp_path):
    large = Image.fromarray(noise(800, 1200))
    large.save(tmp_path / "a.jpg")
    large.save(tmp_path / "b.jpg", progressive=True)
    # A half, a quarter or an eighth; at least twice the target: 800 x 1200 becomes 100 x 150.
    assert read_one(tmp_path, "a.jpg", maxPixels=15_000).shape == (20, 30, 3)
    with pytest.raises(HostError, match=r"F2C6110: image .* is 150 x 100: "):
        read_one(tmp_path, "a.jpg", maxPixels=14_999)
    with pytest.raises(HostError, match=r"F2C6110: image .* is 1200 x 800: "):
        read_one(tmp_path, "b.jpg", maxPixels=15_000)


def test_a_text_in_a_png_that_unpacks_to_far_more_is_a_broken_image(tmp_path):
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000))
    pixels = zlib.compress(20 * (b"\0" + 30 * b"\7"))
    (tmp_path / "a.png").write_bytes(png(30, 20, (b"zTXt", text), (b"IDAT", pixels)))
    with pytest.raises(
        HostError, match=r"F2C6104: image \S+a\.png cannot be decoded: Decompressed data too large"
    ):
        read_one(tmp_path, "a.png")
