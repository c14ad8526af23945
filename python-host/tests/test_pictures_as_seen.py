"""Pictures of every kind look as they do in a viewer: expected values are worked out by hand, from the formats' own words."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from indexed import index_spec
from PIL import Image

from f2c_host.data import open_source

HIGH, WIDE = 12, 16
GREY, GREY_ALPHA, COLOUR, COLOUR_ALPHA = 0, 4, 2, 6  # the colour types of PNG
BACKGROUND = 128


def noise(*shape: int, top: int = 256) -> np.ndarray:
    return np.random.default_rng(7).integers(0, top, (HIGH, WIDE, *shape))


def deep_png(samples: np.ndarray, kind: int, transparent: bytes = b"") -> bytes:
    """A PNG of 16 bits a channel, written by hand (PNG specification, 3rd edition, section 11), without filters."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tRNS", transparent) if transparent else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def source(root: Path, files: list[str], **changes):
    spec = {
        "kind": "image_folder",
        **index_spec(root, files),
        "channels": 3,
        "height": HIGH,
        "width": WIDE,
        "fit": "crop",
    }
    return open_source({**spec, **changes}, {})


def seen(root: Path, data: bytes | Image.Image, name: str = "a.png", **changes) -> np.ndarray:
    """What training sees of one file, [H, W, C]."""
    if isinstance(data, Image.Image):
        data.save(root / name)
    else:
        (root / name).write_bytes(data)
    return source(root, [name], **changes).read(np.array([0]))[0].permute(1, 2, 0).numpy().astype(int)


def over_background(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Porter and Duff's `over`, on the background."""
    share = alpha[..., None] / 255
    return colours * share + BACKGROUND * (1 - share)


class TestTransparency:
    def test_what_lies_hidden_is_grey_and_what_shows_is_itself(self, tmp_path):
        pixels = noise(4)
        pixels[: HIGH // 2] = (255, 0, 255, 0)
        pixels[HIGH // 2 :, :, 3] = 255
        picture = seen(tmp_path, Image.fromarray(pixels.astype(np.uint8)))
        assert np.unique(picture[: HIGH // 2]).tolist() == [BACKGROUND]
        assert np.array_equal(picture[HIGH // 2 :], pixels[HIGH // 2 :, :, :3])

    @pytest.mark.parametrize("name", ["a.png", "a.webp"])
    def test_what_shows_in_part_is_mixed(self, tmp_path, name):
        pixels = np.empty((HIGH, WIDE, 4), np.uint8)
        pixels[:] = (200, 40, 90, 255)
        pixels[:, :, 3] = np.linspace(1, 255, WIDE)
        if name == "a.webp":
            Image.fromarray(pixels).save(tmp_path / name, lossless=True, exact=True)
            picture = seen(tmp_path, (tmp_path / name).read_bytes(), name)
        else:
            picture = seen(tmp_path, Image.fromarray(pixels), name)
        assert np.abs(picture - over_background(pixels[..., :3], pixels[..., 3])).max() <= 1

    def test_grey_with_alpha(self, tmp_path):
        pixels = noise(2).astype(np.uint8)
        picture = seen(tmp_path, Image.fromarray(pixels, "LA"), channels=1)
        assert np.abs(picture - over_background(pixels[..., :1], pixels[..., 1])).max() <= 1

    def test_a_palette_with_a_transparent_entry(self, tmp_path):
        image = Image.new("P", (WIDE, HIGH), 0)
        image.putpalette([255, 0, 255, 10, 20, 30])
        image.paste(1, (0, 0, WIDE, HIGH // 2))
        image.save(tmp_path / "a.png", transparency=0)
        picture = seen(tmp_path, (tmp_path / "a.png").read_bytes())
        assert np.unique(picture[: HIGH // 2].reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]
        assert np.unique(picture[HIGH // 2 :]).tolist() == [BACKGROUND]

    def test_one_colour_that_is_named_transparent(self, tmp_path):
        pixels = np.full((HIGH, WIDE, 3), (255, 0, 255), np.uint8)
        pixels[:, :5] = (9, 8, 7)
        Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(255, 0, 255))
        picture = seen(tmp_path, (tmp_path / "a.png").read_bytes())
        assert np.unique(picture[:, :5].reshape(-1, 3), axis=0).tolist() == [[9, 8, 7]]
        assert np.unique(picture[:, 5:]).tolist() == [BACKGROUND]


class TestCmyk:
    def test_ink_is_read_as_seen(self, tmp_path):
        """Adobe's CMYK JPEGs are stored inverted. Red is 1 less cyan, of what the black ink leaves, and so on."""
        inks = np.empty((HIGH, WIDE, 4), np.uint8)
        inks[:] = (30, 120, 200, 60)
        Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100)
        assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()[:200]
        picture = seen(tmp_path, (tmp_path / "a.jpg").read_bytes(), "a.jpg")
        light = 1 - inks[0, 0].astype(float) / 255
        assert np.abs(picture - 255 * light[:3] * light[3]).max() <= 3


class TestTwelveBits:
    """Values of 0..4095 in the low bits of sixteen: a scale of 255 / 4095."""

    @pytest.mark.parametrize("kind", [GREY, COLOUR])
    def test_a_png_is_as_bright_as_it_was_taken(self, tmp_path, kind):
        samples = noise(*((3,) if kind == COLOUR else ()), top=4096)
        picture = seen(tmp_path, deep_png(samples, kind))
        expected = samples[..., None] if kind == GREY else samples
        assert np.abs(picture - expected * (255 / 4095)).max() <= 1

    @pytest.mark.parametrize("kind", [GREY_ALPHA, COLOUR_ALPHA])
    def test_so_is_one_with_alpha(self, tmp_path, kind):
        samples = noise(4 if kind == COLOUR_ALPHA else 2, top=4096)
        samples[..., -1] = noise(top=65536)
        picture = seen(tmp_path, deep_png(samples, kind))
        expected = over_background(samples[..., :-1] * (255 / 4095), samples[..., -1] / 257)
        assert np.abs(picture - expected).max() <= 2

    def test_a_ppm_that_calls_65535_white(self, tmp_path):
        samples = noise(3, top=4096)
        header = b"P6 %d %d 65535\n" % (WIDE, HIGH)
        picture = seen(tmp_path, header + samples.astype(">u2").tobytes(), "a.ppm")
        assert np.abs(picture - samples * (255 / 4095)).max() <= 1

    def test_a_dark_picture_among_bright_ones_stays_dark(self, tmp_path):
        bright, dark = noise(top=4096), noise(top=200)
        (tmp_path / "bright.png").write_bytes(deep_png(bright, GREY))
        (tmp_path / "dark.png").write_bytes(deep_png(dark, GREY))
        for files in (["bright.png", "dark.png"], ["dark.png", "bright.png"]):
            images = source(tmp_path, files, channels=1).read(np.array([0, 1])).numpy()[:, 0]
            assert images[files.index("dark.png")].max() <= 200 * 255 / 4095

    def test_sixteen_bits_stay_sixteen(self, tmp_path):
        samples = noise(3, top=65536)
        assert np.abs(seen(tmp_path, deep_png(samples, COLOUR)) - samples / 257).max() <= 1

    def test_the_option_says_it_once_for_all(self, tmp_path):
        samples = noise(top=900)
        picture = seen(tmp_path, deep_png(samples, GREY), channels=1, bits=12)[..., 0]
        assert np.abs(picture - samples * (255 / 4095)).max() <= 1
        above = seen(tmp_path, deep_png(samples + 300, GREY), channels=1, bits=10)[..., 0]
        assert np.abs(above - ((samples + 300) * (255 / 1023)).clip(0, 255)).max() <= 1

    def test_one_colour_that_is_named_transparent(self, tmp_path):
        samples = noise(top=4000)
        samples[:3] = 4095
        picture = seen(tmp_path, deep_png(samples, GREY, struct.pack(">H", 4095)), channels=1)[..., 0]
        assert np.unique(picture[:3]).tolist() == [BACKGROUND]
        assert np.abs(picture[3:] - samples[3:] * (255 / 4095)).max() <= 1


class TestNetpbm:
    """A PGM or PPM names the value that is white (maxval)."""

    @pytest.mark.parametrize("white", [1023, 4095, 300])
    @pytest.mark.parametrize("magic", [b"P5", b"P6"])
    def test_white_is_what_the_file_says(self, tmp_path, white, magic):
        # None is brighter than a fifth of white: nothing may be guessed here.
        samples = noise(*((3,) if magic == b"P6" else ()), top=white // 5)
        header = b"%s\n# by hand\n%d %d\n%d\n" % (magic, WIDE, HIGH, white)
        picture = seen(tmp_path, header + samples.astype(">u2").tobytes(), "a.ppm")
        expected = samples if magic == b"P6" else samples[..., None]
        assert np.abs(picture - expected * (255 / white)).max() <= 1

    def test_also_where_the_numbers_are_written_out(self, tmp_path):
        samples = noise(top=60)
        text = f"P2\n{WIDE} {HIGH}\n1023\n" + " ".join(map(str, samples.ravel()))
        picture = seen(tmp_path, text.encode(), "a.pgm", channels=1)[..., 0]
        assert np.abs(picture - samples * (255 / 1023)).max() <= 1


class TestChannelOrder:
    def test_swapped_channels_are_put_right(self, tmp_path):
        pixels = noise(3).astype(np.uint8)
        picture = seen(tmp_path, Image.fromarray(pixels[..., ::-1].copy()), channelOrder="bgr")
        assert np.array_equal(picture, pixels)

    def test_before_colour_turns_grey(self, tmp_path):
        stored = np.full((HIGH, WIDE, 3), (50, 100, 200), np.uint8)  # of RGB 200, 100, 50
        picture = seen(tmp_path, Image.fromarray(stored), channels=1, channelOrder="bgr")
        # ITU-R 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
        assert np.unique(picture).tolist() == [124]

    def test_deep_colours_too(self, tmp_path):
        samples = noise(3, top=65536)
        picture = seen(tmp_path, deep_png(samples[..., ::-1], COLOUR), channelOrder="bgr")
        assert np.abs(picture - samples / 257).max() <= 1


# EXIF 2.32, 4.6.4 A: where the stored 0th row and 0th column lie in the upright picture.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: upright.T[::-1],
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: upright.T[:, ::-1],
}


@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_stands_upright_whichever_way_the_camera_was_held(tmp_path, orientation):
    upright = noise().astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))).save(data, "PNG", exif=exif)
    assert np.array_equal(seen(tmp_path, data.getvalue(), channels=1)[..., 0], upright)
