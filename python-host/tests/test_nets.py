"""The library's ViT, VarGFaceNet and MixFaceNet are those of `nets_reference`: embeddings, losses, gradients, and what is drawn.

`test/fixtures/net-programs.mjs` makes the programs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from nets_reference import MixFaceNet, VarGFaceNet, Vit
from shares import LONG
from torch import Tensor, nn

from f2c_host.ir.json_form import parse_module
from f2c_host.lower import random_numbers
from f2c_host.run.program import Program

SEED = 5
SIZE = 32
WEIGHTS = torch.cos(torch.arange(80).float()).reshape(5, 16)

NETS: dict[str, Callable[[], nn.Module]] = {
    "vit": lambda: Vit(32, 3, 4, 16, SIZE, mask=0, p=0),
    "vit_drawn": lambda: Vit(32, 3, 4, 16, SIZE, mask=0.4, p=0.3),
    "vit_again": lambda: Vit(32, 3, 4, 16, SIZE, mask=0.4, p=0.3),
    "varg": lambda: VarGFaceNet(16, 0.25, SIZE),
    "mix": lambda: MixFaceNet("s", 16, 0.25, 512, False, SIZE),
    "mix_shuffled": lambda: MixFaceNet("m", 16, 0.25, 1024, True, SIZE),
}


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return json.loads(node(FIXTURES / "net-programs.mjs"))


def images_of(step: int) -> Tensor:
    chance = torch.Generator().manual_seed(step)
    return torch.randint(0, 256, (5, 3, SIZE, SIZE), generator=chance, dtype=torch.uint8)


def stepped(program: Program, step: int, lr: float) -> Tensor:
    known = {
        "lr": lr,
        "random.seed": SEED,
        "random.step": step,
        "x.images": images_of(step),
        "y.images": images_of(step),
    }
    inputs = {i.name: known[i.name] for i in program.module.function("step").inputs}
    return program.run("step", inputs)["loss"]


def ours(name: str) -> str:
    """What the library calls a tensor of PyTorch's modules."""
    module, _, last = name.rpartition(".")
    return f"net.{module}.{ {'running_mean': 'mean', 'running_var': 'variance'}.get(last, last) }"


def names_of(net: nn.Module) -> dict[str, str]:
    """Names of the library, by PyTorch's."""
    slopes = {f"{name}.weight" for name, m in net.named_modules() if isinstance(m, nn.PReLU)}
    names = [n for n in net.state_dict() if not n.endswith("num_batches_tracked")]
    full = {n: f"net.{n}" for n in names if "." not in n} | {n: ours(n) for n in names if "." in n}
    return {n: f"{o.removesuffix('weight')}slope" if n in slopes else o for n, o in full.items()}


def literal(name: str, program: Program) -> tuple[nn.Module, dict[str, str]]:
    """The reference, with weights that are random all over, which the program gets too."""
    torch.manual_seed(1)
    net = NETS[name]()
    names = names_of(net)
    stored = {s.name for s in program.module.storages if s.name.startswith("net.")}
    assert set(names.values()) == stored
    state = net.state_dict()
    for theirs, mine in names.items():
        value, start = state[theirs], program.storage[mine].detach()
        if theirs.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif theirs == "features.weight" or value.dim() > 1:
            value.copy_(start)
        else:
            value.copy_(start + 0.2 * torch.randn_like(start))
    for theirs, mine in names.items():
        program.storage[mine].data.copy_(state[theirs])
    return net, names


def drawing(program: Program, step: int) -> Callable[[str, list[int], float], Tensor]:
    ops = [op for op in program.module.function("step").body.walk() if op.op in ("rand", "bernoulli")]
    places = iter(sorted({op.attributes["place"] for op in ops}))

    def draw(kind: str, shape: list[int], p: float) -> Tensor:
        place = next(places)
        if kind == "tokens":
            return random_numbers.rand(shape, 24, torch.float32, place, SEED, step, torch.device("cpu"))
        return random_numbers.bernoulli(torch.full(shape, p), place, SEED, step)

    return draw


@pytest.mark.parametrize("name", NETS)
def test_the_net_is_the_literal_one(programs, name):
    program = started(programs[name])
    net, names = literal(name, program)
    images = images_of(0)
    x = (images.float() - 127.5) / 128
    with torch.no_grad():
        wanted = nn.functional.normalize(net.eval()(x))
    found = program.run("infer", {"images": images})["embedding"]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)

    net.train()
    seen = net(x, drawing(program, 0)) if "_drawn" in name or "_again" in name else net(x)
    loss = (seen * WEIGHTS).sum()
    trained = {n: p for n, p in net.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
    torch.testing.assert_close(stepped(program, 0, lr=1.0), loss.detach(), rtol=1e-5, atol=1e-4)
    largest = max(float(g.abs().max()) for g in gradients if g is not None)
    for (theirs, before), gradient in zip(trained.items(), gradients, strict=True):
        moved = before.detach() - program.storage[names[theirs]].detach()
        wanted = torch.zeros_like(moved) if gradient is None else gradient
        scale = float(wanted.abs().max())
        assert float((moved - wanted).abs().max()) <= 1e-3 * scale + 1e-6 * largest, theirs
    if name == "vit":
        assert [n for n, g in zip(trained, gradients, strict=True) if g is None] == ["mask_token"]


def test_blocks_see_the_tokens_that_are_kept_only(programs):
    body = parse_module(programs["vit_drawn"]).function("step").body
    seen = {op.results[0].type.dims[-2] for op in body.walk() if op.op == "scaled_dot_product_attention"}
    assert seen == {5}  # of the nine tokens of 32 x 32 pixels 60 %, downwards


def trained(program: Program) -> list[Tensor]:
    losses = torch.stack([stepped(program, step, lr=0.01) for step in range(3)])
    return [losses, *(t.detach().clone() for t in program.storage.values())]


@pytest.mark.parametrize("backend", ["torchscript", pytest.param("inductor", marks=LONG)])
@pytest.mark.parametrize("name", ["vit_drawn", "varg", "mix_shuffled"])
def test_three_steps_are_the_same_on_every_backend(programs, name, backend):
    """Each from where eager's last one ended: what rounds differently at first is soon another net."""
    eager, other = started(programs[name]), started(programs[name], backend)
    literal(name, eager)
    for step in range(3):
        before = {n: t.detach().clone() for n, t in eager.storage.items()}
        with torch.no_grad():
            for n, tensor in other.storage.items():
                tensor.copy_(before[n])
        found, wanted = stepped(other, step, lr=1e-3), stepped(eager, step, lr=1e-3)
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
        moves = {n: (eager.storage[n] - t).detach() for n, t in before.items() if t.is_floating_point()}
        largest = max(float(move.abs().max()) for move in moves.values())
        for n, move in moves.items():
            apart = float((other.storage[n].detach() - before[n] - move).abs().max())
            assert apart <= 1e-2 * float(move.abs().max()) + 1e-4 * largest, n


def test_checkpointed_blocks_draw_what_kept_ones_draw(programs):
    again, kept = (trained(started(programs[name])) for name in ("vit_again", "vit_drawn"))
    for found, wanted in zip(again, kept, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
