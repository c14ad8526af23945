"""Safetensors files written piece by piece, with the hash of what was written.

The library's writer gives no hash, and reading a file of gigabytes again only to hash it doubles the traffic.
Format: 8 bytes (LE) with the header's length, a JSON header, the data. huggingface.co/docs/safetensors
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Protocol

import torch
from torch import Tensor

DTYPES = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I32": torch.int32,
    "I64": torch.int64,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
# As the IR spells them.
KINDS = {
    "F16": "f16",
    "BF16": "bf16",
    "F32": "f32",
    "F64": "f64",
    "I32": "i32",
    "I64": "i64",
    "U8": "u8",
    "BOOL": "bool",
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
Pieces = Sequence[Tensor]
"""A tensor in pieces, whose rows lie one after the other."""


class Rows(Protocol):
    """A tensor whose rows come in pieces, each when it is asked for and valid until the next one is."""

    dtype: torch.dtype
    shape: torch.Size

    def __iter__(self) -> Iterator[Tensor]: ...


_NONE: Mapping[str, str] = MappingProxyType({})
_PIECE = 1 << 20  # what is hashed is still in the cache when it is written
_ALIGNMENT = 8


def write(
    tensors: Mapping[str, Tensor | Pieces | Rows], file: BinaryIO, metadata: Mapping[str, str] = _NONE
) -> str:
    """Writes the tensors and returns the SHA-256 of the whole file, in hexadecimal. One in pieces is never joined in memory.

    One tensor at a time is on the host, so a pool on a GPU is not doubled in the machine's memory."""
    header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    offset = 0
    # Wide elements first, as the format's own writer has it: then each tensor lies at a multiple of its element's size.
    kinds = {name: _kind_of(tensor) for name, tensor in tensors.items()}
    order = sorted(kinds, key=lambda name: (-kinds[name][0].itemsize, name))
    for name in order:
        dtype, shape = kinds[name]
        end = offset + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    hashed = _Hashed(file)
    hashed.write(len(text).to_bytes(8, "little"))
    hashed.write(text)
    for name in order:
        tensor = tensors[name]
        for piece in [tensor] if isinstance(tensor, Tensor) else tensor:
            flat = piece.detach().cpu().contiguous().reshape(-1)
            data = memoryview(flat.view(torch.uint8).numpy())
            for start in range(0, len(data), _PIECE):
                hashed.write(data[start : start + _PIECE])
    return hashed.digest.hexdigest()


def _kind_of(tensor: Tensor | Pieces | Rows) -> tuple[torch.dtype, list[int]]:
    if not isinstance(tensor, Sequence):
        return tensor.dtype, list(tensor.shape)
    first = tensor[0]
    return first.dtype, [sum(len(piece) for piece in tensor), *first.shape[1:]]


class _Hashed:
    """A file whose bytes are hashed on their way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self.digest.update(data)
        self._file.write(data)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
