"""Protocol `f2c/2` as tables: the kinds of messages, the fields of their bodies, the buffers beside them.

docs/protocol.md is the authority. `check_request` and `check_control` turn what came over the wire into
a body with every field present and of its type, or raise a HostError naming the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import HostError
from .frames import DTYPE_NAMES, MAX_NUMBER, Message

VERSION = (2, 0)
HEARTBEAT_SECONDS = 1.0
MAX_THREADS = 1024  # with more than the system allows, OpenMP ends the process

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_CANNOT_START = 3
EXIT_REJECTED = 4
EXIT_DRIVER_GONE = 5


@dataclass(frozen=True)
class FieldType:
    """What a field holds, in words, and its reader, which coerces or raises TypeError."""

    words: str
    read: Callable[[Any], Any]


def _integer(value: Any) -> int:
    # JavaScript has one kind of number.
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if whole and not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
        return int(value)
    raise TypeError


def _count(value: Any) -> int:
    number = _integer(value)
    if number < 0:
        raise TypeError
    return number


def _positive(value: Any) -> int:
    number = _integer(value)
    if number < 1:
        raise TypeError
    return number


def _threads(value: Any) -> int:
    number = _positive(value)
    if number > MAX_THREADS:
        raise TypeError
    return number


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise TypeError


def _seconds(value: Any) -> float:
    number = _number(value)
    if not (math.isfinite(number) and number > 0):
        raise TypeError
    return number


def _instance(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return read


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError
    return value


def _scalars(value: Any) -> dict[str, bool | int | float]:
    if not isinstance(value, dict) or not all(
        isinstance(item, (bool, int, float)) for item in value.values()
    ):
        raise TypeError
    return value


def _names(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise TypeError
    return value


def _maps(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise TypeError
    return value


INTEGER = FieldType("a whole number", _integer)
COUNT = FieldType("a whole number from 0", _count)
POSITIVE = FieldType("a whole number from 1", _positive)
THREADS = FieldType(f"a whole number from 1 to {MAX_THREADS}", _threads)
SECONDS = FieldType("a positive number", _seconds)
TEXT = FieldType("a string", _instance(str))
MAP = FieldType("a map", _instance(dict))
BOOLEAN = FieldType("true or false", _instance(bool))
TEXTS = FieldType("an array of strings", _strings)
SCALARS = FieldType("a map of numbers", _scalars)
MAPS = FieldType("a map of maps", _maps)
NAMES = FieldType("a map of strings", _names)

_REQUIRED = object()


@dataclass(frozen=True)
class Field:
    """A field of a body. With a default it may be absent or nil, and then reads as the default."""

    type: FieldType
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Buffer:
    """A buffer that a request must bring; None in the shape is any size."""

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class RequestShape:
    """What one kind of request carries. `free_buffers`: it may bring buffers that no table names."""

    fields: Mapping[str, Field]
    buffers: Mapping[str, Buffer]
    free_buffers: bool = False


INDICES = Buffer("i32", (None,))

PIXELS = Buffer("u8", (None, None, None, None))

# A picture of many images: how many in a row, where it is written, and a name below each.
SHEET = {"columns": Field(POSITIVE), "path": Field(TEXT), "names": Field(TEXTS, [])}

# The name of the program that a request concerns.
PROGRAM = Field(TEXT)

# The name under which the host keeps a matrix.
MATRIX = Field(TEXT)

REQUESTS: Mapping[str, RequestShape] = {
    "source": RequestShape({"name": Field(TEXT), "spec": Field(MAP)}, {}, free_buffers=True),
    "load": RequestShape(
        {
            "program": PROGRAM,
            "ir": Field(MAP),
            "files": Field(MAPS, {}),
            "backend": Field(TEXT, "torchscript"),
            "device": Field(TEXT, "auto"),
            "threads": Field(THREADS, None),
            "readers": Field(THREADS, None),
        },
        {},
    ),
    "load_net": RequestShape(
        {
            "program": PROGRAM,
            "kind": Field(TEXT),
            "path": Field(TEXT),
            "device": Field(TEXT, "auto"),
            "threads": Field(THREADS, None),
            "readers": Field(THREADS, None),
        },
        {},
    ),
    "unload": RequestShape({"program": PROGRAM}, {}),
    "init": RequestShape({"program": PROGRAM, "seed": Field(INTEGER), "next": Field(COUNT, 0)}, {}),
    "plan": RequestShape(
        {
            "program": PROGRAM,
            "function": Field(TEXT),
            "number": Field(COUNT),
            "streams": Field(NAMES, {}),
            "scalars": Field(SCALARS, {}),
            "returns": Field(TEXTS, []),
            "finite": Field(TEXTS, []),
        },
        {},
        free_buffers=True,
    ),
    "sync": RequestShape({"program": PROGRAM}, {}),
    "embed": RequestShape(
        {
            "program": PROGRAM,
            "matrix": MATRIX,
            "source": Field(TEXT),
            "function": Field(TEXT, None),
            "batch": Field(POSITIVE, 64),
            "input": Field(MAP, None),
            "flip": Field(TEXT, None),
        },
        {"images": INDICES},
    ),
    "cosines": RequestShape({"matrix": MATRIX}, {"pairs": Buffer("i32", (None, 2))}),
    "top_k": RequestShape(
        {"matrix": MATRIX, "gallery": Field(TEXT), "k": Field(POSITIVE)},
        {"queries": INDICES, "among": INDICES},
    ),
    "means": RequestShape(
        {"matrix": MATRIX, "into": Field(TEXT), "count": Field(POSITIVE)}, {"groups": INDICES}
    ),
    "rows": RequestShape({"matrix": MATRIX, "first": Field(COUNT), "count": Field(COUNT)}, {}),
    "sums": RequestShape(
        {
            "matrix": MATRIX,
            "into": Field(TEXT),
            "count": Field(POSITIVE),
            "unit": Field(BOOLEAN, False),
        },
        {
            "rows": INDICES,
            "groups": INDICES,
            "weights": Buffer("f64", (None,)),
            "plus": Buffer("f64", (None, None)),
        },
    ),
    "highest": RequestShape(
        {"matrix": MATRIX, "gallery": Field(TEXT), "k": Field(POSITIVE)},
        {"queries": INDICES, "among": INDICES},
    ),
    "release": RequestShape({"matrix": MATRIX}, {}),
    "save": RequestShape({"program": PROGRAM, "path": Field(TEXT), "finite": Field(TEXTS, [])}, {}),
    "restore": RequestShape(
        {
            "program": PROGRAM,
            "path": Field(TEXT),
            "next": Field(COUNT),
            "seed": Field(INTEGER, 0),
            "sha256": Field(TEXT, None),
        },
        {},
    ),
    "exporters": RequestShape({"names": Field(TEXTS)}, {}),
    "export": RequestShape(
        {
            "program": PROGRAM,
            "function": Field(TEXT),
            "to": Field(TEXT),
            "path": Field(TEXT),
            "about": Field(NAMES, {}),
        },
        {},
    ),
    "convert": RequestShape({"paths": Field(TEXTS), "to": Field(TEXT)}, {}),
    "read": RequestShape({"program": PROGRAM, "names": Field(TEXTS)}, {}),
    "preview": RequestShape({"source": Field(TEXT), **SHEET}, {"images": INDICES}),
    "draw": RequestShape(SHEET, {"pixels": PIXELS}),
    "inspect": RequestShape({"source": Field(TEXT)}, {"images": INDICES}),
    "shutdown": RequestShape({}, {}),
}

CONTROL: Mapping[str, Mapping[str, Field]] = {
    "welcome": {"heartbeat": Field(SECONDS, HEARTBEAT_SECONDS)},
    "reject": {"code": Field(TEXT, "F2C6000"), "message": Field(TEXT), "hint": Field(TEXT, None)},
    "stop": {},
    "goodbye": {},
}


def check_request(message: Message) -> Message:
    """The message with exactly the fields of its kind, coerced; F2C6502 or F2C6506 if it lacks one."""
    shape = REQUESTS.get(message.kind)
    if shape is None:
        raise _unknown_kind(message.kind, "work", REQUESTS)
    body = _checked_body(message, shape.fields)
    for name, buffer in shape.buffers.items():
        _check_buffer(message.kind, name, buffer, message.buffers.get(name))
    buffers = (
        message.buffers if shape.free_buffers else {name: message.buffers[name] for name in shape.buffers}
    )
    return Message(message.kind, body, buffers, message.id, message.re)


def check_control(message: Message) -> Message:
    """The same for what the driver sends on `control`."""
    fields = CONTROL.get(message.kind)
    if fields is None:
        raise _unknown_kind(message.kind, "control", CONTROL)
    return Message(message.kind, _checked_body(message, fields), {}, message.id, message.re)


def error_body(error: HostError, python: str | None = None) -> dict[str, Any]:
    """An error as it crosses the bridge."""
    return {
        "code": error.code,
        "class": error.kind,
        "message": error.message,
        "hint": error.hint,
        "frames": [{"path": frame.path, "start": frame.start, "end": frame.end} for frame in error.frames],
        "python": python,
    }


def _checked_body(message: Message, fields: Mapping[str, Field]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, field in fields.items():
        value = message.body.get(name)
        if value is None and field.default is not _REQUIRED:
            body[name] = field.default
            continue
        try:
            body[name] = field.type.read(value)
        except TypeError:
            found = f"is {value!r:.60}" if name in message.body else "is missing"
            raise _bad_request(f"`{message.kind}`: `{name}` {found}; it is {field.type.words}") from None
    return body


def _check_buffer(kind: str, name: str, expected: Buffer, array: np.ndarray | None) -> None:
    sizes = ", ".join("n" if size is None else str(size) for size in expected.shape)
    if array is None:
        raise _bad_request(f"`{kind}`: the buffer `{name}` ({expected.dtype} [{sizes}]) is missing")
    same_rank = len(array.shape) == len(expected.shape)
    fits = same_rank and all(
        size in (None, found) for size, found in zip(expected.shape, array.shape, strict=True)
    )
    found = DTYPE_NAMES[array.dtype]
    if found != expected.dtype or not fits:
        raise _bad_request(
            f"`{kind}`: the buffer `{name}` is {found} {list(array.shape)}; it is {expected.dtype} [{sizes}]"
        )


def _unknown_kind(kind: str, socket: str, table: Mapping[str, Any]) -> HostError:
    return HostError(
        "F2C6502",
        f"unknown message `{kind:.60}` on `{socket}`; this host knows {', '.join(table)}",
        "host",
        f"this host speaks f2c/{VERSION[0]}.{VERSION[1]}: install the f2c-dsl-host that goes with the driver",
    )


def _bad_request(message: str) -> HostError:
    return HostError("F2C6506", message, "host", "see docs/protocol.md for the fields of each message")
