"""Defines them all."""

import torch

from . import batch_norm, depthwise, negatives, prelu

__all__ = ["ON_CPU", "batch_norm", "depthwise", "negatives", "prelu"]

# What stands in on CPUs for targets of the registry. Inductor writes its own loops, and a file that leaves has aten alone.
ON_CPU = {"aten::prelu": torch.ops.f2c.prelu, "aten::batch_norm": torch.ops.f2c.batch_norm}
