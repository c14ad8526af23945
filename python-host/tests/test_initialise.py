"""What the weights of MobileFaceNet start as, against PyTorch's own initialisers on tensors of the same shapes."""

from __future__ import annotations

import json
import math

import pytest
import torch
from compiled import FIXTURES, node

from f2c_host.ir.json_form import parse_module
from f2c_host.ir.module import Module, Storage, Type
from f2c_host.run import initialise
from f2c_host.run.initialise import draw, generator_for
from f2c_host.run.memory import zeros


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    return {
        name: parse_module(m) for name, m in json.loads(node(FIXTURES / "net-initialisation.mjs")).items()
    }


def drawn(storage: Storage, seed: int) -> torch.Tensor:
    tensor = zeros(storage, torch.device("cpu"))
    draw(storage, tensor, seed)
    return tensor


def convolutions(module: Module) -> dict[str, torch.Tensor]:
    return {s.name: drawn(s, seed=3) for s in module.parameters if len(s.type.dims) == 4}


def theirs(weight: torch.Tensor) -> torch.nn.Conv2d:
    """PyTorch's convolution with a weight of this shape, as it starts."""
    outputs, inputs, height, width = weight.shape
    groups = outputs if inputs == 1 else 1
    return torch.nn.Conv2d(inputs * groups, outputs, (height, width), groups=groups, bias=False)


def test_pytorch_is_the_start_of_torch_convolutions(modules: dict[str, Module]):
    weights = convolutions(modules["pytorch"])
    assert len(weights) == 2 + 3 * 15 + 3  # stem, 15 bottlenecks of three, the end
    torch.manual_seed(0)
    for name, weight in weights.items():
        conv = theirs(weight)
        assert conv.weight.shape == weight.shape
        fan_in = weight[0].numel()
        # torch.nn.Conv2d: kaiming_uniform_ with a = sqrt(5).
        bound = torch.nn.init.calculate_gain("leaky_relu", math.sqrt(5)) * math.sqrt(3 / fan_in)
        assert float(weight.abs().max()) <= bound, name
        assert float(conv.weight.detach().abs().max()) <= bound, name
        # Of n uniform draws the largest is below 1 - t of the bound with a chance of (1 - t)^n: here below 1e-12.
        assert float(weight.abs().max()) > (1 - 28 / weight.numel()) * bound, name
        deviation = bound / math.sqrt(3)
        assert abs(float(weight.std()) / deviation - 1) < 6 / math.sqrt(weight.numel()), name


def test_he_is_torch_kaiming_normal_by_the_outputs(modules: dict[str, Module]):
    for name, weight in convolutions(modules["he"]).items():
        fan_out = weight.shape[0] * weight[0, 0].numel()
        deviation = math.sqrt((1 if name.endswith("project.weight") else 2) / fan_out)
        assert abs(float(weight.std()) / deviation - 1) < 6 / math.sqrt(weight.numel()), name


def test_he_is_the_default(modules: dict[str, Module]):
    unsaid, he = modules["unsaid"], modules["he"]
    assert [(s.name, s.init) for s in unsaid.parameters] == [(s.name, s.init) for s in he.parameters]
    assert [(s.name, s.type) for s in unsaid.parameters] == [
        (s.name, s.type) for s in modules["pytorch"].parameters
    ]


def test_all_else_starts_as_in_torch(modules: dict[str, Module]):
    slope, scale, shift = (
        float(p[0]) for p in (torch.nn.PReLU(1).weight, *torch.nn.BatchNorm2d(1).parameters())
    )
    for module in modules.values():
        for storage in module.parameters:
            if len(storage.type.dims) == 4:
                continue
            expected = (
                slope
                if storage.name.endswith("slope")
                else scale
                if storage.name.endswith("weight")
                else shift
            )
            assert set(drawn(storage, seed=3).tolist()) == {expected}, storage.name


UNIT = {"kind": "unit_rows", "distribution": "normal"}
RULES = {
    "normal": ({"kind": "normal", "mean": 0.5, "std": 2.0}, lambda shape, g: torch.randn(shape, generator=g) * 2.0 + 0.5),
    "uniform": ({"kind": "uniform", "low": -1.0, "high": 3.0}, lambda shape, g: torch.rand(shape, generator=g) * 4.0 - 1.0),
    "unit rows": (UNIT, lambda shape, g: torch.nn.functional.normalize(torch.randn(shape, generator=g), dim=-1)),
    "uniform unit rows": (
        {"kind": "unit_rows", "distribution": "uniform"},
        lambda shape, g: torch.nn.functional.normalize(torch.rand(shape, generator=g), dim=-1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(5,), (70,), (1, 700), (64, 3), (65, 3), (127, 1), (129, 128), (1001, 5)])
def test_a_tensor_drawn_in_parts_is_the_one_drawn_as_a_whole(
    rule: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
):
    init, whole = RULES[rule]
    monkeypatch.setattr(initialise, "_PART", 64)
    storage = Storage("pool", Type("tensor", shape, "f32"), init, 0, "state")
    assert torch.equal(drawn(storage, 11), whole(shape, generator_for(11, "pool")))


def test_a_pool_starts_as_it_would_be_drawn_as_a_whole():
    shape = (10_001, 128)
    storage = Storage("pool", Type("tensor", shape, "f32"), UNIT, 0, "state")
    assert torch.equal(drawn(storage, 2), RULES["unit rows"][1](shape, generator_for(2, "pool")))
