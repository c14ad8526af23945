"""RecordIO as mxnet writes it, literally: a writer for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

MAGIC = struct.pack("<I", 0xCED7230A)


def image_record(label: float | Sequence[float], image: bytes, key: int = 0) -> bytes:
    """The payload of an image: mxnet.recordio.pack."""
    if isinstance(label, Sequence):
        return struct.pack("<IfQQ", len(label), 0, key, 0) + struct.pack(f"<{len(label)}f", *label) + image
    return struct.pack("<IfQQ", 0, label, key, 0) + image


def framed(payload: bytes) -> bytes:
    """A record, or its parts, where the magic stands in the payload at a multiple of 4: dmlc::RecordIOWriter::WriteRecord."""
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == MAGIC]
    bounds = [-4, *cuts, len(payload)]
    parts = [payload[begin + 4 : end] for begin, end in pairwise(bounds)]
    out = b""
    for number, part in enumerate(parts):
        kind = 0 if len(parts) == 1 else 1 if number == 0 else 3 if number == len(parts) - 1 else 2
        out += MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + b"\0" * (-len(part) % 4)
    return out


def write_records(path: Path, payloads: Sequence[tuple[int, bytes]], index: bool = True) -> None:
    """Records with their keys, and the `.idx` beside."""
    lines, data = [], b""
    for key, payload in payloads:
        lines.append(f"{key}\t{len(data)}\n")
        data += framed(payload)
    path.write_bytes(data)
    if index:
        path.with_suffix(".idx").write_text("".join(lines))


def insightface_records(
    people: Sequence[tuple[int, Sequence[bytes]]], vector: bool = False
) -> list[tuple[int, bytes]]:
    """As InsightFace lays them out: the header, images from key 1, a record an identity with its range."""
    images, ranges = [], []
    key = 1
    for label, files in people:
        first = key
        for image in files:
            images.append((key, image_record([label, 0.5] if vector else label, image, key)))
            key += 1
        ranges.append((first, key))
    ends = [(key + i, image_record([a, b], b"", key + i)) for i, (a, b) in enumerate(ranges)]
    return [(0, image_record([key, key + len(ranges)], b"")), *images, *ends]
