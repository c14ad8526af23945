"""A reader of pickles that makes numbers, lists, tuples, and the places of bytes; it calls nothing and imports nothing.

The format is that of Python's pickletools, protocols 0 to 5, of Python 2 and 3. What a pickle asks for is compared with a short
list of names, each of which is understood here and stands for bytes: arrays of numpy, and text that Python 3 wrote for bytes in
protocols below 3. Python's own unpickler with a `find_class` that refuses would do for the names, but takes memory as the file
tells it to.
"""

from __future__ import annotations

import codecs
import mmap
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ..errors import HostError
from .refusals import damaged, unsuitable

_LAST_PROTOCOL = 5
# A set of the field has some ten steps an image, and 14,000 images.
_MOST_STEPS = 5_000_000
_LONGEST_NAME, _LONGEST_NUMBER = 256, 20
_NUMBER = re.compile(rb"-?[0-9]{1,19}L?")


class Form(Enum):
    """How bytes are written."""

    AS_THEY_ARE = auto()
    UTF8 = auto()
    ESCAPED_TEXT = auto()
    ESCAPED_BYTES = auto()


@dataclass(frozen=True)
class Piece:
    """A text, or bytes, where they lie in the file. `is_text`: text that nothing has made bytes of."""

    at: int
    length: int
    form: Form
    is_text: bool


@dataclass
class Array:
    """An array of numpy with one dimension, of bytes ("u1") or truth values ("b1"). Without bytes until they are told."""

    code: str = ""
    data: Piece | None = None


@dataclass(frozen=True)
class _Kind:
    """numpy's dtype."""

    code: str


@dataclass(frozen=True)
class _Name:
    """What a pickle asks for."""

    name: str
    known: _Known


_MARK = object()


class _Known(Enum):
    ENCODE = auto()
    BYTES = auto()
    NDARRAY = auto()
    DTYPE = auto()
    RECONSTRUCT = auto()
    SCALAR = auto()
    FROM_BUFFER = auto()


_KNOWN = {
    "_codecs.encode": _Known.ENCODE,
    "__builtin__.bytes": _Known.BYTES,
    "builtins.bytes": _Known.BYTES,
    "numpy.ndarray": _Known.NDARRAY,
    "numpy.dtype": _Known.DTYPE,
    "numpy.core.multiarray._reconstruct": _Known.RECONSTRUCT,
    "numpy._core.multiarray._reconstruct": _Known.RECONSTRUCT,
    "numpy.core.multiarray.scalar": _Known.SCALAR,
    "numpy._core.multiarray.scalar": _Known.SCALAR,
    "numpy.core.numeric._frombuffer": _Known.FROM_BUFFER,
    "numpy._core.numeric._frombuffer": _Known.FROM_BUFFER,
}


def bytes_of(data: mmap.mmap, piece: Piece) -> bytes:
    """The bytes that are meant. Those of a text that is broken are what can be read of it."""
    raw = data[piece.at : piece.at + piece.length]
    if piece.form is Form.AS_THEY_ARE:
        return raw
    if piece.form is Form.ESCAPED_BYTES:
        try:
            return codecs.escape_decode(raw[1:-1])[0]
        except ValueError:
            return raw
    encoding = "utf-8" if piece.form is Form.UTF8 else "raw_unicode_escape"
    return raw.decode(encoding, "replace").encode("latin-1", "replace")


class Pickle:
    """A file with one pickle, mapped."""

    def __init__(self, path: str, data: mmap.mmap) -> None:
        self._path, self._data, self._at = path, data, 0
        self._begin = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def value(self) -> Any:
        """What the pickle holds."""
        for _ in range(_MOST_STEPS):
            self._begin = self._at
            code = self._take(1)[0]
            if code == ord("."):
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                self._refuse(code)
            step(self)
        raise unsuitable(
            self._path, f"it has more than {_MOST_STEPS:,} steps", "split it: no verification set has as many"
        )

    def _refuse(self, code: int) -> None:
        known = pickletools.code2op.get(chr(code))
        if known is None:
            raise self.damaged(f"{code:#04x} is no step of a pickle")
        if known.name == "INST":
            self._asked_for(".".join(self._line(_LONGEST_NAME).decode(errors="replace") for _ in range(2)))
        raise unsuitable(
            self._path,
            f"it holds what a verification set does not, {known.name} at byte {self._begin:,}",
            "a set is a pickle of two lists: encoded images as bytes, and True or False for each pair",
        )

    # Bytes of the file

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise self.damaged("the file ends there: it is cut off")
        self._at += count
        return taken

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little")

    def _line(self, longest: int) -> bytes:
        end = self._data.find(b"\n", self._at, self._at + longest + 1)
        if end < 0:
            raise self.damaged("a line has no end")
        line = self._data[self._at : end]
        self._at = end + 1
        return line

    def _decimal(self, line: bytes) -> int:
        if not _NUMBER.fullmatch(line):
            raise self.damaged(f"{line!r} is no number")
        return int(line.rstrip(b"L"))

    def _piece(self, length: int, form: Form, is_text: bool) -> None:
        if length > len(self._data) - self._at:
            raise self.damaged(f"{length:,} bytes are to follow, and the file ends before: it is cut off")
        self._push(Piece(self._at, length, form, is_text))
        self._at += length

    def _line_piece(self, form: Form, is_text: bool) -> None:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self.damaged("a line has no end: the file is cut off")
        self._piece(end - self._at, form, is_text)
        self._at = end + 1

    def _text(self, value: Any) -> str:
        if not isinstance(value, Piece) or value.length > _LONGEST_NAME:
            raise self.damaged("there is no name where one is needed")
        return bytes_of(self._data, value).decode("latin-1")

    # The stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self.damaged("nothing is there for this step")
        return self._stack.pop()

    def _top(self) -> Any:
        self._push(value := self._pop())
        return value

    def _above_mark(self) -> list[Any]:
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                above = self._stack[i + 1 :]
                del self._stack[i:]
                return above
        raise self.damaged("nothing is there for this step")

    def _tuple(self, count: int) -> None:
        self._push(tuple(reversed([self._pop() for _ in range(count)])))

    def _append(self, values: list[Any]) -> None:
        held = self._top()
        if not isinstance(held, list):
            raise self.damaged("what is to be put in a list is put in none")
        held.extend(values)

    def _get(self, key: int) -> None:
        if key not in self._memo:
            raise self.damaged(f"value {key} is used before it is there")
        self._push(self._memo[key])

    def _put(self, key: int) -> None:
        self._memo[key] = self._top()

    # What is asked for

    def _asked_for(self, name: str) -> None:
        if name not in _KNOWN:
            raise HostError(
                "F2C6122",
                f"{self._path} asks for {name}, which no verification set needs: nothing of it was run",
                hint="a set holds bytes, True and False; take it from where you trust it, or make it anew from its images",
            )
        self._push(_Name(name, _KNOWN[name]))

    def _call(self) -> None:
        arguments, called = self._pop(), self._pop()
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise self.damaged("what is to be called is no name")
        self._push(self._called(called, arguments))

    def _called(self, called: _Name, arguments: tuple[Any, ...]) -> Any:
        match called.known, arguments:
            case _Known.ENCODE, (Piece(is_text=True) as text, encoding) if self._is_latin1(encoding):
                return Piece(text.at, text.length, text.form, False)
            case _Known.BYTES, ():
                return Piece(self._at, 0, Form.AS_THEY_ARE, False)
            case _Known.DTYPE, (code, *_):
                return self._kind(self._text(code))
            case _Known.RECONSTRUCT, (_Name(known=_Known.NDARRAY), *_):
                return Array()
            case _Known.SCALAR, (_Kind(code="b1"), Piece() as value) if value.length < _LONGEST_NAME:
                return bytes_of(self._data, value) != b"\0"
            case _Known.FROM_BUFFER, (Piece() as data, _Kind(code=code), shape, _):
                return self._filled(Array(), code, shape, data)
        raise self.damaged(f"{called.name} is asked for what it cannot give")

    def _is_latin1(self, encoding: Any) -> bool:
        return self._text(encoding) in ("latin1", "latin-1")

    def _kind(self, code: str) -> _Kind:
        if code in ("u1", "b1"):
            return _Kind(code)
        raise unsuitable(
            self._path,
            f"it holds arrays of {code!r}",
            "images have to be encoded (JPEG, PNG), as bytes or arrays of uint8",
        )

    def _filled(self, array: Array, code: str, shape: Any, data: Piece) -> Array:
        if not isinstance(shape, tuple) or len(shape) != 1:
            raise unsuitable(
                self._path,
                f"it holds arrays of shape {shape if isinstance(shape, tuple) else '?'}: pixels, and no encoded images",
                "encode them as JPEG or PNG",
            )
        array.code, array.data = code, data
        return array

    def _build(self) -> None:
        state, built = self._pop(), self._top()
        match built, state:
            case _Kind(), tuple():
                return
            case Array(), (_, shape, _Kind(code=code), _, Piece() as data):
                self._filled(built, code, shape, data)
            case _:
                raise self.damaged("nothing is there that has a state")

    def damaged(self, what: str) -> Exception:
        return damaged(self._path, f"at byte {self._begin:,}: {what}")


def _constant(value: Any) -> Callable[[Pickle], None]:
    return lambda pickle: pickle._push(value)


def _sized(count: int, form: Form, is_text: bool) -> Callable[[Pickle], None]:
    return lambda pickle: pickle._piece(pickle._number(count), form, is_text)


def _whole(pickle: Pickle) -> None:
    line = pickle._line(_LONGEST_NUMBER)
    pickle._push({b"00": False, b"01": True}.get(line) if line in (b"00", b"01") else pickle._decimal(line))


def _signed(pickle: Pickle) -> None:
    pickle._push(int.from_bytes(pickle._take(4), "little", signed=True))


def _long(pickle: Pickle) -> None:
    size = pickle._number(1)
    if size > 8:
        raise pickle.damaged(f"a number has {size} bytes")
    pickle._push(int.from_bytes(pickle._take(size), "little", signed=True))


def _protocol(pickle: Pickle) -> None:
    if (version := pickle._number(1)) > _LAST_PROTOCOL:
        raise unsuitable(
            pickle._path, f"it is of pickle's protocol {version}", f"write it with one up to {_LAST_PROTOCOL}"
        )


def _global(pickle: Pickle) -> None:
    module, name = (pickle._line(_LONGEST_NAME).decode(errors="replace") for _ in range(2))
    pickle._asked_for(f"{module}.{name}")


def _stack_global(pickle: Pickle) -> None:
    name, module = pickle._text(pickle._pop()), pickle._text(pickle._pop())
    pickle._asked_for(f"{module}.{name}")


_BYTES_AS_THEY_ARE = (Form.AS_THEY_ARE, False)
_UTF8_TEXT = (Form.UTF8, True)
# By opcode. A step takes what it needs from the file and from the stack.
_STEPS: dict[int, Callable[[Pickle], None]] = {
    0x80: _protocol,
    0x95: lambda pickle: pickle._take(8) and None,  # how long a frame is, which is of use to a stream
    ord("("): _constant(_MARK),
    ord("0"): lambda pickle: pickle._pop() and None,
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("I"): _whole,
    ord("L"): _whole,
    ord("J"): _signed,
    ord("K"): lambda pickle: pickle._push(pickle._number(1)),
    ord("M"): lambda pickle: pickle._push(pickle._number(2)),
    0x8A: _long,
    ord("S"): lambda pickle: pickle._line_piece(Form.ESCAPED_BYTES, False),
    ord("T"): _sized(4, *_BYTES_AS_THEY_ARE),
    ord("U"): _sized(1, *_BYTES_AS_THEY_ARE),
    ord("B"): _sized(4, *_BYTES_AS_THEY_ARE),
    ord("C"): _sized(1, *_BYTES_AS_THEY_ARE),
    0x8E: _sized(8, *_BYTES_AS_THEY_ARE),
    0x96: _sized(8, *_BYTES_AS_THEY_ARE),
    ord("V"): lambda pickle: pickle._line_piece(Form.ESCAPED_TEXT, True),
    ord("X"): _sized(4, *_UTF8_TEXT),
    0x8C: _sized(1, *_UTF8_TEXT),
    0x8D: _sized(8, *_UTF8_TEXT),
    ord("]"): lambda pickle: pickle._push([]),
    ord("l"): lambda pickle: pickle._push(pickle._above_mark()),
    ord("a"): lambda pickle: pickle._append([pickle._pop()]),
    ord("e"): lambda pickle: pickle._append(pickle._above_mark()),
    ord(")"): _constant(()),
    ord("t"): lambda pickle: pickle._push(tuple(pickle._above_mark())),
    0x85: lambda pickle: pickle._tuple(1),
    0x86: lambda pickle: pickle._tuple(2),
    0x87: lambda pickle: pickle._tuple(3),
    ord("g"): lambda pickle: pickle._get(pickle._decimal(pickle._line(_LONGEST_NUMBER))),
    ord("h"): lambda pickle: pickle._get(pickle._number(1)),
    ord("j"): lambda pickle: pickle._get(pickle._number(4)),
    ord("p"): lambda pickle: pickle._put(pickle._decimal(pickle._line(_LONGEST_NUMBER))),
    ord("q"): lambda pickle: pickle._put(pickle._number(1)),
    ord("r"): lambda pickle: pickle._put(pickle._number(4)),
    0x94: lambda pickle: pickle._put(len(pickle._memo)),
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): lambda pickle: pickle._call(),
    ord("b"): lambda pickle: pickle._build(),
}
