"""How much memory storage takes, and how much a device has."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch
from torch import Tensor

from ..ir.module import Storage
from ..lower.builders import DTYPES

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def storage_bytes(storage: Storage) -> int:
    """The bytes of one storage, computed without making it."""
    return math.prod(int(d) for d in storage.type.dims) * DTYPES[storage.type.dtype].itemsize


def zeros(storage: Storage, device: torch.device) -> Tensor:
    """A tensor of the storage's type."""
    return torch.zeros([int(d) for d in storage.type.dims], dtype=DTYPES[storage.type.dtype], device=device)


def device_memory(device: torch.device) -> int:
    """All bytes that a device has, used or not; of the machine, what the container may use."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if not hasattr(os, "sysconf"):  # Windows
        return 2**63
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.exists() else "max"
    return min(total, int(limit)) if limit.isdigit() else total
