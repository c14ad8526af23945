"""The few functions that generated code calls beside aten: each in Python for eager, and as TorchScript."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SCRIPT = """
def filled(found: List[Optional[Tensor]], inputs: List[Tensor]) -> List[Tensor]:
    result: List[Tensor] = []
    for i in range(len(inputs)):
        gradient = found[i]
        if gradient is None:
            result.append(torch.zeros_like(inputs[i]))
        else:
            result.append(gradient)
    return result

def gradients(loss: Tensor, parameters: List[Tensor]) -> List[Tensor]:
    if not loss.requires_grad:
        return [torch.zeros_like(t) for t in parameters]
    return filled(torch.autograd.grad([loss], parameters, None, None, False, True), parameters)

def vjp(
    outputs: List[Tensor], cotangents: List[Tensor], parameters: List[Tensor], leaves: List[Tensor], retain: bool
) -> List[Tensor]:
    reached: List[Tensor] = []
    weights: List[Optional[Tensor]] = []
    for i in range(len(outputs)):
        if outputs[i].requires_grad:
            reached.append(outputs[i])
            weights.append(cotangents[i])
    inputs = parameters + leaves
    if len(reached) == 0:
        return [torch.zeros_like(t) for t in inputs]
    return filled(torch.autograd.grad(reached, inputs, weights, retain, False, True), inputs)

def foreach_restore_(tensors: List[Tensor], saved: List[Tensor], keep: Tensor) -> None:
    for i in range(len(tensors)):
        tensors[i].copy_(torch.where(keep, tensors[i], saved[i]))

def foreach_norm(tensors: List[Tensor]) -> Tensor:
    return torch.ops.aten.linalg_vector_norm(torch.stack(torch._foreach_norm(tensors)))
"""


def filled(found: Sequence[Tensor | None], inputs: list[Tensor]) -> list[Tensor]:
    """Gradients, and zeros where there are none."""
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True)]


def gradients(loss: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    """d loss / d each parameter; zeros where the loss does not reach."""
    if not loss.requires_grad:
        return [torch.zeros_like(t) for t in parameters]
    return filled(torch.autograd.grad([loss], parameters, allow_unused=True), parameters)


def vjp(
    outputs: list[Tensor],
    cotangents: list[Tensor],
    parameters: list[Tensor],
    leaves: list[Tensor],
    retain: bool,
) -> list[Tensor]:
    """The derivatives of the outputs, weighted by the cotangents, by each parameter and leaf; zeros where they do not reach."""
    reached = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o.requires_grad]
    inputs = parameters + leaves
    if not reached:
        return [torch.zeros_like(t) for t in inputs]
    found = torch.autograd.grad(
        [o for o, _ in reached], inputs, [c for _, c in reached], retain_graph=retain, allow_unused=True
    )
    return filled(found, inputs)


def foreach_restore_(tensors: list[Tensor], saved: list[Tensor], keep: Tensor) -> None:
    """Puts the saved values back unless `keep` holds."""
    for tensor, before in zip(tensors, saved, strict=True):
        tensor.copy_(torch.where(keep, tensor, before))


def foreach_norm(tensors: list[Tensor]) -> Tensor:
    """The L2 length of all tensors together."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
