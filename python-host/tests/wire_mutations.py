"""Damage to messages, in their bytes and in what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
from hypothesis import strategies as st
from mutations import Draw, below, changed, damage, few, fresh, pick

DEEP = b"\x91" * 1010 + b"\0"  # lists, nearly as deep as msgpack reads
ODD_BYTES = [
    b"",
    b"\xc1",
    b"\x90",
    b"\x80",
    b"\x81\x01\x02",
    b"\xd6\xff\0\0\0\0",
    b"\x91" * 1010 + b"\0",
    b"\xdf\xff\xff\xff\xff",
]
ODD_NUMBERS = [-1, 0, 2**40, 2**53 + 1, 2**64 - 1, -(2**63), 1e300, float("inf"), float("nan"), 0.5, True]
NUMBERS = st.sampled_from(ODD_NUMBERS) | st.integers(-(2**63), 2**64 - 1) | st.floats()
BYTES = st.sampled_from(ODD_BYTES) | st.binary(max_size=12)
SHAPES = [
    [0, 2**62, 2**62],
    [2**63, 0],
    [2**62, 4, 0],
    [],
    [0],
    [1] * 9,
    [2.0],
    ["2"],
    [None],
    [-1, -2],
    [2**40],
]


def damage_bytes(frames: list[bytes], draw: Draw) -> None:
    i = below(draw, len(frames))
    frame = bytearray(frames[i])
    at = below(draw, len(frame) + 1)
    match below(draw, 5):
        case 0 if frame:
            frame[at % len(frame)] = below(draw, 256)
        case 1:
            del frame[at:]
        case 2:
            frame[at:at] = draw(BYTES)
        case 3 if frame:
            frame[at % len(frame)] ^= 1 << below(draw, 8)
        case _:
            frame = bytearray(draw(BYTES))
    frames[i] = bytes(frame)


def damage_frames(frames: list[bytes], draw: Draw) -> None:
    i, j = below(draw, len(frames)), below(draw, len(frames))
    match below(draw, 3):
        case 0:
            frames.insert(j, frames[i])
        case 1:
            del frames[i]
        case _:
            frames[i], frames[j] = frames[j], frames[i]


def damage_values(frames: list[bytes], draw: Draw) -> None:
    """Another value somewhere in the head or the body, written as MessagePack again."""
    i = below(draw, 2)
    document: Any = {"in": msgpack.unpackb(frames[i])}
    damage(document, draw)
    frames[i] = packed(document.get("in"))


def damage_numbers(frames: list[bytes], draw: Draw) -> None:
    i = below(draw, 2)
    document = msgpack.unpackb(frames[i])
    name = pick(draw, ["id", "re", "step", "seed", "gain", "threads", "batch", *document])
    document[name] = draw(NUMBERS)
    frames[i] = packed(document)


def damage_shape(frames: list[bytes], draw: Draw) -> None:
    head = msgpack.unpackb(frames[0])
    head["buffers"] = fresh(head.get("buffers") or [{"name": "a", "dtype": "f32", "shape": [0]}])
    descriptor = pick(draw, head["buffers"])
    descriptor["shape"] = pick(draw, SHAPES)
    descriptor["dtype"] = pick(draw, [descriptor["dtype"], "bool", "f64", "f16", None, []])
    if draw(st.booleans()):
        frames[2:] = [b""] * len(head["buffers"])
    frames[0] = packed(head)


def packed(document: Any) -> bytes:
    """As MessagePack; deep lists for what it cannot hold (half a character, 5000 digits, 20000 lists in each other)."""
    try:
        return msgpack.packb(document)
    except (ValueError, OverflowError, TypeError):
        return DEEP


CHANGES = [damage_bytes, damage_frames, damage_values, damage_values, damage_numbers, damage_shape]


class DamagedMessage:
    """The frames of a message that were changed. Where a test fails they are shown, the first of them and their beginnings."""

    def __init__(self, name: str, frames: list[bytes], changes: Sequence[str]) -> None:
        self.name = name
        self.frames = frames
        self.changes = changes

    def __repr__(self) -> str:
        shown = ", ".join(f"{frame[:100]!r}" for frame in self.frames[:8])
        return f"<{self.name} after {', '.join(self.changes) or 'nothing'}: {shown}>"


@st.composite
def damaged_messages(draw: Draw, originals: Mapping[str, Sequence[bytes]]) -> DamagedMessage:
    """The frames of one of the originals after a few changes."""
    name = pick(draw, list(originals))
    frames = list(originals[name])
    changes = [change.__name__ for change in draw(few(CHANGES)) if changed(frames, draw, change)]
    return DamagedMessage(name, frames, changes)
