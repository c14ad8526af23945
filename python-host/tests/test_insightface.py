"""The file for insightface gives our embeddings in insightface's own wrapper, as pip installs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from test_exporters import ABOUT, INPUT, face_net, program_of

from f2c_host.errors import HostError
from f2c_host.export import export_function
from f2c_host.run.program import Program

SIDE = 112


@pytest.fixture(scope="module")
def net() -> Program:
    return program_of(face_net(SIDE))


@pytest.fixture(scope="module")
def file(net, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("insightface") / "net.insightface.onnx"
    export_function(net, "infer", "insightface", str(path), ABOUT)
    return path


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """RGB [N, H, W, 3]: noise around colours whose red and blue differ."""
    noise = np.random.default_rng(3).integers(-20, 21, (5, SIDE, SIDE, 3))
    return np.clip(noise + np.array([220, 128, 30]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def embeddings(net, pictures) -> np.ndarray:
    images = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    return net.run("infer", {"images": images})["embedding"].numpy()


# ---- in insightface's wrapper


@pytest.fixture(scope="module")
def wrapper(file):
    # insightface itself asks for opencv-python, which would lie over the headless one of these tests.
    module = pytest.importorskip(
        "insightface.model_zoo.arcface_onnx",
        reason="insightface is not installed: pip install --no-deps insightface tqdm requests",
        exc_type=ImportError,
    )
    made = module.ArcFaceONNX(str(file))
    made.prepare(-1)
    return made


def test_the_wrapper_guesses_the_range_that_the_file_takes(wrapper):
    assert (wrapper.input_mean, wrapper.input_std) == (127.5, 127.5)
    assert wrapper.input_size == (SIDE, SIDE) and wrapper.output_shape == ["B", 5]


def test_the_wrapper_gives_our_embeddings_of_pictures_as_opencv_reads_them(wrapper, pictures, embeddings):
    found = wrapper.get_feat([picture[..., ::-1] for picture in pictures])
    assert np.abs(found - embeddings).max() < 1e-5
    one = wrapper.get_feat(np.ascontiguousarray(pictures[0, ..., ::-1]))
    assert np.abs(one - embeddings[:1]).max() < 1e-5


def test_pictures_with_red_and_blue_swapped_give_others(wrapper, pictures, embeddings):
    found = wrapper.get_feat(list(pictures))
    assert np.abs(found - embeddings).max() > 0.05


def test_planes_of_pixels_give_our_embeddings_as_well(wrapper, pictures, embeddings):
    found = wrapper.forward(pictures.transpose(0, 3, 1, 2).astype(np.float32))
    assert np.abs(found - embeddings).max() < 1e-5


def test_insightface_takes_the_file_for_a_net_of_faces(wrapper, file):
    from insightface.model_zoo import get_model

    assert type(get_model(str(file), providers=["CPUExecutionProvider"])) is type(wrapper)


def test_what_the_docs_show_gives_our_embedding(wrapper, file, pictures, embeddings, tmp_path, monkeypatch):
    docs = (Path(__file__).parents[2] / "docs/exporting.md").read_text(encoding="utf-8")
    snippet = docs.split("## insightface\n")[1].split("```python\n")[1].split("```")[0]
    Image.fromarray(pictures[0]).save(tmp_path / "face.png")
    (tmp_path / "net.insightface.onnx").write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    shown: dict[str, np.ndarray] = {}
    exec(snippet, shown)
    assert np.abs(shown["embedding"] - embeddings[:1]).max() < 1e-5


# ---- without it


def test_no_name_of_a_node_looks_like_a_net_of_mxnet(file):
    names = [node.name for node in onnx.load(file).graph.node]
    assert all(name.startswith("f2c_") for name in names) and len(set(names)) == len(names)


def test_the_file_takes_what_arcface_torch_feeds_its_own(file, pictures, embeddings):
    session = onnxruntime.InferenceSession(file)
    (images,) = session.get_inputs()
    assert (images.type, images.shape) == ("tensor(float)", ["B", 3, SIDE, SIDE])
    normalised = (pictures.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5
    (found,) = session.run(None, {images.name: normalised})
    assert np.abs(found - embeddings).max() < 1e-5


def test_its_facts_say_how_it_is_fed_and_those_of_the_other_file_stay(net, file, tmp_path):
    about = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert json.loads(about["f2c.input"]) == {
        **json.loads(INPUT),
        **{"type": "float32", "pixels": False, "mean": 127.5, "scale": 127.5},
    }
    assert about["input.type"] == "float32" and about["input.normalisation"] == "(x - 127.5) / 127.5"
    export_function(net, "infer", "onnx", str(tmp_path / "net.onnx"), ABOUT)
    assert {e.key: e.value for e in onnx.load(tmp_path / "net.onnx").metadata_props} == ABOUT


def test_a_grey_net_is_refused_because_the_wrapper_feeds_colours(tmp_path):
    with pytest.raises(
        HostError, match=r"F2C6316: cannot export `infer`: insightface feeds .* three colours"
    ):
        export_function(program_of(face_net(8, 1)), "infer", "insightface", str(tmp_path / "net.onnx"), ABOUT)
    assert list(tmp_path.iterdir()) == []
