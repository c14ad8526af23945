"""The few functions that generated code calls beside aten: each in Python for eager, and as TorchScript."""

from __future__ import annotations

import torch
from torch import Tensor

SCRIPT = """
def gradients(loss: Tensor, parameters: List[Tensor]) -> List[Tensor]:
    found = torch.autograd.grad([loss], parameters, None, None, False, True)
    result: List[Tensor] = []
    for i in range(len(parameters)):
        gradient = found[i]
        if gradient is None:
            result.append(torch.zeros_like(parameters[i]))
        else:
            result.append(gradient)
    return result

def foreach_norm(tensors: List[Tensor]) -> Tensor:
    return torch.ops.aten.linalg_vector_norm(torch.stack(torch._foreach_norm(tensors)))
"""


def gradients(loss: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    """d loss / d each parameter; zeros where the loss does not reach."""
    found = torch.autograd.grad([loss], parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


def foreach_norm(tensors: list[Tensor]) -> Tensor:
    """The L2 length of all tensors together."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
