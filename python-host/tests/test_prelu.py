"""PReLU's own backward against aten's, and against differences of the function."""

from __future__ import annotations

import pytest
import torch

from f2c_host.kernels.ops import ON_CPU

prelu = ON_CPU["aten::prelu"]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 2e-5), (torch.bfloat16, 2e-2)]
)
@pytest.mark.parametrize("slopes", [1, 6])
def test_values_and_gradients_are_those_of_aten(slopes, dtype, close, layout):
    chance = torch.Generator().manual_seed(slopes)
    x = torch.randn(5, 6, 7, 3, generator=chance).to(dtype).contiguous(memory_format=layout)
    x[0, 0, 0] = torch.tensor([0.0, -0.0, torch.inf])
    weight = torch.linspace(-0.5, 1.7, slopes).to(dtype)
    gradient = torch.randn(5, 6, 7, 3, generator=chance).to(dtype)
    found = []
    for function in (prelu, torch.ops.aten.prelu):
        inputs = [t.clone().requires_grad_() for t in (x, weight)]
        y = function(*inputs)
        found.append((y, *torch.autograd.grad(y, inputs, gradient)))
    (value, by_x, by_weight), (right, right_x, right_weight) = found
    assert torch.equal(value, right) and value.stride() == right.stride()
    assert torch.allclose(by_x, right_x, rtol=close, atol=close) and by_x.stride() == right_x.stride()
    assert torch.allclose(by_weight, right_weight, rtol=close, atol=close * 20)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 3), (2, 4, 3, 2)])
def test_first_and_second_derivatives_are_those_of_differences(shape):
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=chance, dtype=torch.float64)
    x = torch.where(x.abs() < 0.1, x.sign() * 0.1, x).requires_grad_()
    weight = torch.rand(1 if len(shape) == 1 else 4, generator=chance, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(prelu, (x, weight))
    assert torch.autograd.gradgradcheck(prelu, (x, weight))


def test_what_takes_no_gradient_gets_none():
    x, weight = torch.randn(2, 4), torch.rand(4, requires_grad=True)
    (found,) = torch.autograd.grad(prelu(x, weight).sum(), [weight])
    assert torch.allclose(found, x.clamp(max=0).sum(0))
