"""The wire: what goes in comes out, both sides agree byte for byte, what is malformed is refused by name."""

from __future__ import annotations

import json
import struct

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from wire_fixtures import FOLDER, document_of, message_of, read_frames

from f2c_host.errors import HostError
from f2c_host.wire.frames import DTYPES, MalformedMessage, Message, pack, unpack
from f2c_host.wire.protocol import REQUESTS, check_control, check_request

FIXTURES = sorted(FOLDER.glob("*.hex"))


def head(**fields: object) -> bytes:
    return msgpack.packb({"kind": "plan", "id": 5, **fields})


EMPTY_BODY = msgpack.packb({})


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_golden_message_reads_as_its_json_says(path):
    message = unpack(read_frames(path))
    assert document_of(message) == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    "path", [path for path in FIXTURES if path.stem.startswith("python-")], ids=lambda p: p.stem
)
def test_a_golden_message_is_written_byte_for_byte(path):
    message = message_of(json.loads(path.with_suffix(".json").read_text()))
    assert [bytes(frame) for frame in pack(message)] == read_frames(path)


def test_buffers_are_little_endian_and_in_c_order():
    transposed = np.array([[1, 2], [3, 4]], np.int32).T
    frames = pack(Message("ok", {}, {"a": transposed}))
    assert bytes(frames[2]) == struct.pack("<4i", 1, 3, 2, 4)


# What both sides have: whole numbers of 64 bits, other numbers but NaN, which equals nothing, text, and lists and maps of these.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ARRAYS = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@settings(max_examples=200)
@given(
    st.dictionaries(st.text(), VALUES, max_size=4),
    st.dictionaries(st.text(min_size=1), ARRAYS, max_size=3),
    st.integers(0, 2**53),
)
def test_any_message_survives_the_wire(body, buffers, id):
    read = unpack(pack(Message("ok", body, buffers, id)))
    assert (read.kind, read.body, read.id, read.re) == ("ok", body, id, None)
    assert [*read.buffers] == [*buffers]
    for name, sent in buffers.items():
        array = read.buffers[name]
        assert (array.dtype, array.shape, array.tobytes()) == (sent.dtype, sent.shape, sent.tobytes())


def test_a_buffer_is_a_read_only_view_of_its_frame():
    frame = bytearray(struct.pack("<2f", 1, 2))
    frames = [head(buffers=[{"name": "a", "dtype": "f32", "shape": [2]}]), EMPTY_BODY, frame]
    array = unpack(frames).buffers["a"]
    frame[:4] = struct.pack("<f", 7)
    assert array.tolist() == [7, 2]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def descriptor(**changes: object) -> list[dict]:
    return [{"name": "a", "dtype": "i32", "shape": [2], **changes}]


MALFORMED = {
    "no body": ([head()], "1 frame"),
    "head is not MessagePack": ([b"\xc1", EMPTY_BODY], "head is not MessagePack"),
    "head is cut short": ([head()[:-1], EMPTY_BODY], "head is not MessagePack"),
    "bytes after the body": ([head(), EMPTY_BODY + b"\0"], "body is not MessagePack"),
    "head is a list": ([msgpack.packb([1]), EMPTY_BODY], "not a map"),
    "no kind": ([msgpack.packb({"id": 1}), EMPTY_BODY], "`kind`"),
    "id is text": ([head(id="one"), EMPTY_BODY], "`id`"),
    "undefined of msgpackr": ([head(), b"\x81\xa1x\xd4\x00\x00"], "extension 0"),
    "a timestamp": ([head(), b"\x81\xa1x\xd6\xff\0\0\0\0"], "Timestamp"),
    "bytes in the body": ([head(), msgpack.packb({"x": [b"\0"]})], "travel as buffers"),
    "a number as key": ([head(), b"\x81\x01\x02"], "body is not MessagePack"),
    "a key of bytes": ([head(), msgpack.packb({b"x": 1})], "key"),
    "nested too deeply": ([head(), b"\x81\xa1x" + b"\x91" * 5000 + b"\0"], "body is not MessagePack"),
    "a buffer too many": ([head(), EMPTY_BODY, b""], "describes 0 buffers, 1 came"),
    "a buffer too few": ([head(buffers=descriptor()), EMPTY_BODY], "describes 1 buffers, 0 came"),
    "a buffer too short": ([head(buffers=descriptor()), EMPTY_BODY, bytes(7)], "has 7 bytes, not 8"),
    "an unknown dtype": ([head(buffers=descriptor(dtype="f16")), EMPTY_BODY, bytes(4)], "dtype 'f16'"),
    "a dtype that is a list": ([head(buffers=descriptor(dtype=[])), EMPTY_BODY, bytes(4)], "dtype"),
    "a negative size": ([head(buffers=descriptor(shape=[-1, -2])), EMPTY_BODY, bytes(8)], "count from 0"),
    "a size that is text": ([head(buffers=descriptor(shape=["2"])), EMPTY_BODY, bytes(8)], "whole number"),
    "a rank of nine": ([head(buffers=descriptor(shape=[1] * 9)), EMPTY_BODY, bytes(4)], "at most 8"),
    "a buffer without name": ([head(buffers=[{}]), EMPTY_BODY, b""], "without a name"),
    "a bool of two": ([head(buffers=descriptor(dtype="bool")), EMPTY_BODY, b"\0\2"], "neither 0 nor 1"),
    "two buffers of one name": (
        [head(buffers=descriptor() * 2), EMPTY_BODY, bytes(8), bytes(8)],
        "two buffers are called `a`",
    ),
}


@pytest.mark.parametrize("frames, complaint", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_message_is_refused_by_name(frames, complaint):
    with pytest.raises(MalformedMessage) as caught:
        unpack(frames)
    assert caught.value.code == "F2C6501"
    assert complaint in caught.value.message


def test_the_refusal_of_a_readable_head_keeps_the_request_it_answers():
    with pytest.raises(MalformedMessage) as caught:
        unpack([head(), b"\xc1"])
    assert (caught.value.message_kind, caught.value.request) == ("plan", 5)


def test_a_whole_float_of_javascript_is_a_whole_number_where_the_field_is_one():
    request = check_request(Message("init", {"program": "p", "seed": float(2**40)}))
    assert request.body == {"program": "p", "seed": 2**40, "next": 0} and isinstance(
        request.body["seed"], int
    )


def test_a_whole_number_is_a_float_where_the_field_is_one():
    beat = check_control(Message("welcome", {"heartbeat": 1})).body["heartbeat"]
    assert beat == 1.0 and isinstance(beat, float)


def test_absent_and_nil_fields_read_as_their_default_and_unknown_ones_are_ignored():
    body = check_request(
        Message("load", {"program": "p", "ir": {}, "threads": None, "of the future": 1})
    ).body
    assert body == {
        "program": "p",
        "ir": {},
        "files": {},
        "backend": "torchscript",
        "device": "auto",
        "threads": None,
        "readers": None,
    }


IMAGES = np.zeros(3, np.int32)
PLAN = {"program": "p", "function": "f", "number": 0}
WRONG_REQUESTS = {
    "a kind of the future": (Message("dream"), "F2C6502", "unknown message `dream`"),
    "a missing field": (
        Message("init", {"program": "p"}),
        "F2C6506",
        "`init`: `seed` is missing; it is a whole number",
    ),
    "a fraction": (Message("init", {"program": "p", "seed": 0.5}), "F2C6506", "`seed` is 0.5"),
    "a truth value as number": (Message("init", {"program": "p", "seed": True}), "F2C6506", "`seed` is True"),
    "a negative number": (Message("plan", {**PLAN, "number": -1}), "F2C6506", "whole number from 0"),
    "a request of no program": (Message("sync"), "F2C6506", "`program` is missing; it is a string"),
    "a source of a number": (Message("plan", {**PLAN, "streams": {"x": 1}}), "F2C6506", "a map of strings"),
    "a scalar of text": (
        Message("plan", {**PLAN, "scalars": {"lr": "0.1"}}),
        "F2C6506",
        "a map of numbers",
    ),
    "a missing buffer": (
        Message("cosines", {"matrix": "m"}),
        "F2C6506",
        "the buffer `pairs` (i32 [n, 2]) is missing",
    ),
    "a buffer of another shape": (
        Message("cosines", {"matrix": "m"}, {"pairs": IMAGES}),
        "F2C6506",
        "the buffer `pairs` is i32 [3]; it is i32 [n, 2]",
    ),
    "a buffer of another dtype": (
        Message("preview", {"source": "s", "columns": 2, "path": "p"}, {"images": IMAGES.astype("<f4")}),
        "F2C6506",
        "is f32 [3]",
    ),
}


@pytest.mark.parametrize("message, code, complaint", WRONG_REQUESTS.values(), ids=WRONG_REQUESTS.keys())
def test_a_wrong_request_is_refused_naming_the_field(message, code, complaint):
    with pytest.raises(HostError) as caught:
        check_request(message)
    assert caught.value.code == code
    assert complaint in caught.value.message


def test_the_tables_know_every_request_of_the_protocol_document():
    document = (FOLDER.parents[2] / "docs" / "protocol.md").read_text()
    section = document.split("\n## work\n")[1].split("\n## events\n")[0]
    rows = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| `")]
    assert rows == list(REQUESTS)
