"""What a net in a file is to the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import HostError
from ..run.embedding import MakesRows

# The one function of a net.
FORWARD = "forward"

_LONGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class Net:
    """`forward`: images to rows. `input`: what the file itself says of the tensor that goes in, as far as it does: `type`
    ("uint8", "float32") and `shape`, in which -1 is any size. `texts`: what it carries, by name."""

    forward: MakesRows
    input: Mapping[str, object]
    texts: Mapping[str, str]
    bytes: int
    device: torch.device


def short(texts: Mapping[str, str]) -> dict[str, str]:
    """Those that are short enough to describe a net."""
    return {name: text for name, text in texts.items() if len(name) + len(text) <= _LONGEST_TEXT}


def unreadable(path: Path, problem: str, hint: str | None = None) -> HostError:
    return HostError(
        "F2C6340", f"{path} cannot be read as a net: {problem}", "user", hint or "check the path"
    )


def cannot_embed(path: Path, images: Sequence[int], error: Exception) -> HostError:
    """What a net said when it was given images of this shape."""
    message = next((line for line in reversed(str(error).strip().split("\n")) if line.strip()), "no message")
    return HostError(
        "F2C6341",
        f"{path} cannot embed images {list(images)}: {message.strip()}",
        "user",
        "check what it is to be given: size, channels and type",
    )


def a_row_each(path: Path, rows: object, count: int) -> Tensor:
    """The rows, if they are a row an image. Raises F2C6342."""
    if isinstance(rows, Tensor) and rows.is_floating_point() and rows.dim() >= 2 and rows.shape[0] == count:
        return rows.reshape(count, -1)
    found = f"{rows.dtype} {list(rows.shape)}" if isinstance(rows, Tensor) else type(rows).__name__
    raise HostError(
        "F2C6342",
        f"{path} gives {found} of {count} images, and not a row of reals an image",
        "user",
        "give a net that returns embeddings alone, [B, D]",
    )
