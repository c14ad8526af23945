"""How close what a kernel computes in f32 is to the same in f64."""

from torch import Tensor


def close(found: Tensor, right: Tensor, tolerance: float = 3e-5) -> None:
    """Of the largest value."""
    scale = right.abs().max().clamp(min=1e-3)
    assert ((found.double() - right).abs().max() / scale).item() < tolerance
