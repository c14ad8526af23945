"""Messages to frames and back: `[head, body, buffer…]`, heads and bodies in MessagePack. No I/O here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np

from ..errors import HostError

DTYPES: Mapping[str, np.dtype] = {
    "u8": np.dtype("u1"),
    "bool": np.dtype("?"),
    "i32": np.dtype("<i4"),
    "i64": np.dtype("<i8"),
    "f32": np.dtype("<f4"),
    "f64": np.dtype("<f8"),
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

# A peer that is wrong must not make us reserve memory without bound.
MAX_HEAD_BYTES = 1 << 20
MAX_BODY_BYTES = 1 << 28
MAX_BUFFER_BYTES = 1 << 32
MAX_BUFFERS = 1024
MAX_RANK = 8
MAX_DEPTH = 256  # the regions of the IR nest 40 deep, each four of these
MAX_NUMBER = 1 << 53  # what JavaScript counts exactly

Frame = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Message:
    """One message, decoded. Its arrays are read-only views of the frames that came in."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    buffers: dict[str, np.ndarray] = field(default_factory=dict)
    id: int | None = None
    re: int | None = None


class MalformedMessage(HostError):
    """Frames that are not a message of the protocol; carries what could still be read of the head."""

    def __init__(self, message: str, kind: str | None = None, request: int | None = None):
        super().__init__(
            "F2C6501",
            message,
            "host",
            "install f2c-dsl and f2c-dsl-host of one version: they disagree on the wire format",
        )
        self.message_kind = kind
        self.request = request


def pack(message: Message) -> list[Frame]:
    """The frames of a message. Arrays are sent in C order; one that is so already is not copied."""
    arrays = {
        name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in message.buffers.items()
    }
    head: dict[str, Any] = {"kind": message.kind}
    if message.id is not None:
        head["id"] = message.id
    if message.re is not None:
        head["re"] = message.re
    if arrays:
        head["buffers"] = [
            {"name": name, "dtype": _dtype_name(name, array.dtype), "shape": list(array.shape)}
            for name, array in arrays.items()
        ]
    return [
        msgpack.packb(head),
        msgpack.packb(message.body),
        *(_bytes_of(array) for array in arrays.values()),
    ]


def unpack(frames: Sequence[Frame]) -> Message:
    """The message in these frames, or MalformedMessage saying what is wrong with them."""
    if len(frames) < 2:
        raise MalformedMessage(
            f"a message has a head and a body, this one has {_count(len(frames), 'frame')}"
        )
    head = _unpack_map(frames[0], "head", MAX_HEAD_BYTES)
    kind, request = head.get("kind"), head.get("id")
    if not isinstance(kind, str):
        raise MalformedMessage(f"the head's `kind` is {_shown(kind)}, not a string")
    try:
        numbers = {key: _whole_number(head.get(key), f"the head's `{key}`") for key in ("id", "re")}
        body = _unpack_map(frames[1], "body", MAX_BODY_BYTES)
        buffers = _unpack_buffers(head.get("buffers") or [], frames[2:])
    except MalformedMessage as error:
        # The sender waits for an answer to this id, so keep it with the complaint.
        whole = request if isinstance(request, int) and not isinstance(request, bool) else None
        raise MalformedMessage(f"`{kind}` message: {error.message}", kind, whole) from None
    return Message(kind, body, buffers, numbers["id"], numbers["re"])


def _unpack_map(frame: Frame, part: str, limit: int) -> dict[str, Any]:
    if len(frame) > limit:
        raise MalformedMessage(f"the {part} has {len(frame)} bytes, more than the limit of {limit}")
    try:
        value = msgpack.unpackb(frame, raw=False, strict_map_key=True, ext_hook=_refuse_extension)
    except MalformedMessage:
        raise
    except Exception as error:
        raise MalformedMessage(f"the {part} is not MessagePack: {error or type(error).__name__}") from None
    _refuse_foreign_values(value, part)
    if not isinstance(value, dict):
        raise MalformedMessage(f"the {part} is {_shown(value)}, not a map")
    return value


def _refuse_extension(code: int, data: bytes) -> None:
    raise MalformedMessage(
        f"MessagePack extension {code} ({_count(len(data), 'byte')}): "
        "`undefined`, records and typed arrays don't travel"
    )


def _refuse_foreign_values(root: Any, part: str) -> None:
    """Binary strings, timestamps, keys that aren't text and endless nesting are MessagePack, but not of this protocol."""
    pending: list[tuple[Any, int]] = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise MalformedMessage(f"the {part} nests more than {MAX_DEPTH} deep")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise MalformedMessage(f"the {part} has a map with a key that is not a string")
            pending.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            pending.extend((inner, depth + 1) for inner in value)
        elif not (value is None or isinstance(value, (bool, int, float, str))):
            raise MalformedMessage(f"the {part} holds {_shown(value)}: arrays of data travel as buffers")


def _unpack_buffers(descriptors: Any, frames: Sequence[Frame]) -> dict[str, np.ndarray]:
    if not isinstance(descriptors, list) or len(descriptors) != len(frames):
        described = len(descriptors) if isinstance(descriptors, list) else _shown(descriptors)
        raise MalformedMessage(f"`buffers` describes {described} buffers, {len(frames)} came")
    if len(frames) > MAX_BUFFERS:
        raise MalformedMessage(f"{len(frames)} buffers, more than the limit of {MAX_BUFFERS}")
    buffers: dict[str, np.ndarray] = {}
    for descriptor, frame in zip(descriptors, frames, strict=True):
        name = descriptor.get("name") if isinstance(descriptor, dict) else None
        if not isinstance(name, str):
            raise MalformedMessage(f"a buffer's descriptor is {_shown(descriptor)}, without a name")
        if name in buffers:
            raise MalformedMessage(f"two buffers are called `{name}`")
        buffers[name] = _view(name, descriptor, frame)
    return buffers


def _view(name: str, descriptor: dict[str, Any], frame: Frame) -> np.ndarray:
    dtype = DTYPES.get(str(descriptor.get("dtype")))
    if dtype is None:
        raise MalformedMessage(
            f"buffer `{name}` has dtype {_shown(descriptor.get('dtype'))}, not {' '.join(DTYPES)}"
        )
    sizes = descriptor.get("shape")
    if not isinstance(sizes, list) or len(sizes) > MAX_RANK:
        raise MalformedMessage(
            f"buffer `{name}` has shape {_shown(sizes)}, not a list of at most {MAX_RANK} sizes"
        )
    shape = [_whole_number(size, f"a size of buffer `{name}`") for size in sizes]
    if any(size is None or size < 0 for size in shape):
        raise MalformedMessage(f"buffer `{name}` has shape {shape}: sizes count from 0")
    expected = math.prod(shape) * dtype.itemsize
    size = memoryview(frame).nbytes
    if size != expected:
        raise MalformedMessage(
            f"buffer `{name}` of {descriptor['dtype']}{shape} has {size} bytes, not {expected}"
        )
    # An empty one may have sizes too, that no array can have.
    if size > MAX_BUFFER_BYTES or math.prod(max(n, 1) for n in shape) > MAX_BUFFER_BYTES:
        raise MalformedMessage(f"buffer `{name}` {shape} has more than the limit of {MAX_BUFFER_BYTES} bytes")
    array = np.frombuffer(frame, np.uint8)
    if dtype == DTYPES["bool"] and array.size and array.max() > 1:
        raise MalformedMessage(f"buffer `{name}` of bool holds a byte that is neither 0 nor 1")
    return _read_only(array.view(dtype).reshape(shape))


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _whole_number(value: Any, what: str) -> int | None:
    # A JavaScript driver may send 2**40 as a float.
    if value is None:
        return None
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if whole and not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
        return int(value)
    raise MalformedMessage(f"{what} is {_shown(value)}, not a whole number up to 2^53")


def _dtype_name(name: str, dtype: np.dtype) -> str:
    try:
        return DTYPE_NAMES[dtype]
    except KeyError:
        raise TypeError(
            f"internal: buffer `{name}` has dtype {dtype}, the wire has {' '.join(DTYPES)}"
        ) from None


def _bytes_of(array: np.ndarray) -> Frame:
    return memoryview(array.reshape(-1)).cast("B") if array.size else b""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
