"""The nets of arcface_torch, written out in PyTorch from their description, with the names that its state dicts have."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (6, 26, 60, 6)}


class Block(nn.Module):
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


class IResNet(nn.Module):
    def __init__(self, depth: int, size: int = 112, embedding: int = 512):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        inputs = 64
        for stage, (outputs, count) in enumerate(zip((64, 128, 256, 512), BLOCKS[depth], strict=True), 1):
            blocks = [Block(inputs, outputs, 2), *(Block(outputs, outputs, 1) for _ in range(count - 1))]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inputs = outputs
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * (size // 16) ** 2, embedding)
        self.features = nn.BatchNorm1d(embedding)
        self.features.weight.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class Layers(nn.Module):
    """Layers one after the other, in a part called `layers`; with `residual`, the input is added."""

    def __init__(self, *layers: nn.Module, residual: bool = False):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> Layers:
    padding = 1 if kernel == 3 else 0
    product = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return Layers(product, nn.BatchNorm2d(outputs), *([nn.PReLU(outputs)] if act else []))


def bottleneck(inputs: int, outputs: int, hidden: int, stride: int) -> Layers:
    return Layers(
        conv(inputs, hidden, 1),
        conv(hidden, hidden, 3, stride, groups=hidden),
        conv(hidden, outputs, 1, act=False),
        residual=stride == 1,
    )


def residuals(channels: int, hidden: int, count: int) -> Layers:
    return Layers(*(bottleneck(channels, channels, hidden, 1) for _ in range(count)))


class Mbf(nn.Module):
    """Blocks (1, 4, 6, 2) and scale 2; large: (2, 8, 12, 4) and 4."""

    def __init__(self, large: bool = False, size: int = 112, embedding: int = 512):
        super().__init__()
        scale, blocks = (4, (2, 8, 12, 4)) if large else (2, (1, 4, 6, 2))
        narrow, wide = 64 * scale, 128 * scale
        self.layers = nn.ModuleList(
            [
                conv(3, narrow, 3, 2),
                residuals(narrow, 128, blocks[0]) if large else conv(narrow, narrow, 3, groups=64),
                bottleneck(narrow, narrow, 128, 2),
                residuals(narrow, 128, blocks[1]),
                bottleneck(narrow, wide, 256, 2),
                residuals(wide, 256, blocks[2]),
                bottleneck(wide, wide, 512, 2),
                residuals(wide, 256, blocks[3]),
            ]
        )
        self.conv_sep = conv(wide, 512, 1)
        last = nn.Conv2d(512, 512, size // 16, groups=512, bias=False)
        self.features = Layers(
            Layers(last, nn.BatchNorm2d(512)),
            nn.Flatten(),
            nn.Linear(512, embedding, bias=False),
            nn.BatchNorm1d(embedding),
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


def shaken(net: nn.Module) -> nn.Module:
    """The net with statistics, scales and slopes that a trained one might have, for evaluation."""
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.dim() == 1:
            value.uniform_(-0.5, 1)
    return net.eval()
