"""MobileFaceNet in plain PyTorch, written by hand: the benchmark's peer and the oracle of the library's net.

The variant of the F2C authors (their `mobile` net). Images [B, 3, 112, 112] give embeddings [B, D], which are
not normalised.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

# Expansion t, channels c, repeats n, stride s of the first repeat.
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
STEM = 64
HEAD = 512


def conv_block(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution without bias, batch norm, and a PReLU slope for each channel unless the block is linear."""
    layers: list[tuple[str, nn.Module]] = [
        ("conv", nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)),
        ("bn", nn.BatchNorm2d(outputs)),
    ]
    if activation:
        layers.append(("act", nn.PReLU(outputs)))
    return nn.Sequential(OrderedDict(layers))


class Bottleneck(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1 projection; a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expand = conv_block(inputs, inner, 1)
        self.depthwise = conv_block(inner, inner, 3, stride, 1, groups=inner)
        self.project = conv_block(inner, outputs, 1, activation=False)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


class MobileFaceNetReference(nn.Module):
    """`width` multiplies all numbers of channels but the embedding's. The head's depthwise convolution covers
    the whole last feature map, so the net is made for images of one `size`: a side, or (height, width)."""

    def __init__(
        self,
        embedding: int = 512,
        width: float = 1.0,
        size: int | tuple[int, int] = 112,
        colours: int = 3,
    ):
        super().__init__()
        channels = scaled(STEM, width)
        self.stem = conv_block(colours, channels, 3, 2, 1)
        self.depthwise = conv_block(channels, channels, 3, 1, 1, groups=channels)
        blocks: list[nn.Module] = []
        for expansion, outputs, repeats, stride in STAGES:
            for repeat in range(repeats):
                blocks.append(
                    Bottleneck(channels, scaled(outputs, width), stride if repeat == 0 else 1, expansion)
                )
                channels = scaled(outputs, width)
        self.blocks = nn.Sequential(*blocks)
        head = scaled(HEAD, width)
        self.expand = conv_block(channels, head, 1)
        self.pool = conv_block(head, head, last_map(size), groups=head, activation=False)
        self.embed = conv_block(head, embedding, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.depthwise(self.stem(x)))
        return self.embed(self.pool(self.expand(y))).flatten(1)


def last_map(size: int | tuple[int, int]) -> tuple[int, int]:
    """What four convolutions of stride 2 (3x3, padded by 1) leave of an image: each halves, rounding up."""
    high, wide = (size, size) if isinstance(size, int) else size
    return -(-high // 16), -(-wide // 16)


def scaled(channels: int, width: float) -> int:
    """Channels times width, which must be whole: a silent rounding would be another net."""
    product = channels * width
    if product < 1 or product != int(product):
        raise ValueError(f"width {width} makes {product} channels of {channels}; choose a multiple of 1/64")
    return int(product)


def count_parameters(net: nn.Module) -> int:
    """Numbers that are trained; the running statistics of batch norm are not."""
    return sum(parameter.numel() for parameter in net.parameters())


def count_conv_macs(net: MobileFaceNetReference, high: int, wide: int) -> int:
    """Multiply-adds of the convolutions for one image, nothing else counted."""
    macs = 0
    colours = net.stem.conv.in_channels

    def add(conv: nn.Conv2d, _inputs: object, output: Tensor) -> None:
        nonlocal macs
        macs += output[0].numel() * conv.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in net.modules() if isinstance(m, nn.Conv2d)]
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, colours, high, wide))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    return macs
