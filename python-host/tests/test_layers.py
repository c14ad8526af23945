"""The library's layers against PyTorch's, and those that draw random numbers against the draws of their places.

`test/fixtures/layer-programs.mjs` makes the programs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from compiled import FIXTURES, node, started
from shares import with_long
from torch import Tensor, nn

from f2c_host.lower import random_numbers
from f2c_host.run.program import BACKENDS, Program

SEED = 3
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "layer-programs.mjs"))


def images_of(program: Program, step: int = 0) -> Tensor:
    given = next(i for i in program.module.function("step").inputs if i.name.endswith("images"))
    chance = torch.Generator().manual_seed(step)
    return torch.randint(0, 256, list(given.type.dims), generator=chance, dtype=torch.uint8)


def stepped(program: Program, step: int, lr: float) -> Tensor:
    known = {"lr": lr, "random.seed": SEED, "random.step": step}
    names = [i.name for i in program.module.function("step").inputs]
    inputs = {n: images_of(program, step) if n.endswith("images") else known[n] for n in names}
    return program.run("step", inputs)["loss"]


# What each layer does to images [N, 8, 8, 8], or to tokens [N, 64, 8], in PyTorch's own words; `w` are its weights.


def squeeze_excite(x: Tensor, w: Weights, between: Callable[[Tensor], Tensor], gate: Any) -> Tensor:
    means = F.adaptive_avg_pool2d(x, 1)
    middle = between(F.conv2d(means, w["fc1.weight"], w["fc1.bias"]))
    return x * gate(F.conv2d(middle, w["fc2.weight"], w["fc2.bias"]))


def attention(x: Tensor, w: Weights, heads: int) -> Tensor:
    """torch.nn.MultiheadAttention, whose `in_proj` is `qkv`."""
    qkv_bias = w.get("qkv.bias", torch.zeros(24))
    seen, _ = F.multi_head_attention_forward(
        *[x.transpose(0, 1)] * 3,
        embed_dim_to_check=8,
        num_heads=heads,
        in_proj_weight=w["qkv.weight"],
        in_proj_bias=qkv_bias,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=w["proj.weight"],
        out_proj_bias=w["proj.bias"],
        need_weights=False,
    )
    return seen.transpose(0, 1)


def mixed(x: Tensor, w: Weights, sizes: list[int], stride: int) -> Tensor:
    parts = [
        F.conv2d(part, w[f"convs.{i}.weight"], None, stride, (3 + 2 * i) // 2, groups=part.shape[1])
        for i, part in enumerate(x.split(sizes, 1))
    ]
    return torch.cat(parts, 1)


def within(w: Weights, name: str) -> Weights:
    return {key.removeprefix(f"{name}."): value for key, value in w.items() if key.startswith(f"{name}.")}


IMAGES: dict[str, Callable[[Tensor, Weights], Tensor]] = {
    "relu6": lambda x, w: nn.ReLU6()(x * w["0.by"]),
    "sigmoid": lambda x, w: nn.Sigmoid()(x),
    "swish": lambda x, w: nn.SiLU()(x),
    "gelu": lambda x, w: nn.GELU()(x),
    "shuffle": lambda x, w: nn.ChannelShuffle(4)(x),
    "mixed": lambda x, w: mixed(x, w, [4, 2, 2], 2),
    "alone": lambda x, w: F.conv2d(x, w["convs.0.weight"], padding=2, groups=8),
    "variable": lambda x, w: F.conv2d(x, w["weight"], padding=1, groups=2),
    "excite": lambda x, w: squeeze_excite(x, w, F.relu, torch.sigmoid),
    "excite_prelu": lambda x, w: squeeze_excite(x, w, lambda m: F.prelu(m, w["activation.slope"]), F.silu),
}
TOKENS: dict[str, Callable[[Tensor, Weights], Tensor]] = {
    "norm": lambda x, w: F.layer_norm(x, [8], w["weight"], w["bias"]),
    "norm_scale": lambda x, w: F.layer_norm(x, [8], w["weight"], eps=1e-3),
    "norm_bare": lambda x, w: F.layer_norm(x, [8]),
    "linear": lambda x, w: F.linear(F.gelu(F.linear(x, w["0.weight"], w["0.bias"])), w["2.weight"]),
    "attention": lambda x, w: attention(x, w, 2),
    "attention_plain": lambda x, w: (
        x
        + attention(F.layer_norm(x, [8], w["body.0.weight"], w["body.0.bias"]), within(w, "body.1"), heads=4)
    ),
}


def expected(images: Tensor, weights: Weights) -> Tensor:
    x = (images.float() - 127.5) / 128
    seen = []
    for name, layer in (IMAGES | TOKENS).items():
        y = F.conv2d(x, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"], stride=2)
        if name in TOKENS:
            y = y.flatten(2).transpose(1, 2)
        seen.append(layer(y, within(weights, f"{name}.layer")).flatten(1))
    return torch.cat(seen, 1)


@pytest.mark.parametrize("backend", ["eager", "torchscript"])
def test_layers_and_their_gradients_are_those_of_pytorch(programs, backend):
    program = started(programs["plain"], backend)
    chance = torch.Generator().manual_seed(1)
    names = [s.name for s in program.module.parameters]
    for name in names:
        value = program.storage[name]
        value.data.add_(torch.randn(value.shape, generator=chance) * 0.2)
    weights = {name: program.storage[name].detach().clone().requires_grad_() for name in names}
    images = images_of(program)

    wanted = expected(images, weights)
    loss = (wanted * torch.cos(torch.arange(wanted.shape[1]).float())).sum()
    gradients = torch.autograd.grad(loss, list(weights.values()))

    found = program.run("infer", {"images": images})["embedding"]
    torch.testing.assert_close(found, F.normalize(wanted).detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(stepped(program, 0, lr=1.0), loss.detach())
    for (name, before), gradient in zip(weights.items(), gradients, strict=True):
        moved = before.detach() - program.storage[name]
        torch.testing.assert_close(
            moved, gradient, rtol=1e-4, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}"
        )


def literal(program: Program, weights: Weights, step: int) -> Tensor:
    """The loss of the net of blocks that draw; each draw is that of its place, which the program names in order."""
    ops = [op for op in program.module.function("step").body.walk() if op.op == "bernoulli"]
    places = iter(sorted({op.attributes["place"] for op in ops}))

    def dropped(x: Tensor, shape: list[int], p: float) -> Tensor:
        kept = random_numbers.bernoulli(torch.full(shape, 1 - p), next(places), SEED, step)
        return x * (kept / (1 - p))

    x = (images_of(program, step).float() - 127.5) / 128
    w = within(weights, "net")
    y = F.conv2d(x, w["stem.weight"], stride=2)
    n = len(y)
    for i in range(2):
        b = within(w, f"blocks.{i}.body")
        z = F.conv2d(y, b["0.weight"], padding=1)
        z = F.batch_norm(z, None, None, b["1.weight"], b["1.bias"], training=True)
        y = y + dropped(dropped(z, list(z.shape), 0.3), [n, 1, 1, 1], 0.4)
    t = y.flatten(2).transpose(1, 2)
    for i in range(2):
        b = within(w, f"mixers.{i}.body")
        z = F.linear(F.layer_norm(t, [8], b["0.weight"], b["0.bias"]), b["1.weight"], b["1.bias"])
        z = dropped(z, [n, 1, 1], 0.5)
        t = t + dropped(z, list(z.shape), 0.5)
    assert next(places, None) is None
    return (t.mean(1) * torch.tensor([1.0, -2, 3, -4, 5, -6, 7, -8])).sum()


def test_a_kernel_for_all_channels_takes_no_part_of_them(programs):
    """A part is no longer in the order of channels last. Only `mixed` has parts: three."""
    program = started(programs["plain"], "eager")
    ops = [op for op in program.module.function("step").body.walk() if op.op == "slice"]
    assert [op.attributes["end"] - op.attributes["start"] for op in ops if op.attributes["dim"] == 1] == [
        4,
        2,
        2,
    ]


@pytest.mark.parametrize("kind", ["drawn", "again"])
def test_what_is_dropped_is_drawn_for_its_place_once(programs, kind):
    program = started(programs[kind], "eager")
    for step in range(2):
        weights = {
            s.name: program.storage[s.name].detach().clone().requires_grad_()
            for s in program.module.parameters
        }
        loss = literal(program, weights, step)
        gradients = torch.autograd.grad(loss, list(weights.values()))
        torch.testing.assert_close(stepped(program, step, lr=0.01), loss.detach())
        for (name, before), gradient in zip(weights.items(), gradients, strict=True):
            moved = before.detach() - program.storage[name]
            torch.testing.assert_close(
                moved, 0.01 * gradient, rtol=1e-3, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}"
            )


@pytest.mark.parametrize("backend", with_long(BACKENDS, "inductor"))
def test_blocks_that_draw_give_the_same_checkpointed(programs, backend):
    plain, again = (started(programs[kind], backend) for kind in ("drawn", "again"))
    losses = [torch.stack([stepped(p, step, lr=0.01) for step in range(3)]) for p in (plain, again)]
    assert losses[0][0] != losses[0][1]
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-5, atol=1e-5)
    for name, value in plain.storage.items():
        torch.testing.assert_close(again.storage[name], value, rtol=1e-4, atol=1e-5)


def test_nothing_is_dropped_outside_of_training(programs):
    program = started(programs["again"], "eager")
    assert not any(op.op == "bernoulli" for op in program.module.function("infer").body.walk())
