"""The table of exporters: the facts that each file carries, the ONNX graph beside torch, and what adding an exporter takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from ir_examples import NUMBER, ModuleBuilder, group, tensor
from safetensors import safe_open

from f2c_host import export
from f2c_host.errors import HostError
from f2c_host.export import EXPORTERS, Exporter, export_function
from f2c_host.export import onnx as onnx_exporter
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

ROWS = tensor("B", 2)
SIZE = {"scalar": "i64"}
INPUT = '{"size":[8,8],"channels":3,"order":"rgb","type":"uint8","pixels":true,"mean":127.5,"scale":128,"flip":false}'
ABOUT = {"experiment": "faces", "step": "12", "input.colours": "RGB", "f2c.input": INPUT}


def program_of(m: ModuleBuilder) -> Program:
    program = Program(parse_module(m.json))
    program.initialise(3)
    return program


def face_net(side: int = 8, channels: int = 3) -> ModuleBuilder:
    """infer(images u8 [B, C, H, W]) = unit rows [B, 5] of a convolution, a normalisation, an activation and a product."""
    m = ModuleBuilder()
    pixels, half = ("B", channels, side, side), side // 2
    maps, rows = tensor("B", 4, half, half), tensor("B", 5)
    m.parameter("net.conv.weight", tensor(4, channels, 3, 3), "kaiming_normal", fan="out", gain=1.4)
    m.parameter("net.bn.weight", tensor(4), "constant", value=1.5)
    m.parameter("net.bn.bias", tensor(4), "constant", value=0.25)
    m.state("net.bn.mean", tensor(4), "constant", value=0.1)
    m.state("net.bn.variance", tensor(4), "constant", value=2.0)
    m.parameter("net.act.slope", tensor(4), "constant", value=0.25)
    m.parameter("net.fc.weight", tensor(5, 4 * half * half), "kaiming_uniform", fan="in", gain=1.0)
    f = m.function("infer")
    x = f.op(
        "to", f.input("images", tensor(*pixels, dtype="u8"), "argument"), to=tensor(*pixels), dtype="f32"
    )
    x = f.op("sub", x, f.constant(127.5), to=tensor(*pixels))
    x = f.op("div", x, f.constant(128.0), to=tensor(*pixels))
    x = f.op("conv2d", x, f.state("net.conv.weight"), -1, to=maps, stride=[2, 2], padding=[1, 1])
    norm = [f.state(f"net.bn.{part}") for part in ("weight", "bias", "mean", "variance")]
    x = f.op("batch_norm", x, *norm, to=maps, training=False)
    x = f.op("prelu", x, f.state("net.act.slope"), to=maps)
    flat = tensor("B", 4 * half * half)
    x = f.op("linear", f.op("flatten", x, to=flat, start=1), f.state("net.fc.weight"), -1, to=rows)
    length = f.op("norm", x, to=tensor("B", 1), dim=[1], keepdim=True)
    f.returns(embedding=(f.op("div", x, length, to=rows), rows))
    return m


@pytest.fixture(scope="module")
def net() -> Program:
    return program_of(face_net())


@pytest.fixture(scope="module")
def graph(net, tmp_path_factory) -> tuple[Path, dict]:
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    return path, export_function(net, "infer", "onnx", str(path), ABOUT)


# ---- facts


def test_each_file_carries_the_facts_about_the_net_where_its_format_has_a_place_for_them(
    net, graph, tmp_path
):
    script, weights = str(tmp_path / "net.pt"), str(tmp_path / "net.safetensors")
    export_function(net, "infer", "torchscript", script, ABOUT)
    export_function(net, "infer", "safetensors", weights, ABOUT)
    extra = {"about.json": "", "f2c.input": ""}
    torch.jit.load(script, _extra_files=extra)
    assert json.loads(extra["about.json"]) == ABOUT and extra["f2c.input"].decode() == INPUT
    with safe_open(weights, "pt") as file:
        about = file.metadata()
    assert {**about, "f2c.input": ""} == {"format": "pt", **ABOUT, "f2c.input": ""}
    assert {p.key: p.value for p in onnx.load(graph[0]).metadata_props} == ABOUT
    assert onnxruntime.InferenceSession(graph[0]).get_modelmeta().custom_metadata_map == ABOUT


def test_a_file_of_weights_takes_what_is_normalised_where_the_whole_function_takes_pixels(net, tmp_path):
    path = tmp_path / "net.safetensors"
    export_function(net, "infer", "safetensors", str(path), ABOUT)
    with safe_open(path, "pt") as file:
        fed = json.loads(file.metadata()["f2c.input"])
    assert fed == {**json.loads(INPUT), "type": "float32", "pixels": False}


def test_a_net_over_rows_says_nothing_of_images(net, tmp_path):
    about = {"input.layout": "NC"}
    export_function(net, "infer", "safetensors", str(tmp_path / "w"), about)
    with safe_open(tmp_path / "w", "pt") as file:
        assert file.metadata() == {"format": "pt", **about}
    export_function(net, "infer", "torchscript", str(tmp_path / "net.pt"), about)
    extra = {"f2c.input": "none"}
    torch.jit.load(str(tmp_path / "net.pt"), _extra_files=extra)
    assert extra["f2c.input"] in ("none", b"")


def test_what_was_written_is_answered_with_its_size(net, graph, tmp_path):
    path, said = graph
    assert said["bytes"] == path.stat().st_size
    assert export_function(net, "infer", "safetensors", str(tmp_path / "w")) == {
        "bytes": (tmp_path / "w").stat().st_size
    }


# ---- ONNX


def test_onnxruntime_computes_what_torch_does_for_any_batch(net, graph):
    session = onnxruntime.InferenceSession(graph[0])
    for size in (1, 2, 3, 64):
        images = torch.randint(
            0, 256, (size, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(size)
        )
        (found,) = session.run(["embedding"], {"images": images.numpy()})
        wanted = net.run("infer", {"images": images})["embedding"].numpy()
        assert found.shape == (size, 5) and found.dtype == np.float32
        assert np.abs(found - wanted).max() < 1e-5
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_largest_difference_and_the_opset_are_stated(graph):
    said = graph[1]
    assert 0 <= said["difference from torch"] < 1e-5
    assert said["opset"] == 18 == onnx.load(graph[0]).opset_import[0].version


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        *((dtype, (2, 3, 8, 8)) for dtype in ("float32", "int8", "int64", "bool")),
        *(("uint8", size) for size in ((3, 8, 8), (2, 1, 8, 8), (2, 3, 7, 8), (2, 3, 8, 9), (2, 8, 8, 3))),
    ],
)
def test_onnxruntime_refuses_another_type_or_size_by_itself(graph, dtype, size):
    session = onnxruntime.InferenceSession(graph[0])
    with pytest.raises(
        onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match=r"images|data type"
    ):
        session.run(None, {"images": np.zeros(size, dtype)})


def test_the_graph_says_nothing_of_the_machine_and_keeps_the_names_of_the_weights(graph):
    model = onnx.load(graph[0])
    assert "net.fc.weight".removeprefix("net.") in {i.name for i in model.graph.initializer}
    assert b"f2c_host" not in model.SerializeToString() and b".py" not in model.SerializeToString()
    assert model.graph.name == "example"
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [
        "B",
        3,
        8,
        8,
    ]


def test_a_graph_that_is_not_what_torch_computes_is_not_kept(net, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_exporter, "TOLERANCE", 0.0)
    with pytest.raises(HostError, match=r"F2C6318: the ONNX file is not written: it is [\d.e-]+ off") as told:
        export_function(net, "infer", "onnx", str(tmp_path / "net.onnx"))
    assert told.value.kind == "fault" and list(tmp_path.iterdir()) == []


def test_the_difference_is_a_share_of_the_rows_length(net, monkeypatch):
    """A graph that is off by 1e-3 in rows of length 1000 is 1e-6 off."""
    m = ModuleBuilder()
    m.parameter("net.w", tensor(2), "constant", value=1.0)
    f = m.function("infer")
    x = f.op("mul", f.input("images", ROWS, "argument"), f.state("net.w"), to=ROWS)
    f.returns(embedding=(x, ROWS))
    made = export.exported(program_of(m), "infer", {})
    traceable = onnx_exporter.Traceable(made)
    content = onnx_exporter._graph(made, traceable).SerializeToString()
    monkeypatch.setattr(onnx_exporter, "_random", lambda entry, size: torch.tensor([[600.0, 800.0]] * size))
    traceable.w.data += torch.tensor([0.0, 1e-3 / 800])
    assert onnx_exporter._difference(made, traceable, content) == pytest.approx(1e-6, rel=0.1)


def written_at(text: str, place: str, make) -> ModuleBuilder:
    """infer(images) = what `make` does with them; what it adds is written at `place`."""
    m = ModuleBuilder(text, "exp.ts")
    m.parameter("net.w", tensor(2), "constant", value=3.0)
    m.group("net", ["net.w"])
    f = m.function("infer")
    x = f.op("mul", f.input("images", ROWS, "argument"), f.state("net.w"), to=ROWS)
    f.location = m.place(place)
    f.returns(embedding=(make(f, x), ROWS))
    return m


def a_foreach_norm(f, x):
    return f.op(
        "mul", x, f.op("foreach_norm", f.op("group", to=group("net"), name="net"), to=NUMBER), to=ROWS
    )


def a_negative_pixel(f, x):
    pixels = f.op("to", x, to=tensor("B", 2, dtype="u8"), dtype="u8")
    return f.op("to", f.op("neg", pixels, to=tensor("B", 2, dtype="u8")), to=ROWS, dtype="f32")


def a_loop_over_the_batch(f, x):
    with f.region(SIZE, ROWS) as (body, (_, carried)):
        f.op("yield", f.op("mul", carried, f.constant(2.0), to=ROWS))
    return f.op("for", f.op("size", x, to=SIZE, dim=0), x, to=ROWS, regions=[body])


def a_share_of_the_batch(f, x):
    share = f.op("scalar_div", f.constant(1.0), f.op("size", x, to=SIZE, dim=0), to={"scalar": "f64"})
    return f.op("mul", x, share, to=ROWS)


def a_random_number(f, x):
    return f.op("dropout", x, to=ROWS, p=0.5, training=True)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_foreach_norm, "ONNX cannot hold its `foreach_norm`: No ONNX function found for"),
        (a_negative_pixel, "ONNX cannot hold its `neg`: .*tensor.uint8"),
        (
            a_loop_over_the_batch,
            "ONNX cannot hold its `for`: the graph would be another for another number of rows",
        ),
        (a_share_of_the_batch, "ONNX cannot hold its `size`: the graph would be another"),
        (a_random_number, "`dropout` draws random numbers"),
    ],
)
def test_what_a_graph_cannot_hold_is_named_with_the_users_line(make, says, tmp_path):
    text = "const a = net(images);\nreturn strange(a);\n"
    program = program_of(written_at(text, "strange(a)", make))
    with pytest.raises(HostError, match=f"F2C6316: cannot export `infer`: {says}") as told:
        export_function(program, "infer", "onnx", str(tmp_path / "net.onnx"))
    (frame, *_) = told.value.frames
    assert (frame.path, text[frame.start : frame.end]) == ("exp.ts", "strange(a)")
    assert list(tmp_path.iterdir()) == []


def test_a_size_of_the_batch_that_is_multiplied_with_stays_a_size(tmp_path):
    """infer(images) = 3 B images."""

    def make(f, x):
        return f.op("mul", x, f.op("size", x, to=SIZE, dim=0), to=ROWS)

    program = program_of(written_at("f(x)", "f(x)", make))
    export_function(program, "infer", "onnx", str(tmp_path / "net.onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    for size in (1, 4, 7):
        (found,) = session.run(None, {"images": np.ones((size, 2), np.float32)})
        assert np.allclose(found, np.full((size, 2), 3 * size))


def test_dropout_that_is_off_is_nothing(tmp_path):
    program = program_of(
        written_at("f(x)", "f(x)", lambda f, x: f.op("dropout", x, to=ROWS, p=0.5, training=False))
    )
    assert export_function(program, "infer", "onnx", str(tmp_path / "net.onnx"))["difference from torch"] == 0


def test_a_number_is_no_input_of_an_onnx_file(tmp_path):
    m = ModuleBuilder()
    f = m.function("infer")
    x, scale = f.input("images", ROWS, "argument"), f.input("scale", {"scalar": "f64"}, "argument")
    f.returns(embedding=(f.op("mul", x, scale, to=ROWS), ROWS))
    with pytest.raises(HostError, match="F2C6316: cannot export `infer`: `scale` is a number"):
        export_function(program_of(m), "infer", "onnx", str(tmp_path / "net.onnx"))


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(net, tmp_path, monkeypatch):
    needs = ("onnx", "no_such_package_of_onnx")
    monkeypatch.setitem(EXPORTERS, "onnx", Exporter(".onnx", onnx_exporter.write, needs))
    with pytest.raises(HostError, match="F2C6319: exporting to onnx needs no_such_package_of_onnx") as told:
        export_function(net, "infer", "onnx", str(tmp_path / "net.onnx"))
    assert told.value.hint == f"{sys.executable} -m pip install no_such_package_of_onnx"
    assert told.value.kind == "host" and list(tmp_path.iterdir()) == []


def test_the_table_is_read_without_the_packages_of_any_exporter():
    """Neither the host's start nor the other exporters wait for them."""
    code = "import sys, f2c_host.export; assert not {'onnx', 'onnxscript', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- an exporter of one's own: a function in a file, and a row


def write_names(net: export.Exported, file) -> dict[str, object]:
    """The names of the weights, a line each."""
    file.write("".join(f"{name}\n" for name in sorted(net.values)).encode())
    return {"names": len(net.values)}


def test_an_exporter_is_a_file_and_a_row(net, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTERS, "names", Exporter(".txt", write_names))
    assert export_function(net, "infer", "names", str(tmp_path / "net.txt"))["names"] == 7
    assert (tmp_path / "net.txt").read_text().splitlines()[:2] == ["act.slope", "bn.bias"]


def test_an_exporter_that_there_is_not_is_answered_with_those_that_there_are(net, tmp_path):
    with pytest.raises(HostError, match="F2C6317: there is no exporter `tflite`") as told:
        export_function(net, "infer", "tflite", str(tmp_path / "net"))
    assert told.value.hint == "choose of torchscript, safetensors, onnx, insightface"
