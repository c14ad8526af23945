"""What a picture file holds, as eight-bit grey or RGB that looks as the picture does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

# What shows through where a picture is transparent: the grey that a net sees as 0, and that `erase` leaves too.
BACKGROUND = 128

_GREY_OR_RGB = ("L", "RGB")
_SIXTEEN = 2**16 - 1


class Seen(NamedTuple):
    """A picture of mode L or RGB, and what had to be guessed or left out to show it."""

    image: Image.Image
    transparent: bool = False
    # The bits that its brightest value fills, of a file with sixteen a channel that does not say what white is.
    bits: int = 0


class Deep(NamedTuple):
    """Samples of more than eight bits: [H, W] or [H, W, 3], with the value that is white, and the opacity."""

    samples: np.ndarray
    white: int = _SIXTEEN
    opacity: np.ndarray | None = None
    # Whether the file itself says that `white` is white, and nothing has to be guessed.
    stated: bool = False

    @property
    def bits_filled(self) -> int:
        """The bits that the brightest value fills."""
        return int(self.samples.max(initial=0)).bit_length()


def is_deep(file: Image.Image) -> bool:
    """Whether the file holds more than eight bits a channel. Of an image that was not loaded yet."""
    return file.mode.startswith("I") or _raw_mode(file).endswith(";16B") or _is_deep_netpbm(file)


def as_seen(file: Image.Image) -> Seen:
    """A picture of eight bits a channel in mode L or RGB.

    Transparent parts show BACKGROUND: what colours lie hidden there is an accident of the program that wrote them.
    """
    if not _has_transparency(file):
        # CMYK is stored inverted, as Adobe does; Pillow has undone that.
        return Seen(file if file.mode in _GREY_OR_RGB else file.convert(_target(file.mode)))
    grey = file.mode in ("1", "L", "LA", "La")
    image = file.convert("LA" if grey else "RGBA")
    opacity = image.getchannel("A")
    if opacity.getextrema()[0] == 255:
        return Seen(image.convert("L" if grey else "RGB"))
    shown = Image.new("L" if grey else "RGB", image.size, BACKGROUND if grey else (BACKGROUND,) * 3)
    shown.paste(image.convert(shown.mode), mask=opacity)
    return Seen(shown, transparent=True)


def deep_samples(file: Image.Image) -> Deep:
    """All bits of a file that has more than eight a channel, which Pillow would cut or, in a plain loop, scale."""
    codec, white = _netpbm(file)
    if _is_deep_netpbm(file):
        return Deep(_netpbm_samples(file), white, stated=white != _SIXTEEN)
    raw, key = _raw_mode(file), file.info.get("transparency")
    if raw == "LA;16B":
        # Read as if each byte were a channel: grey high, grey low, opacity high, opacity low.
        planes = _read_as(file, "RGBA").astype(np.uint16)
        return Deep(planes[..., 0] << 8 | planes[..., 1], opacity=planes[..., 2].astype(np.uint8))
    if raw in ("RGB;16B", "RGBA;16B"):
        # Pillow keeps the high bytes. Read as little-endian, the same file gives the low ones.
        low = _read_as(file, raw.replace("16B", "16L"))
        high = _read_as(file, raw)
        samples = high.astype(np.uint16) << 8 | low
        if raw == "RGBA;16B":
            return Deep(samples[..., :3], opacity=high[..., 3])
        return Deep(samples, opacity=_opaque_but(samples, key))
    samples = np.asarray(file).clip(0, _SIXTEEN).astype(np.uint16)
    # Pillow has scaled what a plain PGM says is white.
    return Deep(samples, opacity=_opaque_but(samples, key), stated=codec == "ppm_plain" and white != _SIXTEEN)


def bits_of_a_camera(filled: int) -> int:
    """The least of 8, 10, 12, 14 and 16 bits that hold so many: what sensors and their programs write."""
    return max(8, filled + filled % 2)


def deep_as_seen(deep: Deep, bits_of: Callable[[int], int]) -> Seen:
    """The same of more than eight bits a channel. `bits_of(filled)`: how many of sixteen bits hold brightness, where
    the brightest value fills so many."""
    filled = 0 if deep.stated else deep.bits_filled
    white = deep.white if deep.stated else 2 ** bits_of(filled) - 1
    shown = (deep.samples.astype(np.uint32) * 255 // white).clip(0, 255).astype(np.uint8)
    transparent = deep.opacity is not None and int(deep.opacity.min(initial=255)) < 255
    if transparent:
        share = deep.opacity.astype(np.uint32)
        if shown.ndim == 3:
            share = share[..., None]
        shown = ((shown * share + BACKGROUND * (255 - share) + 127) // 255).astype(np.uint8)
    return Seen(Image.fromarray(shown), transparent, filled)


def _opaque_but(samples: np.ndarray, key: object) -> np.ndarray | None:
    """Opacity of a file that names one colour as transparent."""
    if not isinstance(key, int | tuple):
        return None
    hidden = samples == np.array(key)
    return np.where(hidden.all(-1) if samples.ndim == 3 else hidden, 0, 255).astype(np.uint8)


def _has_transparency(file: Image.Image) -> bool:
    return file.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in file.info


def _target(mode: str) -> str:
    return "L" if mode == "1" else "RGB"


def _raw_mode(file: Image.Image) -> str:
    """How the file's own bytes are laid out, in Pillow's words; empty once it was loaded."""
    arguments = file.tile[0][3] if getattr(file, "tile", None) else ""
    if isinstance(arguments, tuple):
        arguments = arguments[0] if arguments else ""
    return arguments if isinstance(arguments, str) else ""


def _read_as(file: Image.Image, raw: str) -> np.ndarray:
    """The file's samples as the raw mode `raw`, of as many bits a pixel, unpacks them."""
    with Image.open(_from_its_start(file), formats=[file.format]) as again:
        codec, extents, offset, _ = again.tile[0]
        again._mode = raw.split(";")[0]
        again.tile = [getattr(type(again.tile[0]), "_make", tuple)((codec, extents, offset, raw))]
        return np.array(again)


def _from_its_start(file: Image.Image):
    file.fp.seek(0)
    return file.fp


def _netpbm(file: Image.Image) -> tuple[str, int]:
    """Which of Pillow's readers a PGM or PPM with a scale of its own needs, and the value that is white in it."""
    if not getattr(file, "tile", None):
        return "", 0
    codec, _, _, arguments = file.tile[0]
    return (codec, arguments[1]) if codec in ("ppm", "ppm_plain") else ("", 0)


def _is_deep_netpbm(file: Image.Image) -> bool:
    codec, white = _netpbm(file)
    return codec == "ppm" and white > 255


def _netpbm_samples(file: Image.Image) -> np.ndarray:
    wide, high = file.size
    (_, _, offset, arguments) = file.tile[0]
    channels = 3 if arguments[0] == "RGB" else 1
    size = wide * high * channels * 2
    file.fp.seek(offset)
    data = file.fp.read(size)
    if len(data) < size:
        raise OSError("image file is truncated")
    samples = np.frombuffer(data, ">u2").astype(np.uint16)
    return samples.reshape((high, wide, 3) if channels == 3 else (high, wide))
