"""Exported files: what torch alone reads back, whatever the storages are called and whatever the function calls."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from ir_examples import NUMBER, ModuleBuilder, group, tensor
from safetensors.torch import load_file

from f2c_host.errors import HostError
from f2c_host.export import export_function
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

ROWS = tensor("B", 2)
GIVEN = torch.tensor([[1.0, 2.0]])


def made(m: ModuleBuilder) -> Program:
    program = Program(parse_module(m.json))
    program.initialise(0)
    return program


def export_both(program: Program, folder: Path) -> tuple[str, str]:
    """`infer` as TorchScript and as safetensors."""
    script, weights = str(folder / "net.pt"), str(folder / "net.safetensors")
    export_function(program, "infer", "torchscript", script)
    export_function(program, "infer", "safetensors", weights)
    return script, weights


def exported(m: ModuleBuilder, folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What `infer`, read back from its file, makes of GIVEN, and the weights beside it."""
    script, weights = export_both(made(m), folder)
    return torch.jit.load(script)(GIVEN), load_file(weights)


def product_of(*names: str, beside: str | None = None) -> ModuleBuilder:
    """infer(images) = images times 3 of the first name, 5 of the second, and so on; `beside` is listed first, and not read."""
    m = ModuleBuilder()
    if beside is not None:
        m.parameter(beside, tensor(2), "constant", value=9.0)
    for name, value in zip(names, (3.0, 5.0, 7.0), strict=False):
        m.parameter(name, tensor(2), "constant", value=value)
    f = m.function("infer")
    x = f.input("images", ROWS, "argument")
    for name in names:
        x = f.op("mul", x, f.state(name), to=ROWS)
    f.returns(embedding=(x, ROWS))
    return m


TEXT = "// header\nembed: ({ net }, images) =>\n  net(images),\n"


def of_images(*, text: str = TEXT) -> ModuleBuilder:
    """infer(images u8 [B, 3, 8, 6]) = their pixels in rows, times 2; written in the second line of its source."""
    m = ModuleBuilder(text, "exp.ts")
    m.parameter("net.w", tensor(), "constant", value=2.0)
    f = m.function("infer")
    f.json["location"] = m.place("({ net }, images) =>\n  net(images)")
    images = f.input("images", tensor("B", 3, 8, 6, dtype="u8"), "argument")
    reals = f.op("to", images, to=tensor("B", 3, 8, 6), dtype="f32")
    rows = f.op("flatten", reals, to=tensor("B", 144), start=1)
    f.returns(embedding=(f.op("mul", rows, f.state("net.w"), to=tensor("B", 144)), tensor("B", 144)))
    return m


# In a process without this package: what comes of a batch of 1 and of 7, and the errors of what is given.
ALONE = """
import json, sys, torch
assert not any("f2c" in name for name in sys.modules)
net = torch.jit.load(sys.argv[1])
for size in ([1, 3, 8, 6], [7, 3, 8, 6]):
    assert net(torch.ones(size, dtype=torch.uint8)).shape == (size[0], 144)
said = []
for dtype, size in json.loads(sys.argv[2]):
    try:
        said.append(str(net(torch.zeros(size, dtype=getattr(torch, dtype)))))
    except torch.jit.Error as error:
        said.append(str(error))
print(json.dumps(said))
"""

MISFITS = [
    *((dtype, [2, 3, 8, 6]) for dtype in ("float32", "bool", "int8", "int64", "bfloat16", "uint16")),
    *(("uint8", size) for size in ([3, 8, 6], [2, 3, 8, 6, 1], [2, 1, 8, 6], [0, 3, 8, 6])),
    *(("uint8", size) for size in ([2, 3, 7, 6], [2, 3, 9, 6], [2, 3, 8, 5], [2, 3, 6, 8])),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("file")
    script, _ = export_both(made(of_images()), folder)
    command = [sys.executable, "-W", "ignore", "-c", ALONE, script, json.dumps(MISFITS)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", range(len(MISFITS)), ids=[f"{d}-{s}" for d, s in MISFITS])
def test_a_file_refuses_what_its_signature_does_not_say_at_the_line_of_embed(case, said):
    dtype, size = MISFITS[case]
    got = f"{dtype.replace('uint16', 'another type')} {size}"
    assert f"`images` must be uint8 [B, 3, 8, 6], pixels from 0 to 255; got {got}\n" in said[case]
    assert 'File "exp.ts", line 2' in said[case] and "embed: ({ net }, images) =>" in said[case]


def test_one_name_is_one_size_over_all_that_a_file_is_given(tmp_path):
    m = ModuleBuilder()
    m.parameter("net.w", tensor(2), "constant", value=3.0)
    f = m.function("infer")
    a, b = (f.input(name, ROWS, "argument") for name in ("a", "b"))
    f.returns(embedding=(f.op("mul", f.op("add", a, b, to=ROWS), f.state("net.w"), to=ROWS), ROWS))
    export_both(made(m), tmp_path)
    net = torch.jit.load(str(tmp_path / "net.pt"))
    assert net(torch.ones(4, 2), torch.ones(4, 2)).tolist() == [[6.0, 6.0]] * 4
    with pytest.raises(torch.jit.Error, match=r"`b` must be float32 \[B, 2\]; got float32 \[1, 2\]"):
        net(torch.ones(4, 2), torch.ones(1, 2))


STRANGE = ["in", "is", "for", "None", "é", "half", "float", "type", "to", "train", "training", "forward"]
STRANGE += ["torch", "code", "_c", "_modules", "a-b", "x y", "0", "", "_xc3a9"]


@pytest.mark.parametrize("part", STRANGE)
def test_a_part_of_a_name_may_be_a_word_that_torchscript_keeps_for_itself(part, tmp_path):
    names = [f"probe.{part}", f"probe.net.{part}.w", "probe.w"]
    got, weights = exported(product_of(*names), tmp_path)
    assert torch.equal(got, GIVEN * 105)
    assert set(weights) == {name.removeprefix("probe.") for name in names}


@pytest.mark.parametrize("leaf", ["a", "c", "modules"])
def test_a_name_may_go_on_where_another_ends(leaf, tmp_path):
    got, _ = exported(product_of(f"probe.{leaf}", f"probe.{leaf}.b", f"probe._t_{leaf}"), tmp_path)
    assert torch.equal(got, GIVEN * 105)


def test_plain_names_are_those_of_the_torchscript_module_too(tmp_path):
    exported(product_of("probe.stem.0.weight", "probe.fc_1.bias"), tmp_path)
    read = torch.jit.load(str(tmp_path / "net.pt"))
    assert [name for name, _ in read.named_parameters()] == ["stem.0.weight", "fc_1.bias"]


@pytest.mark.parametrize(
    ("names", "in_file"),
    [
        (["net.0.weight", "net.0.bias"], ["0.weight", "0.bias"]),
        (["gallery.0.weight", "gallery.0.bias"], ["0.weight", "0.bias"]),
        (["net.fc.weight"], ["fc.weight"]),  # not shorter because nothing lies beside it
        (["net.weight", "head.weight"], ["net.weight", "head.weight"]),
        (["net.weight", "mean"], ["net.weight", "mean"]),
        (["scale"], ["scale"]),
        (["a.weight", "weight"], ["a.weight", "weight"]),
    ],
)
def test_names_lose_the_key_of_the_state_that_all_of_them_lie_under(names, in_file, tmp_path):
    _, weights = exported(product_of(*names), tmp_path)
    assert set(weights) == set(in_file)
    assert torch.jit.load(str(tmp_path / "net.pt")).state_dict().keys() == set(in_file)


def test_what_the_function_does_not_read_has_no_say_in_the_names(tmp_path):
    m = product_of("net.blocks.0.weight", beside="classes.weight")
    assert set(exported(m, tmp_path)[1]) == {"blocks.0.weight"}


@pytest.mark.parametrize(
    ("beside", "held"),
    [("net.token", True), ("net.blocks.1.token", True), ("other.token", False), ("network.token", False)],
)
def test_parameters_that_only_training_uses_are_in_the_file_of_weights_alone(tmp_path, beside, held):
    m = product_of("net.blocks.0.weight", "net.fc.weight", beside=beside)
    read = {"blocks.0.weight", "fc.weight"}
    _, weights = exported(m, tmp_path)
    assert set(weights) == read | ({beside.removeprefix("net.")} if held else set())
    assert torch.jit.load(str(tmp_path / "net.pt")).state_dict().keys() == read


def test_parameters_beside_the_module_that_is_exported_are_none_of_it(tmp_path):
    m = product_of("net.backbone.a.weight", "net.backbone.b.weight", beside="net.head.weight")
    assert set(exported(m, tmp_path)[1]) == {"backbone.a.weight", "backbone.b.weight"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_net_that_holds_what_is_not_finite_is_not_exported(tmp_path, value):
    program = made(product_of("net.w", "net.v"))
    with torch.no_grad():
        program.storage["net.v"][1] = value
    with pytest.raises(HostError, match=r"net\.v holds NaN or infinity; the net is not exported") as caught:
        export_both(program, tmp_path)
    assert caught.value.code == "F2C6207" and list(tmp_path.iterdir()) == []


def test_a_weight_of_training_alone_that_is_not_finite_keeps_from_a_file_only_where_that_holds_it(tmp_path):
    program = made(product_of("net.w", beside="net.token"))
    with torch.no_grad():
        program.storage["net.token"][0] = float("nan")
    export_function(program, "infer", "torchscript", str(tmp_path / "net.pt"))
    export_function(program, "infer", "onnx", str(tmp_path / "net.onnx"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(
        HostError, match=r"net\.token holds NaN or infinity; the net is not exported"
    ) as caught:
        export_function(program, "infer", "safetensors", str(tmp_path / "net.safetensors"))
    assert caught.value.code == "F2C6207" and sorted(tmp_path.iterdir()) == before


def test_a_twins_weights_are_parameters_as_its_originals_are(tmp_path):
    """Whoever trains the file's net further asks it for its parameters."""
    m = ModuleBuilder()
    m.parameter("probe.w", tensor(2), "constant", value=3.0)
    m.state("probe.mean", tensor(2), "constant", value=0.0)
    m.twin("gallery.w", of="probe.w")
    m.twin("gallery.mean", of="probe.mean")
    f = m.function("infer")
    images = f.op("mul", f.input("images", ROWS, "argument"), f.state("gallery.w"), to=ROWS)
    f.returns(embedding=(f.op("sub", images, f.state("gallery.mean"), to=ROWS), ROWS))
    got, weights = exported(m, tmp_path)
    assert torch.equal(got, GIVEN * 3) and set(weights) == {"w", "mean"}
    read = torch.jit.load(str(tmp_path / "net.pt"))
    assert [name for name, _ in read.named_parameters()] == ["w"]
    assert [name for name, _ in read.named_buffers()] == ["mean"]


def calling(make: Any) -> ModuleBuilder:
    m = ModuleBuilder()
    m.parameter("probe.w", tensor(2), "constant", value=3.0)
    m.parameter("probe.v", tensor(2), "constant", value=4.0)
    m.group("net", ["probe.w", "probe.v"])
    f = m.function("infer")
    f.returns(y=(make(f, f.input("images", ROWS, "argument")), ROWS))
    return m


def test_a_function_that_makes_tensors_makes_them_where_its_input_is(tmp_path):
    def make(f, images):
        return f.op("add", images, f.op("full", to=tensor(2), shape=[2], value=3.0), to=ROWS)

    got, _ = exported(calling(make), tmp_path)
    assert torch.equal(got, GIVEN + 3)
    assert "prim::device" in str(torch.jit.load(str(tmp_path / "net.pt")).graph)


def test_a_list_of_numbers_is_in_the_code_of_the_file_and_no_weight_of_it(tmp_path):
    def make(f, images):
        given = {"shape": [2], "dtype": "f32"}
        return f.op("add", images, f.op("tensor", to=tensor(2), values=[0.5, -3], **given), to=ROWS)

    got, weights = exported(calling(make), tmp_path)
    assert torch.equal(got, GIVEN + torch.tensor([0.5, -3.0]))
    assert not weights


def test_the_members_of_a_group_are_weights_of_the_file(tmp_path):
    def make(f, images):
        length = f.op("foreach_norm", f.op("group", to=group("net"), name="net"), to=NUMBER)
        return f.op("mul", images, length, to=ROWS)

    got, weights = exported(calling(make), tmp_path)
    torch.testing.assert_close(got, GIVEN * 50**0.5)
    assert set(weights) == {"w", "v"}


def two_results() -> ModuleBuilder:
    m = ModuleBuilder()
    f = m.function("infer")
    x = f.input("images", ROWS, "argument")
    f.returns(a=(x, ROWS), b=(x, ROWS))
    return m


def with_a_gradient() -> ModuleBuilder:
    def make(f, images):
        weights = f.op("group", to=group("net"), name="net")
        f.op("gradients", f.op("sum", images, to=NUMBER), weights, to=group("net"))
        return images

    return calling(make)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (two_results(), "it returns 2 results"),
        (with_a_gradient(), "it takes gradients"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_none_is_written(module, says, tmp_path):
    with pytest.raises(HostError, match="F2C6316") as caught:
        exported(module, tmp_path)
    assert says in caught.value.message and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("full", ["net.pt", "net.safetensors"])
def test_a_full_disk_is_an_error_that_says_so_and_leaves_the_file_of_before(full, tmp_path):
    (tmp_path / full).write_text("before")
    (tmp_path / f".{full}.partial").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        exported(product_of("probe.w"), tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / full).read_text() == "before"
    assert not (tmp_path / f".{full}.partial").is_symlink()
