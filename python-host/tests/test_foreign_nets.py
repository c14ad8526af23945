"""Nets in files that others wrote: what is fed to them, what they give, and that a damaged file is an error and no more."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor

from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError
from f2c_host.nets import open_net
from f2c_host.run.embedding import embed_images
from f2c_host.run.feeding import Feeding
from f2c_host.run.matrices import Matrix
from f2c_host.serve.session import Session
from f2c_host.wire.frames import Message
from f2c_host.wire.protocol import check_request

SHAPE = (3, 4, 5)
IMAGES = np.array([3, 0, 19, 7, 7], np.int32)


class Pictures:
    """Twenty random colour images."""

    shape = SHAPE

    def __init__(self) -> None:
        chance = torch.Generator().manual_seed(1)
        self.pixels = torch.randint(0, 256, (20, *SHAPE), generator=chance).byte()

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, indices: np.ndarray) -> Tensor:
        return self.pixels[torch.from_numpy(np.asarray(indices, np.int64))]


class Flat(torch.nn.Module):
    """All values of an image, as reals: what a net was fed with can be read off its rows."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().flatten(1)


class Twice(torch.nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.float().flatten(1), images.float()


class Sums(torch.nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float().sum()


def script(path: Path, net: torch.nn.Module, texts: dict[str, str] | None = None) -> Path:
    torch.jit.save(torch.jit.script(net.eval()), str(path), _extra_files=texts or {})
    return path


def graph(
    path: Path, *, dtype: int = TensorProto.FLOAT, batch: object = "B", outputs: int = 1, channels: int = 3
) -> Path:
    """Flat as ONNX."""
    names = [f"rows{i}" for i in range(outputs)]
    nodes = [helper.make_node("Cast", ["images"], ["reals"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("Flatten", ["reals"], [name]) for name in names]
    made = helper.make_graph(
        nodes,
        "flat",
        [helper.make_tensor_value_info("images", dtype, [batch, channels, *SHAPE[1:]])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 60]) for name in names],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"f2c.input": "{}"})
    onnx.save(model, path)
    return path


@pytest.fixture
def prefetcher() -> Iterator[Prefetcher]:
    prefetcher = Prefetcher(1, 2)
    yield prefetcher
    prefetcher.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {"torchscript": script(tmp_path / "net.pt", Flat()), "onnx": graph(tmp_path / "net.onnx")}


def embedded(kind: str, path: Path, prefetcher: Prefetcher, *given: object) -> np.ndarray:
    net = open_net(kind, path, "cpu", 1)
    return embed_images(net.forward, Pictures(), prefetcher, IMAGES, 2, *given).rows


@pytest.mark.parametrize("kind", ["torchscript", "onnx"])
class TestWhatANetIsFedWith:
    def test_is_the_image_less_the_mean_by_the_scale(self, kind, files, prefetcher):
        rows = embedded(kind, files[kind], prefetcher, Feeding(False, torch.float32, (127.5,), (128.0,)))
        wanted = (Pictures().pixels[IMAGES.astype(np.int64)].numpy().astype(np.float32) - 127.5) / 128
        assert np.array_equal(rows, wanted.reshape(len(IMAGES), -1))

    def test_is_each_channel_with_numbers_of_its_own_after_they_were_reversed(self, kind, files, prefetcher):
        feeding = Feeding(True, torch.float32, (10.0, 20.0, 30.0), (2.0, 4.0, 8.0))
        rows = embedded(kind, files[kind], prefetcher, feeding).reshape(-1, *SHAPE)
        pixels = Pictures().pixels[IMAGES.astype(np.int64)].numpy().astype(np.float32)
        for channel, (mean, scale) in enumerate([(10, 2), (20, 4), (30, 8)]):
            assert np.array_equal(rows[:, channel], (pixels[:, 2 - channel] - mean) / scale)

    def test_is_the_mirror_image_too_where_that_is_asked_for(self, kind, files, prefetcher):
        feeding = Feeding(False, torch.float32)
        pixels = Pictures().pixels[IMAGES.astype(np.int64)].numpy().astype(np.float32)
        both = [side.reshape(len(IMAGES), -1) for side in (pixels, pixels[..., ::-1])]
        assert np.array_equal(embedded(kind, files[kind], prefetcher, feeding, "rows"), both[0] + both[1])
        unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in both]
        assert np.allclose(
            embedded(kind, files[kind], prefetcher, feeding, "unit"), unit[0] + unit[1], atol=1e-6
        )


def test_numbers_for_other_channels_are_refused(files, prefetcher):
    with pytest.raises(HostError, match="2 numbers are given for images of 3 channels") as caught:
        embedded("onnx", files["onnx"], prefetcher, Feeding(False, torch.float32, (1.0, 2.0)))
    assert caught.value.code == "F2C6341"


def test_an_onnx_file_says_what_it_takes_and_a_batch_of_its_own_is_filled_up(tmp_path, prefetcher):
    path = graph(tmp_path / "one.onnx", dtype=TensorProto.UINT8, batch=2)
    net = open_net("onnx", path, "cpu", None)
    assert net.input == {"type": "uint8", "shape": [2, *SHAPE]}
    assert net.texts == {"f2c.input": "{}"}
    rows = embed_images(net.forward, Pictures(), prefetcher, IMAGES, 64).rows
    wanted = Pictures().pixels[IMAGES.astype(np.int64)].numpy().reshape(len(IMAGES), -1)
    assert np.array_equal(rows, wanted)


def test_a_torchscript_file_gives_the_texts_beside_its_code(tmp_path):
    path = script(tmp_path / "net.pt", Flat(), {"f2c.input": '{"size":[4,5]}', "long": "x" * (2 << 20)})
    assert open_net("torchscript", path, "cpu", None).texts == {"f2c.input": '{"size":[4,5]}'}


class TestRefused:
    def check(self, kind: str, path: Path, code: str, complaint: str) -> None:
        with pytest.raises(HostError) as caught:
            open_net(kind, path, "cpu", None)
        assert caught.value.code == code
        assert complaint in caught.value.message
        assert str(path) in caught.value.message

    def test_a_file_that_is_not_there(self, tmp_path):
        for kind in ("torchscript", "onnx"):
            self.check(kind, tmp_path / "none", "F2C6340", "there is no such file")

    def test_files_of_something_else(self, tmp_path):
        weights = tmp_path / "weights.pt"
        torch.save({"weight": torch.zeros(3)}, weights)
        self.check("torchscript", weights, "F2C6340", "it holds weights and no program")
        packed = tmp_path / "packed.pt"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("net/code/x.py", "0" * (65 << 20))
        self.check("torchscript", packed, "F2C6340", "torch.jit.save did not write it")
        text = tmp_path / "text"
        text.write_text("hello")
        self.check("torchscript", text, "F2C6340", "damaged, cut short or no TorchScript")
        self.check("onnx", text, "F2C6340", "onnxruntime says")
        self.check("onnx", script(tmp_path / "a.pt", Flat()), "F2C6340", "onnxruntime says")
        self.check("torchscript", graph(tmp_path / "a.onnx"), "F2C6340", "no TorchScript")

    def test_graphs_of_another_form(self, tmp_path):
        self.check(
            "onnx", graph(tmp_path / "2.onnx", outputs=2), "F2C6340", "gives 2 outputs (images, rows0, rows1)"
        )
        whole = graph(tmp_path / "b.onnx", dtype=TensorProto.BOOL)
        self.check("onnx", whole, "F2C6340", "its input images is tensor(bool)")

    def test_an_onnx_file_where_nothing_runs_it(self, files, monkeypatch):
        monkeypatch.setattr("f2c_host.nets.onnx.find_spec", lambda _name: None)
        with pytest.raises(HostError, match="needs onnxruntime") as caught:
            open_net("onnx", files["onnx"], "cpu", None)
        assert caught.value.code == "F2C6343" and "f2c-dsl setup --onnx" in caught.value.hint

    def test_an_unknown_kind(self, tmp_path):
        with pytest.raises(HostError, match="there is no kind `keras`"):
            open_net("keras", tmp_path, "cpu", None)

    @pytest.mark.parametrize("net, found", [(Twice(), "tuple"), (Sums(), "torch.float32 []")])
    def test_what_is_no_row_an_image(self, tmp_path, prefetcher, net, found):
        path = script(tmp_path / "net.pt", net)
        with pytest.raises(HostError, match="not a row of reals an image") as caught:
            embedded("torchscript", path, prefetcher)
        assert caught.value.code == "F2C6342" and f"gives {found}" in caught.value.message.replace("\\", "")

    def test_images_that_do_not_fit(self, tmp_path, prefetcher):
        linear = script(tmp_path / "net.pt", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(61, 2)))
        narrow = graph(tmp_path / "net.onnx", channels=1)
        for kind, path in (("torchscript", linear), ("onnx", narrow)):
            prefetcher.forget_all()
            with pytest.raises(HostError, match=r"cannot embed images \[2, 3, 4, 5\]") as caught:
                embedded(kind, path, prefetcher, Feeding(False, torch.float32))
            assert caught.value.code == "F2C6341"


_MANY = """
import random, sys
from pathlib import Path
from f2c_host.errors import HostError
from f2c_host.nets import open_net
kind, path = sys.argv[1], Path(sys.argv[2])
whole, chance, refused = path.read_bytes(), random.Random(5), 0
damaged = path.with_suffix(".damaged")
for _ in range(int(sys.argv[3])):
    data = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.4 else whole)
    for _ in range(chance.randrange(1, 9)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    damaged.write_bytes(data)
    try:
        open_net(kind, damaged, "cpu", 1)
    except HostError as error:
        refused += error.code == "F2C6340"
print(refused)
"""


@pytest.mark.parametrize("kind", ["torchscript", "onnx"])
def test_a_host_survives_damaged_files(files, kind):
    """In a process of its own, since what fails here would end it."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY, kind, str(files[kind]), "300"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # Some bytes are names, or nothing: with others a file is as good.
    assert int(done.stdout.split()[-1]) > 150


class TestInASession:
    @pytest.fixture
    def session(self) -> Iterator[Session]:
        session = Session()
        session._sources["faces"] = Faces()
        yield session
        session.close()

    def ask(self, session: Session, kind: str, buffers=None, /, **body):
        return session.answer(check_request(Message(kind, body, buffers or {}, 1)))

    def load(self, session: Session, path: Path, kind: str = "torchscript"):
        return self.ask(session, "load_net", program="net", kind=kind, path=str(path), device="cpu")

    def test_a_net_is_loaded_asked_read_and_let_go(self, session, files):
        answer = self.load(session, files["torchscript"])
        assert answer.body["texts"] == {} and answer.body["bytes"] == files["torchscript"].stat().st_size
        images = {"images": np.arange(5, dtype=np.int32)}
        fed = {"reversed": False, "type": "float32", "mean": [1.0], "scale": [2.0]}
        given = {"program": "net", "matrix": "m", "source": "faces", "function": "forward", "batch": 2}
        answer = self.ask(session, "embed", images, **given, input=fed)
        assert answer.body["width"] == 60
        rows = self.ask(session, "rows", matrix="m", first=1, count=3).buffers["rows"]
        wanted = (Pictures().pixels[1:4].numpy().astype(np.float32) - 1) / 2
        assert np.array_equal(rows, wanted.reshape(3, -1))
        self.ask(session, "unload", program="net")
        with pytest.raises(HostError, match="no program is called `net`"):
            self.ask(session, "embed", images, **given)
        # Its rows are there all the same.
        assert self.ask(session, "rows", matrix="m", first=0, count=0).buffers["rows"].shape == (0, 60)

    @pytest.mark.parametrize(
        "changed, code, complaint",
        [
            ({"function": "infer"}, "F2C6313", "no function `infer`; it has forward"),
            ({"flip": "both"}, "F2C6506", "`flip` is 'both'; it is one of rows, unit"),
            (
                {"input": {"reversed": False, "type": "int8", "mean": [0], "scale": [1]}},
                "F2C6506",
                "`input` is",
            ),
            (
                {"input": {"reversed": False, "type": "uint8", "mean": [0], "scale": [0]}},
                "F2C6506",
                "`input` is",
            ),
        ],
    )
    def test_what_a_net_cannot_be_asked_is_refused(self, session, files, changed, code, complaint):
        self.load(session, files["torchscript"])
        given = {"program": "net", "matrix": "m", "source": "faces", "function": "forward"}
        with pytest.raises(HostError) as caught:
            self.ask(session, "embed", {"images": np.zeros(1, np.int32)}, **{**given, **changed})
        assert caught.value.code == code and complaint in caught.value.message

    def test_one_that_cannot_be_read_leaves_the_one_before_it(self, session, files, tmp_path):
        self.load(session, files["onnx"], "onnx")
        with pytest.raises(HostError):
            self.load(session, tmp_path / "none")
        given = {"program": "net", "matrix": "m", "source": "faces", "function": "forward"}
        fed = {"reversed": False, "type": "float32", "mean": [0.0], "scale": [1.0]}
        self.ask(session, "embed", {"images": np.zeros(1, np.int32)}, **given, input=fed)

    def test_rows_that_there_are_not_are_refused(self, session):
        session._matrices["m"] = Matrix(np.zeros((4, 2), np.float32))
        for first, count in ((4, 1), (0, 5), (3, 2)):
            with pytest.raises(HostError) as caught:
                self.ask(session, "rows", matrix="m", first=first, count=count)
            assert caught.value.code == "F2C6314"

    def test_rows_of_raw_pixels_come_without_their_mean(self, session):
        session._matrices["m"] = Matrix(np.array([[1, 2, 6]], np.uint8), centred=True)
        assert self.ask(session, "rows", matrix="m", first=0, count=1).buffers["rows"].tolist() == [
            [-2, -1, 3]
        ]


class Faces(Pictures):
    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        return np.zeros(len(indices), bool)
