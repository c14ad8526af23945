"""Which storages an op names, by what the registry says of its attributes."""

from __future__ import annotations

from .module import Op
from .ops_table import OPS


def names_storage(op: Op) -> bool:
    """Whether an op gives storage itself: all of a name, or a group."""
    return any(a.type in ("storage", "group") for a in OPS[op.op].attributes)
