"""WebDataset: tar archives in which the files of a sample stand side by side and are called alike up to the first dot.

How names are divided is webdataset's own rule (webdataset, tariterators.py, `base_plus_ext`).
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .index_builder import IndexBuilder
from .mapped import mapped
from .refusals import unsuitable
from .tar_members import Member, TarFile

_IMAGES = ("jpg", "jpeg", "png", "webp", "bmp", "ppm", "pgm")
_NAME = re.compile(rb"((?:.*/|)[^.]+)[.]([^/]*)", re.DOTALL)
# Samples that are told of together; bytes of a label, of a member that holds one among others; endings that a message lists.
_ROWS, _LONGEST_LABEL, _LONGEST_JSON, _ENDINGS = 1 << 16, 1 << 10, 1 << 24, 20
_LONGEST_IMAGE = (1 << 31) - 1


def scan(spec: dict[str, Any], into: IndexBuilder) -> None:
    """spec: `paths` of the archives, `label`: where a sample's identity stands (`cls`, `json:identity`, `folder`), perhaps
    `images`: the endings of images, the one that is wanted most first."""
    samples = _Samples(spec, into)
    for path in spec["paths"]:
        shard = into.shard(path)
        with mapped(path) as data:
            for member in TarFile(path, data).members():
                samples.member(path, shard, data, member)
            samples.close()
    samples.finish()


class _Sample:
    """Files of one name."""

    def __init__(self, key: bytes, shard: int) -> None:
        self.key, self.shard = key, shard
        self.images: dict[str, tuple[int, int]] = {}
        self.label: bytes | None = None


class _Samples:
    def __init__(self, spec: dict[str, Any], into: IndexBuilder) -> None:
        self._into, self._paths = into, spec["paths"]
        self._wanted: tuple[str, ...] | None = tuple(spec["images"]) if "images" in spec else None
        self._told = spec["label"]
        self._label_ending, _, self._field = self._told.partition(":")
        self._read: Callable[[bytes], bytes | None] = self._in_json if self._field else _as_text
        self._longest = _LONGEST_JSON if self._field else _LONGEST_LABEL
        self._open: _Sample | None = None
        self._rows: list[tuple[bytes, bytes, int, int, int]] = []
        self._endings: dict[str, None] = {}
        self._taken = self._unlabelled = self._without_image = self._links = 0

    def member(self, path: str, shard: int, data: mmap.mmap, member: Member) -> None:
        if not member.is_file:
            self._links += 1
            return
        divided = _NAME.fullmatch(member.name)
        if divided is None:
            return
        key, ending = divided[1], divided[2].lower().decode(errors="backslashreplace")
        if self._open is None or self._open.key != key:
            self.close()
            self._open = _Sample(key, shard)
            if self._told == "folder":
                self._open.label = key.rpartition(b"/")[0].removeprefix(b"./") or None
        if len(self._endings) < _ENDINGS:
            self._endings[ending] = None
        if ending == self._label_ending:
            if member.length <= self._longest:
                self._open.label = self._read(data[member.at : member.at + member.length])
        elif ending in self._wanted if self._wanted else ending.rpartition(".")[2] in _IMAGES:
            if ending in self._open.images:
                raise unsuitable(
                    path,
                    f"two files of one sample are called {member.name.decode(errors='backslashreplace')}",
                    "give each sample a name of its own",
                )
            if member.length > _LONGEST_IMAGE:
                raise unsuitable(
                    path,
                    f"{member.name.decode(errors='backslashreplace')} has {member.length:,} bytes",
                    "leave it out: an image has less than 2 GiB",
                )
            self._open.images[ending] = member.at, member.length

    def _in_json(self, data: bytes) -> bytes | None:
        """The field of an object, or of one within it (`person.id`)."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return None
        for name in self._field.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            return None
        return _as_text(str(value).encode(errors="surrogatepass"))

    def close(self) -> None:
        """Takes the sample that is open, if it is whole."""
        sample, self._open = self._open, None
        if sample is None:
            return
        if not sample.images:
            self._without_image += 1
        elif sample.label is None:
            self._unlabelled += 1
        else:
            self._taken += 1
            name = (
                sample.key.rpartition(b"/")[2] if self._told == "folder" else sample.key.removeprefix(b"./")
            )
            self._rows.append((sample.label, name, sample.shard, *self._image(sample)))
            if len(self._rows) == _ROWS:
                self._add()

    def _image(self, sample: _Sample) -> tuple[int, int]:
        if self._wanted:
            return next(sample.images[ending] for ending in self._wanted if ending in sample.images)
        if len(sample.images) > 1:
            endings = list(sample.images)
            raise unsuitable(
                self._paths[sample.shard],
                f"sample {sample.key.decode(errors='backslashreplace')} holds several images: {', '.join(endings)}",
                f'say which: `image: "{endings[0]}"`',
            )
        return next(iter(sample.images.values()))

    def _add(self) -> None:
        if self._rows:
            labels, names, *places = zip(*self._rows, strict=True)
            self._into.add(labels, names, *map(np.array, places))
            self._rows = []

    def finish(self) -> None:
        self._add()
        samples = self._taken + self._unlabelled + self._without_image
        if samples and not self._taken:
            self._refuse_all(samples)
        for number, what in (
            (self._unlabelled, f"samples without a label ({self._told})"),
            (self._without_image, "samples without an image"),
            (self._links, "links and devices"),
        ):
            if number:
                self._into.notes.append(f"{number:,} {what}")

    def _refuse_all(self, samples: int) -> None:
        endings = ", ".join(self._endings)
        if self._unlabelled:
            raise unsuitable(
                self._paths[0],
                f"none of {samples:,} samples has an image and a label ({self._told}) side by side; they hold {endings}",
                'say where the label stands, as `label: "cls"`, "json:identity" or "folder"; the files of a sample have to '
                "follow each other, as `tar --sort=name` packs them",
            )
        raise unsuitable(
            self._paths[0],
            f"none of {samples:,} samples has an image, but {endings}",
            'say what images end in, as `image: "jpg"`',
        )


def _as_text(data: bytes) -> bytes | None:
    """A number or a name of one line."""
    text = data.strip()
    return text if text and b"\n" not in text and len(text) <= _LONGEST_LABEL else None
