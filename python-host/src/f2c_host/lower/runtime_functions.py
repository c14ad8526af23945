"""The few functions that generated code calls beside aten, in what Python and TorchScript have in common: eager and Inductor call
them, and TorchScript compiles their text (`script`). So this file has no `from __future__ import annotations`, and types have
the names that TorchScript knows.
"""

import inspect
from collections.abc import Callable
from typing import Any, List, Optional  # noqa: UP035 - TorchScript knows no `list[Tensor]`

import torch
from torch import Tensor

from ..kernels import ops  # noqa: F401 - defines torch.ops.f2c

# ruff: noqa: UP006, UP045


def filled(found: List[Optional[Tensor]], inputs: List[Tensor]) -> List[Tensor]:
    """Gradients, and zeros where there are none."""
    result: List[Tensor] = []
    for i in range(len(inputs)):
        gradient = found[i]
        if gradient is None:
            result.append(torch.zeros_like(inputs[i]))
        else:
            result.append(gradient)
    return result


def gradients(loss: Tensor, parameters: List[Tensor], retain: bool = False) -> List[Tensor]:
    """d loss / d each parameter; zeros where the loss does not reach. `retain`: another derivative may go the same way."""
    if not loss.requires_grad:
        return [torch.zeros_like(t) for t in parameters]
    return filled(torch.autograd.grad([loss], parameters, retain_graph=retain, allow_unused=True), parameters)


def tracked(x: Tensor) -> Tensor:
    """The same values, by which a derivative can be taken: of what has no history, one begins here."""
    return x if x.requires_grad else x.detach().requires_grad_()


def gradient_of(loss: Tensor, values: List[Tensor]) -> List[Tensor]:
    """d loss / d each value, recorded: derivatives may be taken of them. Zeros where the loss does not reach."""
    if not loss.requires_grad:
        return [torch.zeros_like(t) for t in values]
    found = torch.autograd.grad([loss], values, retain_graph=True, create_graph=True, allow_unused=True)
    return filled(found, values)


def vjp(
    outputs: List[Tensor],
    cotangents: List[Tensor],
    parameters: List[Tensor],
    leaves: List[Tensor],
    retain: bool,
) -> List[Tensor]:
    """The derivatives of the outputs, weighted by the cotangents, by each parameter and leaf; zeros where they do not reach."""
    reached: List[Tensor] = []
    weights: List[Optional[Tensor]] = []
    for i in range(len(outputs)):
        if outputs[i].requires_grad:
            reached.append(outputs[i])
            weights.append(cotangents[i])
    inputs = parameters + leaves
    if len(reached) == 0:
        return [torch.zeros_like(t) for t in inputs]
    found = torch.autograd.grad(reached, inputs, weights, retain_graph=retain, allow_unused=True)
    return filled(found, inputs)


def foreach_restore_(tensors: List[Tensor], saved: List[Tensor], keep: Tensor) -> None:
    """Puts the saved values back unless `keep` holds."""
    for i in range(len(tensors)):
        tensors[i].copy_(torch.where(keep, tensors[i], saved[i]))


def foreach_norm(tensors: List[Tensor]) -> Tensor:
    """The L2 length of all tensors together."""
    return torch.ops.aten.linalg_vector_norm(torch.stack(torch._foreach_norm(tensors)))


def foreach_norms(tensors: List[Tensor]) -> Tensor:
    """The L2 length of each tensor."""
    return torch.stack(torch._foreach_norm(tensors))


def foreach_scale_each(tensors: List[Tensor], factors: Tensor) -> List[Tensor]:
    """Each tensor times its own number."""
    return list(torch._foreach_mul(tensors, list(torch.unbind(factors))))


def margin_softmax(
    features: Tensor,
    rows: Tensor,
    target: Tensor,
    own: Tensor,
    scale: float,
    ids: Optional[Tensor],
    limit: Optional[float],
    bound: Optional[Tensor],
    square: Optional[float],
    slope: Optional[Tensor],
    offset: Optional[float],
    touched: Optional[Tensor],
    patch: Optional[Tensor],
    centres: int,
    hardest: int,
) -> List[Tensor]:
    """The loss of each row, its largest negative cosine, and the mean of its `hardest` largest, as docs/ops.md defines them."""
    none = -1e30
    cosines = features.matmul(rows.to(features.dtype).t()).unflatten(1, [-1, centres]).amax(2)
    if touched is not None and patch is not None:
        cosines = cosines.index_copy(1, touched, features.matmul(patch.t()))
    place = torch.arange(cosines.size(1), device=rows.device)
    names = place if ids is None else ids
    is_none = names < 0
    if limit is not None:
        is_none = is_none | (place >= limit)
    others = cosines.masked_fill(is_none | (names == target.unsqueeze(1)), none)
    changed = others
    if bound is not None and square is not None and slope is not None and offset is not None:
        bent = others * (others * square + slope) + offset
        changed = torch.where(others > bound.unsqueeze(1), bent, others)
    logits = (changed * scale).masked_fill(changed <= none, none)
    margin = torch.logsumexp(logits, 1) - own * scale
    loss = torch.where(target >= 0, torch.nn.functional.softplus(margin, 1.0, 40.0), torch.zeros_like(own))
    largest = own * 0
    if hardest > 0:
        largest = others.topk(hardest, 1)[0].clamp(min=0.0).mean(1)
    return [loss, others.amax(1), largest]


def negatives_logsumexp(
    features: Tensor,
    rows: Tensor,
    target: Tensor,
    scale: Tensor,
    ids: Optional[Tensor],
    limit: Optional[Tensor],
    bound: Optional[Tensor],
    square: Optional[Tensor],
    slope: Optional[Tensor],
    offset: Optional[Tensor],
    touched: Optional[Tensor],
    centres: int,
    nearest: int,
) -> List[Tensor]:
    """The logarithm of the sum over each row's negatives, and the nearest of them, as docs/ops.md defines them."""
    lse, classes, _, _ = torch.ops.f2c.negatives_logsumexp(
        features, rows, target, scale, ids, limit, bound, square, slope, offset, touched, centres, nearest
    )
    return [lse, classes]


def foreach_scale_rows(tensors: List[Tensor], factors: Tensor) -> List[Tensor]:
    """Each row of each tensor times its own number."""
    result: List[Tensor] = []
    for tensor in tensors:
        result.append(tensor * factors.to(tensor.dtype).reshape([-1] + [1] * (tensor.dim() - 1)))
    return result


RUNTIME: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(gradients, tracked, gradient_of, vjp, foreach_restore_, foreach_norm),
        *(foreach_norms, foreach_scale_each, foreach_scale_rows, margin_softmax, negatives_logsumexp),
    )
}


def script() -> torch.jit.CompilationUnit:
    """The functions as TorchScript, from the same text."""
    return torch.jit.CompilationUnit("\n".join(map(inspect.getsource, [filled, *RUNTIME.values()])))
