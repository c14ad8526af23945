"""What a conversion has made so far: tensors by their new names, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import HostError, listed
from ..files.safetensors_file import KINDS, NAMES, Pieces

# Narrow types whose every number is one of f32, which our parameters are.
_WIDENED = (torch.float16, torch.bfloat16)
# Names in a row of the table; how many more there are stands behind them.
_NAMED = 6


class Conversion:
    """Tensors on their way into a file, and a table of what was done with what."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor | Pieces] = {}
        self.net: dict[str, Any] | None = None
        self._rows: dict[tuple[str, str], int] = {}

    def take(self, name: str, tensor: Tensor | Pieces) -> None:
        """Takes a tensor, or the pieces of one, whose rows lie one after the other."""
        if name in self.tensors:
            raise HostError(
                "F2C6215", f"two tensors would be called `{name}`", "user", "convert the files one by one"
            )
        self.tensors[name] = tensor

    def shape(self, name: str) -> torch.Size:
        """Of a whole tensor that was taken."""
        tensor = self.tensors[name]
        assert isinstance(tensor, Tensor)
        return tensor.shape

    def tell(self, did: str, what: str, count: int = 1) -> None:
        """Counts what was done with so many tensors; the same of others is added."""
        self._rows[did, what] = self._rows.get((did, what), 0) + count

    def leave(self, names: Sequence[str]) -> None:
        """Says what a file holds beside the tensors."""
        if names:
            self.tell("left", listed(names, most=_NAMED), len(names))

    def storable(self, name: str, tensor: Tensor) -> bool:
        """Whether a safetensors file of ours can hold it; says so where not."""
        if tensor.layout != torch.strided:
            self.tell("dropped", f"{name}: a sparse tensor")
        elif tensor.dtype not in NAMES:
            self.tell("dropped", f"{name}: of type {str(tensor.dtype).removeprefix('torch.')}")
        else:
            return True
        return False

    def widened(self, tensor: Tensor) -> Tensor:
        """In f32 if it is of a narrower type: what ours start from is of their type."""
        if tensor.dtype not in _WIDENED:
            return tensor
        self.tell("widened", f"{KINDS[NAMES[tensor.dtype]]} to f32")
        return tensor.float()

    @property
    def said(self) -> dict[str, object]:
        rows: Sequence[dict[str, object]] = [
            {"did": did, "what": what, "count": count} for (did, what), count in self._rows.items()
        ]
        return {"net": self.net, "rows": rows}
