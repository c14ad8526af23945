"""Whatever the host is given, it refuses with its own error or executes; nothing else is raised, nothing takes for ever."""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis.strategies import DrawFn, composite, lists
from ir_examples import NUMBER, ModuleBuilder, conv_net_module, tensor
from mutations import MUTATIONS, Damaged, damaged_modules, nested
from programs import COUNTS, PROGRAM, SOURCE_SPEC, look, plan, summing_module
from shares import share
from test_ir import regions_module
from test_verify import example
from wire_mutations import CHANGES, DamagedMessage, damaged_messages

from f2c_host.errors import HostError
from f2c_host.export import export_function
from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import Function, Module
from f2c_host.ir.ops_table import OPS
from f2c_host.lower.builders import _COMMON
from f2c_host.lower.js_numbers import NUMBERS
from f2c_host.run.executor import Plan, PlanFailed
from f2c_host.run.memory import storage_bytes
from f2c_host.run.program import Program
from f2c_host.serve.server import Refused, read_work
from f2c_host.serve.session import Session
from f2c_host.verify.verifier import verify
from f2c_host.wire.failure import as_host_error, failure_body
from f2c_host.wire.frames import Message, pack, unpack
from f2c_host.wire.protocol import check_control, check_request

MODULES, MESSAGES = share(2_000, of=10_000), share(1_000, of=10_000)
LOADED = share(60, of=400)
SECONDS_EACH = 10.0
FRAMES = 900  # Python begins with a thousand
SMALL = 1 << 22  # bytes of state that a test may fill
ORIGINALS = {
    "constraints.json": json.dumps(example()),
    "regions": json.dumps(regions_module()),
    "conv net": json.dumps(conv_net_module()),
    "summing": json.dumps(summing_module()),
}


class Hangs(BaseException):
    """Not an Exception: the host must not take it for a failure of the program."""


@contextmanager
def as_in_a_host(may_hang: bool = False) -> Iterator[None]:
    """With the stack that a host has at least, Hypothesis giving twice as much, and for ten seconds at most."""

    def ring(*_: object) -> None:
        raise Hangs

    frames, alarm = sys.getrecursionlimit(), signal.signal(signal.SIGALRM, ring)
    sys.setrecursionlimit(depth() + FRAMES)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
    try:
        yield
    except Hangs:
        assert may_hang, f"takes more than {SECONDS_EACH} s"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        sys.setrecursionlimit(frames)


def depth() -> int:
    """How many frames deep the caller is."""
    frame, count = sys._getframe(1), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def accepted(data: Any) -> Module | None:
    """The module, if the host takes it; it refuses others with a reason, and does nothing else."""
    try:
        with as_in_a_host():
            module = parse_module(data)
            verify(module)
    except HostError as error:
        assert error.code in ("F2C5001", "F2C5002", "F2C5003") and error.message and error.hint
        pack(Message("error", failure_body(error, "`load`")))  # it can be told to the driver
        return None
    return module


@composite
def damaged_but_accepted(draw: DrawFn) -> tuple[Damaged, Module]:
    damaged = draw(damaged_modules(ORIGINALS))
    module = accepted(damaged.data)
    assume(module is not None)
    return damaged, module


@pytest.mark.parametrize("name", ORIGINALS)
def test_damaged_modules_are_refused_with_a_reason_or_verify(name):
    verdicts: Counter[str] = Counter()
    ways: set[str] = set()
    examples = MODULES // len(ORIGINALS)

    @settings(max_examples=examples)
    @given(damaged_modules({name: ORIGINALS[name]}))
    def refused_or_verifies(damaged: Damaged) -> None:
        verdicts["refused" if accepted(damaged.data) is None else "accepted"] += 1
        ways.update(damaged.changes)

    refused_or_verifies()
    assert verdicts.total() >= examples
    assert verdicts["refused"] > examples / 3 and verdicts["accepted"] > examples / 20
    assert ways == {change.__name__ for change in MUTATIONS}


def test_what_verifies_compiles_starts_and_runs_or_is_refused_with_a_reason():
    verdicts: Counter[str] = Counter()

    @settings(max_examples=LOADED)
    @given(damaged_but_accepted())
    def runs_or_is_refused(found: tuple[Damaged, Module]) -> None:
        module = found[1]
        for backend in ("torchscript", "eager"):
            program = None
            with refused_with_a_reason(), as_in_a_host():
                program = start(module, backend)
                verdicts[backend] += 1
        # A program may loop for ever; the host then obeys an interrupt.
        with refused_with_a_reason(), as_in_a_host(may_hang=loops(module)):
            for function in module.functions:
                if program is not None and (inputs := small_inputs(function)) is not None:
                    program.run(function.name, inputs)
                    verdicts["ran"] += 1

    runs_or_is_refused()
    assert verdicts["torchscript"] > LOADED / 2 and verdicts["eager"] > LOADED / 2
    assert verdicts["ran"] > LOADED / 3


@contextmanager
def refused_with_a_reason() -> Iterator[None]:
    try:
        yield
    except HostError as error:
        assert error.message


def start(module: Module, backend: str) -> Program | None:
    """The program with its first state; none if that would be large and the host would do it."""
    size = sum(storage_bytes(s) for s in module.storages)
    if SMALL < size < 2**40:
        return None
    program = Program(module, backend=backend)
    program.initialise(1)
    return program


def small_inputs(function: Function) -> Mapping[str, Any] | None:
    """Zeros of the declared types, open sizes being 3; none if that is large."""
    inputs: dict[str, Any] = {}
    for entry in function.inputs:
        if entry.type.kind == "scalar":
            inputs[entry.name] = 2
            continue
        shape = [size if isinstance(size, int) else 3 for size in entry.type.dims]
        if np.prod([max(float(size), 1.0) for size in shape]) > SMALL:
            return None
        inputs[entry.name] = torch.zeros(shape)
    return inputs


def loops(module: Module) -> bool:
    return any(op.op in ("while", "for") for function in module.functions for op in function.body.walk())


# ---- the wire

SENT: list[tuple[str, dict[str, Any], dict[str, np.ndarray]]] = [
    ("load", {"program": PROGRAM, "ir": summing_module(), "device": "cpu"}, {}),
    ("source", {"name": "train", "spec": SOURCE_SPEC}, {"counts": COUNTS}),
    ("init", {"program": PROGRAM, "seed": 1}, {}),
    ("plan", *plan(0, [1, 2])),
    ("sync", {"program": PROGRAM}, {}),
    ("plan", *look(0, [1, 2])),
    ("embed", {"program": PROGRAM, "matrix": "m", "source": "train", "function": "embed"},
     {"images": np.arange(4, dtype=np.int32)}),
    ("cosines", {"matrix": "m"}, {"pairs": np.array([[0, 1]], np.int32)}),
    ("top_k", {"matrix": "m", "gallery": "m", "k": 2},
     {"queries": np.arange(3, dtype=np.int32), "among": np.arange(4, dtype=np.int32)}),
    ("means", {"matrix": "m", "into": "n", "count": 2}, {"groups": np.array([0, 1, 1, -1], np.int32)}),
    ("sums", {"matrix": "m", "into": "n", "count": 2, "unit": True},
     {"rows": np.array([0, 1, 1], np.int32), "groups": np.array([0, 1, 0], np.int32),
      "weights": np.array([1, 0.5, 2]), "plus": np.zeros((0, 0))}),
    ("highest", {"matrix": "m", "gallery": "n", "k": 3},
     {"queries": np.arange(3, dtype=np.int32), "among": np.arange(2, dtype=np.int32)}),
    ("release", {"matrix": "n"}, {}),
    ("read", {"program": PROGRAM, "names": ["total"]}, {}),
    ("welcome", {"heartbeat": 1.0}, {}),
]  # fmt: skip
# These do their work quickly and write no file, so a mutant of theirs may be executed.
HARMLESS = (
    "init",
    "plan",
    "sync",
    "embed",
    "cosines",
    "top_k",
    "means",
    "sums",
    "highest",
    "release",
    "read",
)


def frames_of(kind: str, body: dict[str, Any], buffers: dict[str, np.ndarray]) -> list[bytes]:
    return [bytes(frame) for frame in pack(Message(kind, body, buffers, id=7))]


ORIGINAL_FRAMES = {f"message {n}, `{sent[0]}`": frames_of(*sent) for n, sent in enumerate(SENT)}


def test_damaged_messages_are_read_or_refused_and_what_is_read_is_answered():
    session = ready_session()
    verdicts: Counter[str] = Counter()
    ways: set[tuple[str, str]] = set()

    @settings(max_examples=MESSAGES * 2 // 5)
    @given(lists(damaged_messages(ORIGINAL_FRAMES), min_size=1, max_size=6))
    def read_or_refused(messages: list[DamagedMessage]) -> None:
        begin_anew(session)
        for message in messages:
            with as_in_a_host():
                verdicts[dealt_with(session, message.frames)] += 1
            ways.update((message.name, change) for change in message.changes)

    read_or_refused()
    session.close()
    assert verdicts.total() >= MESSAGES
    assert verdicts["refused"] > MESSAGES / 4 and verdicts["executed"] > MESSAGES / 20
    assert {name for name, _ in ways} == set(ORIGINAL_FRAMES)
    assert {change for _, change in ways} == {change.__name__ for change in CHANGES}


def dealt_with(session: Session, frames: list[bytes]) -> str:
    """What the host makes of a message: it is refused with a reason, or executed if that is quick and writes no file."""
    work = read_work([memoryview(frame) for frame in frames])
    control_is_read_or_refused(frames)
    if isinstance(work, Refused):
        pack(Message("error", failure_body(work.error, "reading"), re=work.request))
        return "refused"
    if not quick(work):
        return "read"
    answered(session, work)
    return "executed"


def quick(work: Plan | Message) -> bool:
    """Not a plan for so many turns of a loop that nobody waits for its end."""
    if isinstance(work, Plan):
        return all(abs(value) < 1000 or value != value for value in work.scalars.values())
    return work.kind in HARMLESS


def ready_session() -> Session:
    session = Session()
    for sent in SENT[:3]:
        work = read_work([memoryview(frame) for frame in frames_of(*sent)])
        assert isinstance(work, Message)
        session.answer(work)
    return session


def begin_anew(session: Session) -> None:
    """The program before its first plan, and the one matrix that messages name: no example sees what another left."""
    for request in (Message("init", {"program": PROGRAM, "seed": 1}), Message("release", {"matrix": "n"})):
        session.answer(check_request(request))
    session.answer(check_request(Message(*next(sent for sent in SENT if sent[0] == "embed"))))


def control_is_read_or_refused(frames: list[bytes]) -> None:
    try:
        check_control(unpack(frames))
    except HostError as error:
        assert error.code.startswith("F2C65") and error.message


def answered(session: Session, work: Plan | Message) -> None:
    """Executes as the server does; an unforeseen error would be F2C6690."""
    try:
        if isinstance(work, Plan):
            session.run_plan(work)
            for report in session.finished_plans(wait=True):
                pack(Message("result", report.body(), dict(report.results)))
        else:
            answer = session.answer(work)
            pack(Message("ok", dict(answer.body), dict(answer.buffers), re=work.id))
    except Exception as error:
        cause = error.cause if isinstance(error, PlanFailed) else error
        known = as_host_error(cause, "fuzz")
        assert known.code != "F2C6690", known.message
        pack(Message("error", failure_body(cause, "fuzz")))


# ---- what the mutants found


def state_of(*dims: int, dtype: str = "f32", init: str = "zeros", **fields: Any) -> dict[str, Any]:
    m = ModuleBuilder()
    m.state("s", tensor(*dims, dtype=dtype), init, **fields)
    return m.json


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (state_of(10**12), "F2C6304", "the state takes 3725.3 GiB"),
        (state_of(0, 2**40, 2**40), "F2C5003", "2^40 elements"),
        (state_of(init="kaiming_normal", fan="in", gain=1.0), "F2C5003", "no fan"),
        (state_of(0, 3, init="xavier_uniform", gain=1.0), "F2C5003", "no fan"),
        (state_of(2, init="constant", value=1e300), "F2C6305", "drawing the first state"),
    ],
)
def test_a_state_that_cannot_be_is_refused(data, code, says):
    with pytest.raises(HostError) as caught:
        Program(parse_module(data)).initialise(1)
    assert caught.value.code == code and says in caught.value.message


def test_a_parameter_of_integers_is_refused():
    m = ModuleBuilder()
    m.parameter("w", tensor(2, dtype="i64"))
    with pytest.raises(HostError, match="breaks V10"):
        verify(parse_module(m.json))


def returning(name: str, kind: str = "add", **attributes: Any) -> dict[str, Any]:
    """A function x + x of that name, or another op of x."""
    m = ModuleBuilder("éé日本\n😀(日)")
    m.place("(日)")
    f = m.function(name)
    f.location = 1
    x = f.input("x", tensor(2), "argument")
    operands = [x, x] if kind == "add" else [x]
    f.returns(y=(f.op(kind, *operands, to=tensor(2), **attributes), tensor(2)))
    return m.json


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
@pytest.mark.parametrize("name", ["range", "no_grad", "aten__add__Tensor", "S", "def", "print"])
def test_a_function_may_have_any_name_without_changing_what_it_calls(name, backend):
    program = Program(parse_module(returning(name)), backend=backend)
    assert program.run(name, {"x": torch.ones(2)})["y"].tolist() == [2, 2]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x; import os", "日本", "0"])
def test_a_function_whose_name_is_no_identifier_is_refused(name):
    with pytest.raises(HostError, match="not a name for a function"):
        parse_module(returning(name))


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
@pytest.mark.parametrize("value", [float("inf"), "inf", -float("inf")])
def test_infinity_may_be_an_attribute_as_a_number_or_as_its_name(value, backend):
    program = Program(parse_module(returning("f", "full_like", value=value)), backend=backend)
    assert program.run("f", {"x": torch.ones(2)})["y"].tolist() == [float(value)] * 2


def test_a_function_over_a_source_in_any_script_compiles_for_torchscript_and_exports(tmp_path: Path):
    """torch counts bytes: a place that ends within a character cannot be decoded."""
    data = conv_net_module()
    text = "é日本😀;\n" * 12
    end = len(text.encode("utf-16-le")) // 2
    data["sources"][0]["text"] = text
    for start in range(end):
        data["locations"] = [[0, start, min(start + 3, end), -1]]
        if text.encode("utf-16-le")[2 * start + 1] & 0xFC == 0xDC:
            continue  # the second half of a pair; TypeScript counts it, no token begins there
        Program(parse_module(data))
    program = Program(parse_module(data))
    export_function(program, "embed", "torchscript", str(tmp_path / "a.pt"))
    assert torch.jit.load(str(tmp_path / "a.pt"))(torch.zeros(1, 3, 8, 8)).shape == (1, 5)


@pytest.mark.parametrize("backend", ["torchscript", "eager"])
def test_a_failing_op_behind_characters_of_many_bytes_is_named_by_its_place(backend):
    m = ModuleBuilder('let ü = "日本😀"; f(x, y); // 日')
    f = m.function("step")
    x, y = f.input("x", tensor("A"), "argument"), f.input("y", tensor("A", dtype="i64"), "argument")
    place = m.place("f(x, y)")
    f.location = place
    f.returns(z=(f.op("sum", f.op("index_select", x, y, to=tensor("A")), to=NUMBER), NUMBER))
    with pytest.raises(HostError) as caught:
        Program(parse_module(m.json), backend=backend).run(
            "step", {"x": torch.ones(2), "y": torch.tensor([0, 2])}
        )
    _, start, end, _ = m.json["locations"][place]
    assert (caught.value.frames[0].start, caught.value.frames[0].end) == (start, end)


@pytest.mark.parametrize(
    "value", [10**5000, nested(900), "x" * 10**6], ids=["long number", "deep list", "long text"]
)
def test_a_refused_attribute_is_shown_in_few_words(value):
    data = returning("f", "full_like", value=1)
    data["functions"][0]["body"]["ops"][0]["attributes"]["value"] = value
    with pytest.raises(HostError, match="breaks V4") as caught:
        verify(parse_module(data))
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("depth", [300, 1000, 1020])
@pytest.mark.parametrize("key", ["kind", "buffers", "id"])
def test_a_head_that_nests_deep_is_refused(key, depth):
    head = b"\x81" + msgpack.packb(key) + b"\x91" * depth + b"\0"
    assert isinstance(read_work([memoryview(head), memoryview(b"\x80")]), Refused)


@pytest.mark.parametrize("shape", [[0, 2**50, 2**50], [0, 2**53], [2**62, 4, 0]])
def test_an_empty_buffer_of_impossible_sizes_is_refused(shape):
    head = {"kind": "plan", "id": 1, "buffers": [{"name": "a", "dtype": "f32", "shape": shape}]}
    work = read_work([memoryview(msgpack.packb(head)), memoryview(b"\x80"), memoryview(b"")])
    assert isinstance(work, Refused) and "buffer `a`" in work.error.message


def test_no_text_of_a_program_chooses_what_is_called():
    """Calls come from the generated table by the name of an op that is in it, and lead to aten or a short list."""
    for spec in OPS.values():
        for call in spec.calls:
            family, _, symbol = call.target.partition(":")
            assert family in ("aten", "f2c", "python", "math", "cast", "special"), call
            assert family != "math" or f"math_{symbol}" in NUMBERS
            assert family != "cast" or symbol in ("float", "int")
    assert not {"eval", "exec", "getattr", "open", "compile", "__import__"} & set(_COMMON)
