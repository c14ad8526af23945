"""Damage to messages, in their bytes and in what they say."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgpack
from mutations import damage

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


def damage_bytes(frames: list[bytes], draw: random.Random) -> None:
    i = draw.randrange(len(frames))
    frame = bytearray(frames[i])
    at = draw.randrange(len(frame) + 1)
    match draw.randrange(5):
        case 0 if frame:
            frame[at % len(frame)] = draw.randrange(256)
        case 1:
            del frame[at:]
        case 2:
            frame[at:at] = draw.choice(ODD_BYTES)
        case 3 if frame:
            frame[at % len(frame)] ^= 1 << draw.randrange(8)
        case _:
            frame = bytearray(draw.choice(ODD_BYTES))
    frames[i] = bytes(frame)


def damage_frames(frames: list[bytes], draw: random.Random) -> None:
    i, j = draw.randrange(len(frames)), draw.randrange(len(frames))
    match draw.randrange(3):
        case 0:
            frames.insert(j, frames[i])
        case 1:
            del frames[i]
        case _:
            frames[i], frames[j] = frames[j], frames[i]


def damage_values(frames: list[bytes], draw: random.Random) -> None:
    """Another value somewhere in the head or the body, written as MessagePack again."""
    i = draw.randrange(2)
    document: Any = {"in": msgpack.unpackb(frames[i])}
    damage(document, draw)
    frames[i] = packed(document.get("in"))


def damage_numbers(frames: list[bytes], draw: random.Random) -> None:
    i = draw.randrange(2)
    document = msgpack.unpackb(frames[i])
    document[draw.choice(["id", "re", "step", "seed", "gain", "threads", "batch", *document])] = draw.choice(
        ODD_NUMBERS
    )
    frames[i] = packed(document)


def damage_shape(frames: list[bytes], draw: random.Random) -> None:
    head = msgpack.unpackb(frames[0])
    head["buffers"] = copy.deepcopy(head.get("buffers") or [{"name": "a", "dtype": "f32", "shape": [0]}])
    descriptor = draw.choice(head["buffers"])
    descriptor["shape"] = draw.choice(SHAPES)
    descriptor["dtype"] = draw.choice([descriptor["dtype"], "bool", "f64", "f16", None, []])
    if draw.random() < 0.5:
        frames[2:] = [b""] * len(head["buffers"])
    frames[0] = packed(head)


def packed(document: Any) -> bytes:
    """As MessagePack; deep lists for what it cannot hold (half a character, 5000 digits, 20000 lists in each other)."""
    try:
        return msgpack.packb(document)
    except (ValueError, OverflowError, TypeError):
        return DEEP


def mutate_frames(frames: list[bytes], draw: random.Random) -> None:
    """One to three changes; one that finds nothing to change is left out."""
    changes = [damage_bytes, damage_frames, damage_values, damage_values, damage_numbers, damage_shape]
    for _ in range(draw.choice((1, 1, 2, 3))):
        try:
            draw.choice(changes)(frames, draw)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError):
            continue
