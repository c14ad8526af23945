"""The index of a data source, mapped: nothing of it is read before it is asked for.

A safetensors file: of a folder it is written by `dsl/data/index-file.ts`, of files that hold many images by
`scan/index_builder.py`, which say what stands in it.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from f2c_host.data.source_spec import bad_spec
from f2c_host.errors import HostError

_KIND = "f2c index"
_VERSION = "1"
_DTYPES = {"U8": np.uint8, "I32": np.int32, "I64": np.int64}
_LARGEST_HEADER = 1 << 24
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Places:
    """In which files images lie, and where in them."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        ends = arrays["shardEnds"]
        self.shards = [_part(arrays["shards"], ends, i) for i in range(len(ends) - 1)]
        self._shard, self._at, self._length = arrays.get("shard"), arrays["at"], arrays["length"]

    def of(self, position: int) -> tuple[int, int, int]:
        """The number of the file, where in it the image begins, and how many bytes it has."""
        shard = 0 if self._shard is None else int(self._shard[position])
        return shard, int(self._at[position]), int(self._length[position])


class IndexFile:
    """Images by position, among all of the index or some of its identities."""

    @staticmethod
    def of(spec: dict[str, Any]) -> IndexFile:
        """The index that a source's spec names. Raises F2C6101 where it names none, or nobody in it."""
        path, identifier = spec.get("index"), spec.get("indexId")
        if not (isinstance(path, str) and isinstance(identifier, str)):
            raise bad_spec(spec["kind"], "index or indexId is missing", "give the path of the index")
        index = IndexFile(path, identifier, _stretches(spec))
        if not len(index):
            raise bad_spec(spec["kind"], "people are none", "give stretches of identities with images")
        return index

    def __init__(self, path: str, identifier: str, people: Sequence[tuple[int, int]]) -> None:
        """`people`: stretches of identities, each from its first to before its end. Raises F2C6116 where the index is
        not there, is none, or is not the one that `identifier` names."""
        try:
            with open(path.encode(), "rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            arrays, facts = _arrays(data)
            if facts["kind"] != _KIND or facts["version"] != _VERSION or facts["id"] != identifier:
                raise ValueError("it is another one by now")
            self._keys = arrays.get("keys")
            self._names, self._name_ends = (
                (arrays["names"], arrays["nameEnds"]) if self._keys is None else (None, None)
            )
            self.facts = facts
            self.places = _Places(arrays) if "shards" in arrays else None
            self._identities, self._identity_ends = arrays["identities"], arrays["identityEnds"]
            self._offsets = arrays["offsets"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HostError(
                "F2C6116",
                f"the index {path} cannot be used: {error}",
                kind="host",
                hint="run it again: the index is made anew where it is missing",
            ) from error
        if any(not 0 <= first < end < len(self._offsets) for first, end in people):
            raise HostError("F2C6101", f"people {people} are not in the index", "fault")
        self._people = people
        starts = [int(self._offsets[first]) for first, _ in people]
        counts = [int(self._offsets[end]) - start for start, (_, end) in zip(starts, people, strict=True)]
        self._starts = np.array(starts, np.int64)
        self._firsts = np.cumsum([0, *counts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def position(self, image: int) -> int:
        """Where among all images of the index an image stands."""
        stretch = int(np.searchsorted(self._firsts, image, side="right")) - 1
        return int(self._starts[stretch] + image - self._firsts[stretch])

    def path(self, image: int) -> bytes:
        """The path of an image below the source's root, or its name below its identity's."""
        position = self.position(image)
        if self._keys is not None:
            name = str(int(self._keys[position])).encode()
        else:
            name = _part(self._names, self._name_ends, position)
        if self.facts.get("paths") == "whole":
            return name
        identity = int(np.searchsorted(self._offsets, position, side="right")) - 1
        folder = _part(self._identities, self._identity_ends, identity)
        return folder + b"/" + name if folder else name

    def shown(self, image: int) -> str:
        """The same for people: what is no text, and control characters, as the bytes that they are."""
        return shown(self.path(image))

    def ends_of_identities(self) -> np.ndarray:
        """i64: for each identity of these the position after its last image."""
        parts = [
            self._offsets[first + 1 : end + 1].astype(np.int64) - start + here
            for (first, end), start, here in zip(self._people, self._starts, self._firsts, strict=False)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _stretches(spec: dict[str, Any]) -> list[tuple[int, int]]:
    try:
        return [(int(first), int(end)) for first, end in spec["people"]]
    except (KeyError, TypeError, ValueError) as error:
        raise bad_spec(
            spec["kind"], "people is no list of stretches", "give [[first, end], ...] of identities"
        ) from error


def shown(path: bytes) -> str:
    """A path for people: a name that is text as such, control characters and a name that is none as its bytes."""
    return "/".join(map(_name_shown, path.split(b"/")))


def _name_shown(name: bytes) -> str:
    try:
        return _CONTROL.sub(lambda found: _escaped(found[0].encode()), name.decode())
    except UnicodeDecodeError:
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in name)


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def _part(data: np.ndarray, ends: np.ndarray, index: int) -> bytes:
    return data[int(ends[index]) : int(ends[index + 1])].tobytes()


def _arrays(data: mmap.mmap) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    length = int.from_bytes(data[:8], "little")
    if length > _LARGEST_HEADER:
        raise ValueError("it is no index")
    header = json.loads(data[8 : 8 + length])
    facts = header.pop("__metadata__")
    arrays = {}
    for name, section in header.items():
        start, end = section["data_offsets"]
        dtype = np.dtype(_DTYPES[section["dtype"]])
        if 8 + length + end > len(data):
            raise ValueError("it is cut off")
        count = (end - start) // dtype.itemsize
        arrays[name] = np.frombuffer(data, dtype, count, 8 + length + start)
    return arrays, facts
