"""Image files in a folder, decoded by Pillow in threads: PGM, PNG, JPEG, WebP, BMP."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from f2c_host.data.image_cache import ImageCache
from f2c_host.data.source_spec import bad_spec, checked_indices, one_of, whole
from f2c_host.errors import HostError

_KIND = "image_folder"
_FORMATS = ("PPM", "PNG", "JPEG", "WEBP", "BMP")
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


class ImageFolder:
    """The files of a list, in the list's order, fitted to one size.

    spec: root, files (paths below root), channels (1 or 3), height, width, fit ("crop" keeps the proportions
    and cuts the middle out, "stretch" keeps the whole picture), cacheBytes (512 MiB unless told).
    """

    def __init__(self, spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> None:
        root, files = spec.get("root"), spec.get("files")
        if (
            not isinstance(root, str)
            or not isinstance(files, list)
            or not files
            or not all(map(_is_text, files))
        ):
            raise bad_spec(
                _KIND, "root or files is missing", "give the folder as root and a list of paths as files"
            )
        self._root = Path(root)
        if not self._root.is_dir():
            raise HostError(
                "F2C6102",
                f"image folder {self._root.absolute()} does not exist",
                hint="check the path, or mount the data set; a relative path starts where the host runs",
            )
        self._files = files
        self._channels = one_of(spec, "channels", (1, 3))
        self._crop = one_of(spec, "fit", ("crop", "stretch")) == "crop"
        self._height = whole(spec, "height", 1, 4096)
        self._width = whole(spec, "width", 1, 4096)
        self.shape = (self._channels, self._height, self._width)
        cache_bytes = whole(spec, "cacheBytes", 0, 2**53, default=512 * 2**20)
        self._cache = ImageCache(len(files), self.shape, cache_bytes)

    def __len__(self) -> int:
        return len(self._files)

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images uint8 [n, channels, height, width]; raises HostError naming a missing or broken file."""
        return self._cache.read(checked_indices(_KIND, indices, len(self)), self._decode_all)

    def _decode_all(self, indices: np.ndarray) -> np.ndarray:
        paths = [self._root / self._files[index] for index in indices.tolist()]
        images = map(self._decode, paths) if len(paths) == 1 else _decoders().map(self._decode, paths)
        return np.stack(list(images))

    def _decode(self, path: Path) -> np.ndarray:
        try:
            with Image.open(path, formats=_FORMATS) as file:
                return self._fit(file)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise HostError(
                "F2C6103",
                f"image {path} does not exist",
                hint="put the file back or leave it out of the experiment's list of files",
            ) from error
        except Exception as error:  # what a decoder raises over broken bytes is not one family
            raise HostError(
                "F2C6104",
                f"image {path} cannot be decoded: {error}",
                hint="the file is broken, truncated, unreadable or not PGM, PNG, JPEG, WebP or BMP: "
                "replace it or leave it out",
            ) from error

    def _fit(self, file: Image.Image) -> np.ndarray:
        wide, high = self._width, self._height
        if file.getexif().get(_ORIENTATION) in _SIDEWAYS:
            wide, high = high, wide
        # A JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time; twice the size keeps the quality.
        scale = max(wide / file.width, high / file.height) if self._crop else None
        needed = (file.width * scale, file.height * scale) if scale else (wide, high)
        file.draft(None, (int(2 * needed[0]) + 1, int(2 * needed[1]) + 1))
        image = self._coloured(ImageOps.exif_transpose(file))
        box = self._middle(image.width, image.height) if self._crop else (0, 0, image.width, image.height)
        image = image.resize((self._width, self._height), Image.Resampling.BILINEAR, box=box)
        pixels = np.asarray(image)
        return pixels[None] if self._channels == 1 else pixels.transpose(2, 0, 1)

    def _coloured(self, image: Image.Image) -> Image.Image:
        if image.mode.startswith("I"):
            # Sixteen bits; Pillow's own conversion would cut off everything above 255.
            image = Image.fromarray(
                (np.asarray(image).astype(np.uint32) // 257).clip(0, 255).astype(np.uint8)
            )
        if image.mode == "P":
            image = image.convert("RGBA")
        return image.convert("L" if self._channels == 1 else "RGB")

    def _middle(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The largest box of the target's proportions around the centre: left, top, right, bottom."""
        box_width = min(float(width), height * self._width / self._height)
        box_height = min(float(height), width * self._height / self._width)
        left, top = (width - box_width) / 2, (height - box_height) / 2
        return left, top, left + box_width, top + box_height


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@lru_cache(maxsize=1)
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="decode")
