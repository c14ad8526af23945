"""Encoded images of any origin, decoded in threads and fitted to one size: JPEG, PNG, WebP, BMP, PGM and PPM.

Where the bytes lie is told by `EncodedFiles`: files in folders, or pieces of large ones.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from typing import Any, BinaryIO

import numpy as np
import simplejpeg
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from f2c_host.data.colours import as_seen, bits_of_a_camera, deep_as_seen, deep_samples, is_deep
from f2c_host.data.file_contents import what_it_is
from f2c_host.data.image_cache import ImageCache
from f2c_host.data.inspection import Examined, Inspection, inspect_each
from f2c_host.data.jpeg_header import plain_jpeg
from f2c_host.data.placing import placing_of
from f2c_host.data.source import Source
from f2c_host.data.source_spec import checked_indices, one_of, whole
from f2c_host.errors import HostError

_FORMATS = ("PPM", "PNG", "JPEG", "WEBP", "BMP")
_ORIENTATION = 0x0112
_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "F"))
# How a picture is turned that the camera stored so: its EXIF orientation, and the turn that makes it upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
# The largest cameras that people carry have 50 to 61 megapixels; in colour this is 192 MB, in each of eight threads.
_MAX_PIXELS = 64_000_000
# Pillow's own bound would warn or refuse in other words, whatever `maxPixels` says.
Image.MAX_IMAGE_PIXELS = None
# Files that are looked at to learn how many of their sixteen bits hold brightness.
_SAMPLE = 32
# A file that is longer is not read at once.
AT_ONCE = 1 << 22
_THREADS = min(8, os.cpu_count() or 1)
# Errors of the operating system for which the file is at fault, and those that decoders raise, which have no number.
_OF_THE_FILE = (None, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)

_log = logging.getLogger(__name__)


class BrokenImage(HostError):
    """The file's content, or the right to read it, is at fault: reading it again cannot help."""


class EncodedFiles(ABC):
    """Where the images of a set lie, by position."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def opened(self, index: int) -> BinaryIO:
        """The bytes of an image, which may be many. Raises OSError, or BrokenImage where there is nothing to be read."""

    @abstractmethod
    def read(self, index: int) -> bytes | None:
        """The same at once; None where they are more than `AT_ONCE`."""

    @abstractmethod
    def shown(self, index: int) -> str:
        """The image's name, for people."""

    @abstractmethod
    def name(self, index: int) -> str:
        """The image's name in lists: without the place where all lie."""

    @abstractmethod
    def ends_of_identities(self) -> np.ndarray:
        """i64: for each identity the position after its last image."""


class EncodedImages(Source):
    """The images of `files`, fitted to one size.

    spec: channels (1 or 3), height, width, fit ("crop" keeps the proportions and cuts the middle out, "stretch" keeps the whole
    picture) or alignPoints and alignRounding (faces are placed by points: `placing_of`), cacheBytes (512 MiB unless told). May be
    there: channelOrder ("bgr": files hold blue where red belongs), bits (of a channel of 16 that hold brightness, 8..16; found
    from a sample of the files if absent), maxPixels (images that would decode to more are refused; 64 million if absent), broken
    ("skip": another image of the same identity stands in for one that is broken).
    """

    def __init__(self, spec: dict[str, Any], files: EncodedFiles) -> None:
        self._kind = spec["kind"]
        self._files = files
        self._channels = one_of(spec, "channels", (1, 3))
        self._swapped = one_of({"channelOrder": "rgb", **spec}, "channelOrder", ("rgb", "bgr")) == "bgr"
        self._skips = one_of({"broken": "error", **spec}, "broken", ("error", "skip")) == "skip"
        self._bits = None if spec.get("bits") is None else whole(spec, "bits", 8, 16)
        self._height = whole(spec, "height", 1, 4096)
        self._width = whole(spec, "width", 1, 4096)
        self.shape = (self._channels, self._height, self._width)
        self._placing = placing_of(spec, self._height, self._width, files.name)
        cache_bytes = whole(spec, "cacheBytes", 0, 2**53, default=512 * 2**20)
        self._max_pixels = whole(spec, "maxPixels", 1, 2**53, default=_MAX_PIXELS)
        # Pixel by pixel, as decoders give them: a view makes channels of them.
        self._rows = (self._height, self._width, self._channels)
        self._cache = ImageCache(len(files), self._rows, cache_bytes)
        self._ends = files.ends_of_identities() if self._skips else None
        self._changing = threading.Lock()
        # Images that were found broken, and those of the same identity that stand in for them.
        self._stand_ins: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._files)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images uint8 [n, channels, height, width], channels last in memory; HostError names a missing or broken file."""
        pixels = self._cache.read(checked_indices(self._kind, indices, len(self)), self._decode_all)
        return pixels.permute(0, 3, 1, 2)

    def inspect(self, indices: np.ndarray) -> Inspection:
        """Reads every image and says what was found; never an error of one image, and nothing stands in for it."""
        wanted = checked_indices(self._kind, indices, len(self)).tolist()
        return inspect_each(self._examine, wanted, _decoders().map)

    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        """Images that could not be decoded, of those that were read."""
        return np.fromiter((index in self._stand_ins for index in indices.tolist()), np.bool_, len(indices))

    def _decode_all(self, indices: np.ndarray) -> np.ndarray:
        pixels = np.empty((len(indices), *self._rows), np.uint8)
        places = list(enumerate(indices.tolist()))
        read = self._decode_or_stand_in if self._skips else self._decode

        def fill(part: Sequence[tuple[int, int]]) -> None:
            for place, index in part:
                read(index, pixels[place])

        if len(places) == 1:
            fill(places)
        else:
            # What each thread is given is decoded in one go: handing out images one by one costs a tenth of decoding them.
            parts = [places[i::_THREADS] for i in range(_THREADS)]
            list(_decoders().map(fill, filter(None, parts)))
        return pixels

    def _decode(self, index: int, into: np.ndarray) -> None:
        try:
            data = self._files.read(index)
            done = data is not None and self._decode_plain(data, index, into)
        except Exception:  # whatever is wrong is found again below, and said
            done = False
        if not done:
            into[:] = self._examine(index).pixels.transpose(1, 2, 0)

    def _decode_plain(self, data: bytes, index: int, into: np.ndarray) -> bool:
        """The image, if the fast decoder gives the pixels that Pillow would; else nothing is done."""
        jpeg = plain_jpeg(data)
        if jpeg is None or jpeg.channels > self._channels or jpeg.width * jpeg.height > self._max_pixels:
            return False
        colours = "GRAY" if self._channels == 1 else "BGR" if self._swapped else "RGB"
        as_it_is = self._placing.keeps(jpeg.width, jpeg.height)
        least = None if as_it_is else self._placing.least(jpeg.width, jpeg.height, sideways=False)
        if least and jpeg.width // least[0] > 1 and jpeg.height // least[1] > 1:
            return False
        try:
            if as_it_is:
                simplejpeg.decode_jpeg(data, colours, buffer=into)
                return True
            seen = simplejpeg.decode_jpeg(data, colours)
        except ValueError:
            return False  # Pillow says what is wrong, or shows what there is.
        picture = Image.fromarray(seen[..., 0] if self._channels == 1 else seen)
        into[:] = self._placing.placed(picture, index).reshape(self._rows)
        return True

    def _examine(self, index: int) -> Examined:
        with self._blaming(index), self._files.opened(index) as data:
            size = data.seek(0, os.SEEK_END)
            data.seek(0)
            with _recognised(data) as file:
                if not isinstance(file, JpegImageFile) or file.info.get("progressive"):
                    # Others decode in full; a progressive JPEG keeps its coefficients in full size.
                    self._refuse_too_large(file, index)
                return self._fit(file, index, size)

    def _refuse_too_large(self, file: Image.Image, index: int) -> None:
        """Raises F2C6110 for an image that would decode to more than `maxPixels`; nothing of it is decoded yet."""
        pixels = file.width * file.height
        if pixels > self._max_pixels:
            raise BrokenImage(
                "F2C6110",
                f"image {self._files.shown(index)} is {file.width} x {file.height}: "
                f"{pixels / 1e6:,.1f} million pixels to decode, the source allows {self._max_pixels / 1e6:,.1f} million",
                hint="make the image smaller or leave it out; or raise `maxPixels` of the source, "
                "if the memory is there: 3 bytes a pixel in each of several threads",
            )

    def _decode_or_stand_in(self, index: int, into: np.ndarray) -> None:
        """The image, or the next one of its identity, in the order of the list and then from its beginning, that
        can be decoded: which one depends on the files alone, so that a resumed run sees the same."""
        if (known := self._stand_ins.get(index)) is not None:
            return self._decode(known, into)
        try:
            return self._decode(index, into)
        except BrokenImage as error:
            broken = error
        row = int(np.searchsorted(self._ends, index, side="right"))
        first, end = int(self._ends[row - 1]) if row else 0, int(self._ends[row])
        for other in [*range(index + 1, end), *range(first, index)]:
            try:
                self._decode(other, into)
            except BrokenImage:
                continue
            return self._report(index, other, broken)
        raise HostError(
            "F2C6113",
            f"none of the {end - first} images of an identity can be decoded, so that none can stand in: "
            f"{broken.message}",
            hint="list the broken images with f2c-dsl data check exp.ts --leave-out FILE, and name that file as "
            "`leaveOut` of the source: an identity that has no image left is left out too",
        ) from broken

    def _report(self, index: int, other: int, error: HostError) -> None:
        with self._changing:
            if index in self._stand_ins:
                return
            self._stand_ins[index] = other
            count = len(self._stand_ins)
        # One line for the first, and then ever more rarely.
        if count == 1:
            _log.warning(
                "%s; %s stands in for it, and so on for others (f2c-dsl data check lists them)",
                error.message,
                self._files.shown(other),
            )
        elif count in (10, 100, 1000, 10_000, 100_000):
            _log.warning("%d broken images so far; another of the same identity stands in for each", count)

    @contextlib.contextmanager
    def _blaming(self, index: int) -> Iterator[None]:
        """What is wrong with an image, while it is read or decoded, as a HostError."""
        try:
            yield
        except _Unrecognised as error:
            raise broken_image(self._files.shown(index), str(error)) from error
        except (HostError, MemoryError):
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            raise HostError(
                "F2C6103",
                f"image {self._files.shown(index)} does not exist",
                hint="put the file back or leave it out of the experiment's list of files",
            ) from error
        except OSError as error:
            if error.errno in _OF_THE_FILE:
                raise broken_image(self._files.shown(index), _in_words(error)) from error
            raise HostError(
                "F2C6115",
                f"image {self._files.shown(index)} cannot be read: {error.strerror}",
                kind="resource",
                hint="the disk, the network or a limit of this machine is at fault, not the image: "
                "mend that and resume",
            ) from error
        except Exception as error:  # what a decoder raises over broken bytes is not one family
            raise broken_image(self._files.shown(index), str(error) or type(error).__name__) from error

    def _fit(self, file: Image.Image, index: int, size: int) -> Examined:
        # First of all: a PNG is loaded, and its bits are cut, when it is asked for its orientation.
        deep = deep_samples(file) if is_deep(file) else None
        orientation = file.getexif().get(_ORIENTATION)
        width, height = file.size
        channels = 1 if file.mode in _GREY_MODES else 3
        file.draft(None, self._placing.least(width, height, orientation in _SIDEWAYS))
        self._refuse_too_large(file, index)
        seen = as_seen(file) if deep is None else deep_as_seen(deep, self._bits_of)
        image = self._coloured(seen.image)
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        pixels = self._placing.placed(image, index).reshape(self._rows).transpose(2, 0, 1)
        if orientation in _SIDEWAYS:
            width, height = height, width
        kind = file.format or ""
        return Examined(pixels, width, height, seen.transparent, seen.bits, kind, channels, size)

    def _coloured(self, image: Image.Image) -> Image.Image:
        if self._swapped and image.mode == "RGB":
            image = Image.merge("RGB", image.split()[::-1])
        mode = "L" if self._channels == 1 else "RGB"
        return image if image.mode == mode else image.convert(mode)

    def _bits_of(self, filled: int) -> int:
        return self._bits or max(self._sampled_bits, bits_of_a_camera(filled))

    @cached_property
    def _sampled_bits(self) -> int:
        """How many of sixteen bits the files use: one answer for all of them, so that a dark one stays dark."""
        filled = 0
        for index in np.linspace(0, len(self) - 1, min(_SAMPLE, len(self))).astype(int).tolist():
            with (
                contextlib.suppress(HostError),
                self._blaming(index),
                self._files.opened(index) as data,
                _recognised(data) as file,
            ):
                self._refuse_too_large(file, index)
                if is_deep(file):
                    deep = deep_samples(file)
                    filled = max(filled, 0 if deep.stated else deep.bits_filled)
        bits = bits_of_a_camera(filled)
        if bits < 16:
            _log.info(
                "files of 16 bits a channel seem to hold %d: `bits: %d` of the source says so for certain",
                bits,
                bits,
            )
        return bits


class _Unrecognised(Exception):
    """The bytes are no picture; the message says what they are."""


def _recognised(data: BinaryIO) -> Image.Image:
    try:
        return Image.open(data, formats=_FORMATS)
    except Image.UnidentifiedImageError as error:
        raise _Unrecognised(what_it_is(data)) from error


def broken_image(shown: str, why: str) -> BrokenImage:
    return BrokenImage(
        "F2C6104",
        f"image {shown} cannot be decoded: {why}",
        hint='mend or replace it; f2c-dsl data check exp.ts finds all that are broken, and `broken: "skip"` of '
        "the source shows another image of the same identity instead",
    )


def _in_words(error: OSError) -> str:
    # Pillow adds how much of its buffer was left, which says nothing about the file.
    return "it is cut off" if "truncated" in str(error) else error.strerror or str(error)


@lru_cache(maxsize=1)
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="decode")
