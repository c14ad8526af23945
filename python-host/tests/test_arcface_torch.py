"""State dicts of arcface_torch's nets, converted, start ours: names, counts, and the embeddings of literal ones in PyTorch."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from arcface_torch_nets import IResNet, Mbf, shaken
from compiled import ROOT, node
from driver import Driver
from indexed import index_spec
from nets_reference import Vit
from PIL import Image
from torch import nn

from f2c_host.convert.known_nets import recognised
from f2c_host.files.safetensors_file import sha256_of

CLI = ROOT / "dist/runtime/cli/main.js"


def study(net: str) -> str:
    return f"""
import {{ embed, fixed, iresnet, mbf, study, syntheticFaces, vit, weights }} from "f2c-dsl";
const net = weights({net}, "net.safetensors");
const data = syntheticFaces({{ identities: 2, imagesPerIdentity: fixed(2), size: 32 }});
export default study({{ features: embed({{ net, data }}) }});
"""


def vit_there(width: int, depth: int, embedding: int = 512, size: int = 112) -> Vit:
    net = Vit(width, depth, 8, embedding, size, mask=0.1, p=0.1)
    nn.init.normal_(net.pos_embed, std=0.5)
    return net


@pytest.mark.parametrize(
    ("make", "call", "parameters"),
    [
        (lambda: IResNet(18), "iresnet(18)", 24_025_600),
        (lambda: IResNet(34), "iresnet(34)", 34_139_328),
        (lambda: IResNet(50), "iresnet(50)", 43_590_848),
        (lambda: IResNet(100), "iresnet(100)", 65_156_160),
        (lambda: IResNet(200), "iresnet(200)", 118_833_920),
        (Mbf, "mbf()", 2_059_520),
        (lambda: Mbf(large=True), "mbf({ large: true })", 6_314_880),
        (lambda: vit_there(256, 12), 'vit("tiny")', 19_137_792),
        (lambda: vit_there(512, 12), 'vit("small")', 76_023_296),
        (lambda: vit_there(512, 24), 'vit("base")', 113_833_472),
        (lambda: vit_there(768, 24), 'vit("large")', 255_684_352),
        (lambda: vit_there(1024, 48, 256), "vit({ width: 1024, depth: 48 }, { embedding: 256 })", None),
        (lambda: IResNet(18, embedding=128), "iresnet(18, { embedding: 128 })", None),
        (lambda: Mbf(True, embedding=128), "mbf({ large: true, embedding: 128 })", None),
    ],
)
def test_a_net_is_recognised_by_its_names_alone(make, call, parameters):
    with torch.device("meta"):
        net = make()
    state = net.state_dict()
    known = recognised(state)
    assert known.call == call and known.renames.keys() == state.keys()
    count = sum(p.numel() for p in net.parameters())
    assert sum(state[name].numel() for name in known.parameters) == count
    assert parameters in (count, None)


def test_the_sample_in_the_documentation_is_what_convert_says(tmp_path: Path):
    state = {f"module.{name}": value for name, value in IResNet(18).state_dict().items()}
    torch.save({"epoch": 7, "state_dict": state}, tmp_path / "checkpoint.pth")
    files = (tmp_path / "checkpoint.pth", "--to", tmp_path / "net.safetensors")
    said = node(CLI, "convert", *files, env={"F2C_PYTHON": sys.executable})
    lines = re.sub(r"\S*/net\.safetensors", "net.safetensors", said).splitlines()
    assert "\n".join(line and f"    {line}" for line in lines) in (ROOT / "docs/weights.md").read_text()


@pytest.mark.parametrize(
    ("literal", "call"),
    [
        (lambda: IResNet(18, size=32), "iresnet(18)"),
        (lambda: Mbf(size=32), "mbf()"),
        (lambda: Mbf(True, size=32, embedding=64), "mbf({ large: true, embedding: 64 })"),
        (lambda: vit_there(256, 12, size=32), 'vit("tiny")'),
    ],
)
def test_a_converted_state_dict_gives_the_embeddings_of_pytorch(literal, call, tmp_path: Path):
    torch.manual_seed(1)
    net = shaken(literal())
    state = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"epoch": 7, "state_dict": state}, tmp_path / "checkpoint.pth")
    file = tmp_path / "net.safetensors"
    said = node(CLI, "convert", tmp_path / "checkpoint.pth", "--to", file, env={"F2C_PYTHON": sys.executable})
    assert f"the net is {call}, " in said
    (tmp_path / "study.ts").write_text(study(call))
    ir = json.loads(node(CLI, "ir", tmp_path / "study.ts", "--of", "features", "--json"))
    [name] = {s["init"]["file"] for s in ir["storages"]}

    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    names = [f"{i}.png" for i in range(len(images))]
    for image, picture in zip(images, names, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / picture)
    shape = {"channels": 3, "height": 32, "width": 32, "fit": "crop"}
    with Driver() as driver:
        driver.welcome()
        spec = {"kind": "image_folder", **index_spec(tmp_path, names), **shape}
        driver.ask("source", {"name": "images", "spec": spec})
        files = {name: {"path": str(file), "sha256": sha256_of(file), "strict": False}}
        driver.ask("load", {"program": "net", "ir": ir, "files": files, "backend": "eager", "device": "cpu"})
        driver.ask("init", {"program": "net", "seed": 0})
        plan = {"program": "net", "function": "infer", "number": 0, "returns": ["embedding"]}
        batch = {"images.images": np.arange(len(images), dtype=np.int32)}
        driver.send("plan", plan | {"streams": {"images": "images"}}, batch)
        result = driver.receive("events")
        assert result.kind == "result", result
        found = torch.from_numpy(result.buffers["embedding"].copy())
    with torch.no_grad():
        wanted = nn.functional.normalize(net((images.float() - 127.5) / 128))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("literal, call", [(lambda: IResNet(18), "iresnet(18)"), (Mbf, "mbf()")])
def test_embed_gives_what_arcface_torch_makes_of_the_same_pictures(literal, call, tmp_path: Path):
    """Fed as its scripts feed it, RGB as (x - 127.5) / 127.5, features of both flips added and then made of length 1."""
    torch.manual_seed(2)
    net = shaken(literal())
    torch.save(net.state_dict(), tmp_path / "backbone.pth")
    env = {"F2C_PYTHON": sys.executable}
    node(CLI, "convert", tmp_path / "backbone.pth", env=env)
    images = torch.randint(0, 256, (4, 3, 112, 112), dtype=torch.uint8)
    for i, image in enumerate(images):
        folder = tmp_path / "faces" / f"person{i // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{i}.png")
    export = "export default"
    (tmp_path / "net.ts").write_text(f'import {{ {call.split("(")[0]} }} from "f2c-dsl";\n{export} {call};\n')
    source = (
        f'import {{ imageFolder }} from "f2c-dsl";\n{export} imageFolder({{ root: "faces", size: 112 }});\n'
    )
    (tmp_path / "faces.ts").write_text(source)
    given = ["--net", tmp_path / "net.ts", "--data", tmp_path / "faces.ts", "--out", tmp_path / "rows.npy"]
    fed = ["--size", "112x112", "--order", "rgb", "--mean", "127.5", "--scale", "127.5"]
    node(CLI, "embed", tmp_path / "backbone.safetensors", *given, *fed, "--flip", "features", env=env)
    with torch.no_grad():
        x = (images.float() - 127.5) / 127.5
        wanted = nn.functional.normalize(net(x) + net(x.flip(3)))
    found = torch.from_numpy(np.load(tmp_path / "rows.npy"))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    names = (tmp_path / "rows.names.txt").read_text().split("\n")
    assert names == ["person0/0.png", "person0/1.png", "person1/2.png", "person1/3.png"]
