"""ViT, VarGFaceNet and MixFaceNet in plain PyTorch, written from the tables of papers and codes: oracles of the library's nets.

Modules are called as the library's are, but for what PyTorch calls the parts of its own layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

Draw = Callable[[str, list[int], float], Tensor]


def left(size: int) -> int:
    """What four convolutions of stride 2 leave."""
    return -(-size // 16)


# ViT of arcface_torch. `draw(kind, shape, p)` gives noise for the tokens, or which samples a path keeps.


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].transpose(-2, -1) * (c // self.heads) ** -0.5
        return self.proj((scores.softmax(-1) @ qkv[2]).transpose(1, 2).reshape(n, t, c))


class VitBlock(nn.Module):
    def __init__(self, width: int, heads: int, p: float):
        super().__init__()
        self.p = p
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "act": nn.ReLU6(), "fc2": nn.Linear(4 * width, width)}
        )

    def forward(self, x: Tensor, draw: Draw | None) -> Tensor:
        def path(y: Tensor) -> Tensor:
            if draw is None or self.p == 0:
                return y
            return y * draw("path", [len(y), 1, 1], 1 - self.p) / (1 - self.p)

        x = x + path(self.attn(self.norm1(x)))
        y = self.norm2(x)
        for part in self.mlp.values():
            y = part(y)
        return x + path(y)


class Vit(nn.Module):
    def __init__(self, width: int, depth: int, heads: int, embedding: int, size: int, mask: float, p: float):
        super().__init__()
        self.tokens, self.mask = (size // 9) ** 2, mask
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, 9, 9)})
        self.pos_embed = nn.Parameter(torch.zeros(1, self.tokens, width))
        rates = [p * i / max(depth - 1, 1) for i in range(depth)]
        self.blocks = nn.ModuleList(VitBlock(width, heads, rate) for rate in rates)
        self.norm = nn.LayerNorm(width)
        self.feature = nn.Sequential(
            nn.Linear(self.tokens * width, width, bias=False),
            nn.BatchNorm1d(width, eps=2e-5),
            nn.Linear(width, embedding, bias=False),
            nn.BatchNorm1d(embedding, eps=2e-5),
        )
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor, draw: Draw | None = None) -> Tensor:
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2) + self.pos_embed
        kept = int(self.tokens * (1 - self.mask))
        order = None
        if draw is not None and self.mask > 0:
            order = draw("tokens", [len(x), self.tokens], 0).argsort(1)
            x = torch.stack([tokens[chosen[:kept]] for tokens, chosen in zip(x, order, strict=True)])
        for block in self.blocks:
            x = block(x, draw)
        x = self.norm(x)
        if order is not None:
            rows = []
            for tokens, chosen in zip(x, order, strict=True):
                row = [self.mask_token[0, 0]] * self.tokens
                for token, place in zip(tokens, chosen[:kept].tolist(), strict=True):
                    row[place] = token
                rows.append(torch.stack(row))
            x = torch.stack(rows)
        return self.feature(x.flatten(1))


# VarGFaceNet: (channels, blocks) of its stages.

VARG = ((64, 3), (128, 7), (256, 4))


def separable(inputs: int, outputs: int, stride: int, factor: int, active: bool) -> nn.Sequential:
    middle = factor * inputs
    return nn.Sequential(
        nn.Conv2d(inputs, middle, 3, stride, 1, groups=inputs // 8, bias=False),
        nn.BatchNorm2d(middle, eps=2e-5),
        nn.PReLU(middle),
        nn.Conv2d(middle, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs, eps=2e-5),
        *([nn.PReLU(outputs)] if active else []),
    )


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, middle: int, activation: nn.Module):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, middle, 1), nn.Conv2d(middle, channels, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        return x * self.fc2(self.activation(self.fc1(means))).sigmoid()


class VarGNormal(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, factor: int = 2):
        super().__init__()
        self.sep1 = separable(inputs, outputs, stride, factor, True)
        self.sep2 = separable(outputs, outputs, 1, factor, False)
        self.se = SqueezeExcite(outputs, outputs // 4, nn.PReLU(outputs // 4))
        self.shortcut = nn.Identity() if stride == 1 else separable(inputs, outputs, stride, factor, False)
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.se(self.sep2(self.sep1(x))) + self.shortcut(x))


class VarGDown(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.branch1, self.branch2, self.shortcut = (
            separable(inputs, outputs, 2, 2, False) for _ in range(3)
        )
        self.sep = separable(outputs, outputs, 1, 2, False)
        self.act1, self.act2 = nn.PReLU(outputs), nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.branch1(x) + self.branch2(x))
        return self.act2(self.sep(y) + self.shortcut(x))


class VarGFaceNet(nn.Module):
    def __init__(self, embedding: int, width: float, size: int):
        super().__init__()
        channels = int(32 * width)
        self.conv1 = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(channels, eps=2e-5), nn.PReLU(channels)
        self.head = VarGNormal(channels, channels, 2, 1)
        for i, (c, blocks) in enumerate(VARG):
            outputs = int(c * width)
            rest = [VarGNormal(outputs, outputs) for _ in range(blocks - 1)]
            setattr(self, f"stage{i + 2}", nn.Sequential(VarGDown(channels, outputs), *rest))
            channels = outputs
        self.embed = nn.Sequential(
            nn.Conv2d(channels, 1024, 1, bias=False),
            nn.BatchNorm2d(1024, eps=2e-5),
            nn.PReLU(1024),
            nn.Conv2d(1024, 1024, left(size), groups=128, bias=False),
            nn.BatchNorm2d(1024, eps=2e-5),
            nn.Conv2d(1024, 512, 1, bias=False),
            nn.BatchNorm2d(512, eps=2e-5),
            nn.PReLU(512),
            nn.Flatten(),
        )
        self.fc, self.bn = nn.Linear(512, embedding), nn.BatchNorm1d(embedding, eps=2e-5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(self.act1(self.bn1(self.conv1(x))))
        return self.bn(self.fc(self.embed(self.stage4(self.stage3(self.stage2(x))))))


# MixFaceNet: lists a stage, as their authors' code has them: channels, kernels of the three convolutions, expansion, reduction.

MIX = {
    "s": (
        [[24, 24], [40, 40, 40, 40], [80, 80, 80], [120, 120, 120, 200, 200, 200]],
        [[2, 2], [1, 2, 2, 2], [1, 1, 1], [2, 2, 2, 1, 1, 1]],
        [[1, 1], [3, 2, 2, 2], [3, 2, 2], [3, 4, 4, 5, 4, 4]],
        [[2, 2], [1, 2, 2, 2], [2, 2, 2], [2, 2, 2, 1, 2, 2]],
        [[6, 3], [6, 6, 6, 6], [6, 6, 6], [6, 3, 3, 6, 6, 6]],
        [[0, 0], [2, 2, 2, 2], [4, 4, 4], [2, 2, 2, 2, 2, 2]],
    ),
    "m": (
        [[32, 32], [40, 40, 40, 40], [80, 80, 80, 80], [120, 120, 120, 120, 200, 200, 200, 200]],
        [[2, 2], [1, 2, 2, 2], [1, 2, 2, 2], [1, 2, 2, 2, 1, 1, 1, 1]],
        [[3, 1], [4, 2, 2, 2], [3, 4, 4, 4], [1, 4, 4, 4, 4, 4, 4, 4]],
        [[2, 2], [1, 2, 2, 2], [1, 2, 2, 2], [1, 2, 2, 2, 1, 2, 2, 2]],
        [[6, 3], [6, 6, 6, 6], [6, 6, 6, 6], [6, 3, 3, 3, 6, 6, 6, 6]],
        [[0, 0], [2, 2, 2, 2], [4, 4, 4, 4], [2, 2, 2, 2, 2, 2, 2, 2]],
    ),
}


class Mixed(nn.Module):
    def __init__(self, channels: int, kernels: int, stride: int):
        super().__init__()
        share = channels // kernels
        self.sizes = [channels - share * (kernels - 1), *[share] * (kernels - 1)]
        self.convs = nn.ModuleList(
            nn.Conv2d(c, c, 3 + 2 * i, stride, 1 + i, groups=c, bias=False) for i, c in enumerate(self.sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.convs, x.split(self.sizes, 1), strict=True)
        return torch.cat([conv(part) for conv, part in parts], 1)


class MixUnit(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, stride: int, numbers: tuple[int, ...], prelu: bool, shuffle: bool
    ):
        super().__init__()
        expand, kernels, project, e, se = numbers
        middle = e * inputs

        def act() -> nn.Module:
            return nn.PReLU(middle) if prelu else nn.SiLU()

        def parts() -> Iterator[nn.Module]:
            if e > 1:
                yield nn.Conv2d(inputs, middle, 1, groups=expand, bias=False)
                yield nn.BatchNorm2d(middle)
                yield act()
            yield Mixed(middle, kernels, stride)
            yield nn.BatchNorm2d(middle)
            yield act()
            if se > 0:
                yield SqueezeExcite(middle, inputs // se, nn.SiLU())
            yield nn.Conv2d(middle, outputs, 1, groups=project, bias=False)
            yield nn.BatchNorm2d(outputs)

        self.body = nn.Sequential(*parts())
        self.keeps, self.shuffle = stride == 1 and inputs == outputs, shuffle

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x) + x if self.keeps else self.body(x)
        return torch.cat([y[:, ::2], y[:, 1::2]], 1) if self.shuffle else y


def rounded(c: float) -> int:
    near = max(8, int(c + 4) // 8 * 8)
    return near + 8 if near < 0.9 * c else near


class MixFaceNet(nn.Module):
    def __init__(self, kind: str, embedding: int, width: float, last: int, shuffle: bool, size: int):
        super().__init__()
        channels, *numbers = MIX[kind]
        inputs = rounded({"s": 16, "m": 24}[kind] * width)
        self.stem = nn.Sequential(
            nn.Conv2d(3, inputs, 3, 2, 1, bias=False),
            nn.BatchNorm2d(inputs),
            nn.PReLU(inputs),
            MixUnit(inputs, inputs, 1, (1, 1, 1, 1, 0), True, True),
        )
        stages = []
        for s, outputs in enumerate(channels):
            units = []
            for u, c in enumerate(outputs):
                stride = 2 if (u == 0 and s in (1, 2)) or (u == len(outputs) // 2 and s == 3) else 1
                row = tuple(n[s][u] for n in numbers)
                units.append(MixUnit(inputs, rounded(c * width), stride, row, s == 0, shuffle))
                inputs = rounded(c * width)
            stages.append(nn.Sequential(*units))
        self.stages = nn.Sequential(*stages)
        self.tail = nn.Sequential(
            nn.Conv2d(inputs, last, 1, bias=False), nn.BatchNorm2d(last), nn.PReLU(last)
        )
        self.gather = nn.Conv2d(last, last, left(size), groups=last, bias=False)
        self.gathered = nn.BatchNorm2d(last)
        self.project = nn.Conv2d(last, embedding, 1, bias=False)
        self.features = nn.BatchNorm1d(embedding)
        self.features.weight.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        y = self.tail(self.stages(self.stem(x)))
        return self.features(self.project(self.gathered(self.gather(y))).flatten(1))
