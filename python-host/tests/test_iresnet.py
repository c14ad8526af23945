"""IResNet with weights under arcface_torch's names gives the embeddings of a literal one in PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from compiled import ROOT, node
from safetensors.torch import save_file
from torch import Tensor, nn

from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program
from f2c_host.run.weights_file import WeightsFile

STUDY = """
import { embed, fixed, iresnet, study, syntheticFaces, weights } from "f2c-dsl";
const rename = (name: string) =>
  name.replace(/mean$/, "running_mean").replace(/variance$/, "running_var").replace(/slope$/, "weight");
const net = weights(iresnet(18), "arcface.safetensors", { rename });
const data = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 32 });
export default study({ features: embed({ net, data }) });
"""


class Block(nn.Module):
    """The block of arcface_torch's `iresnet.py`."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet18(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        self.layer1 = nn.Sequential(Block(64, 64, 2), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * (size // 16) ** 2, 512)
        self.features = nn.BatchNorm1d(512)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


def test_weights_with_the_names_of_arcface_torch_give_its_embeddings(tmp_path: Path):
    torch.manual_seed(1)
    literal = IResNet18(32).eval()
    for name, value in literal.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.dim() == 1:
            value.uniform_(-0.5, 1)
    state = {name: value.contiguous() for name, value in literal.state_dict().items()}
    save_file(state, tmp_path / "arcface.safetensors")
    (tmp_path / "study.ts").write_text(STUDY)
    printed = node(
        ROOT / "dist/runtime/cli/main.js", "ir", tmp_path / "study.ts", "--of", "features", "--json"
    )
    module = parse_module(json.loads(printed))
    program = Program(module, backend="eager")
    files = {
        s.init["file"]: WeightsFile(tmp_path / "arcface.safetensors", strict=False) for s in module.storages
    }
    program.initialise(0, program.weights(files))

    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    found = program.run("infer", {"images": images})["embedding"]
    with torch.no_grad():
        wanted = nn.functional.normalize(literal((images.float() - 127.5) / 128))
    assert len(module.storages) == len([name for name in state if not name.endswith("num_batches_tracked")])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
