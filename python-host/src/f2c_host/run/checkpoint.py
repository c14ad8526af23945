"""Parameters and states on disk: safetensors files that are either whole or absent, restored bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import HostError, listed
from ..files import safetensors_file
from ..files.whole_file import whole_file
from .snapshot import EarlierRows

_LARGE = 2**26
"""Bytes: a file of more takes so long to write that the plans which go on meanwhile suffer."""

_OTHER_PROGRAM = (
    "the checkpoint belongs to another program: resume with the experiment that wrote it, or start a new run"
)


@dataclass(frozen=True)
class Saved:
    """A file that was written: its size in bytes, and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


def save(storage: Mapping[str, Tensor | EarlierRows], path: Path, finite: Collection[str] = ()) -> Saved:
    """Writes every tensor by its name.

    The file appears under its name only when all of it is on the disk, so a crash leaves the previous one.
    Raises F2C6207 if one of `finite` holds a NaN or an infinity; F2C6206 if the disk refuses."""
    consequence = f"the checkpoint `{path}` is not written"
    at_hand = {name: tensor for name, tensor in storage.items() if isinstance(tensor, Tensor)}
    refuse_non_finite({name: at_hand[name] for name in finite if name in at_hand}, consequence)
    checked = {
        name: _FiniteRows(name, rows, consequence)
        for name, rows in storage.items()
        if name in finite and isinstance(rows, EarlierRows)
    }
    try:
        large = sum(tensor.shape.numel() * tensor.dtype.itemsize for tensor in storage.values()) > _LARGE
        with whole_file(path, large) as file:
            digest = safetensors_file.write({**storage, **checked}, file)
        return Saved(path.stat().st_size, digest)
    except OSError as error:
        raise HostError(
            "F2C6206",
            f"cannot write the checkpoint `{path}`: {error}",
            "resource",
            "free disk space or choose another run folder; the previous checkpoint is untouched",
        ) from error


class _FiniteRows:
    """Rows that are refused (F2C6207) where one holds a NaN or an infinity."""

    def __init__(self, name: str, rows: EarlierRows, consequence: str) -> None:
        self.dtype, self.shape = rows.dtype, rows.shape
        self._name, self._rows, self._consequence = name, rows, consequence

    def __iter__(self) -> Iterator[Tensor]:
        for piece in self._rows:
            refuse_non_finite({self._name: piece}, self._consequence)
            yield piece


def refuse_non_finite(tensors: Mapping[str, Tensor], consequence: str) -> None:
    """Raises F2C6207 if a tensor holds a NaN or an infinity."""
    broken = [name for name, tensor in tensors.items() if not _is_finite(tensor.detach())]
    if broken:
        raise HostError(
            "F2C6207",
            f"training has diverged: {listed(broken)} {'hold' if len(broken) > 1 else 'holds'} NaN or infinity; {consequence}",
            "user",
            "lower the learning rate or warm it up, or clip the gradient; a checkpoint from before it can be resumed",
        )


def _is_finite(tensor: Tensor) -> bool:
    """By the least and the greatest value, one of which is NaN or infinite where any is: unlike `isfinite`, or a sum in
    another precision, that makes nothing of the tensor's size, and a pool may fill most of a GPU."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    return all(math.isfinite(bound.item()) for bound in tensor.aminmax())


def restore(
    storage: Mapping[str, Tensor],
    path: Path,
    before_change: Callable[[], None] = lambda: None,
    sha256: str | None = None,
) -> None:
    """Fills every tensor from the file. Nothing is changed unless names, shapes and dtypes all agree
    (F2C6201 missing, F2C6202 extra, F2C6203 another shape, F2C6204 another dtype, F2C6205 no readable
    file, or not the one whose `sha256` this is). What breaks off after `before_change` leaves part of the storage changed."""
    if sha256 is not None:
        _check_hash(path, sha256)
    with _opened(path) as file:
        _check_names(storage, file.keys(), path)
        _check_types(storage, file, path)
        before_change()
        with torch.no_grad():
            for name, tensor in storage.items():
                tensor.copy_(file.get_tensor(name))


@contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, f"it is damaged or cut short ({error})") from error


def _check_hash(path: Path, expected: str) -> None:
    try:
        found = safetensors_file.sha256_of(path)
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file") from None
    except OSError as error:
        raise _unreadable(path, f"it cannot be read ({error})") from error
    if found != expected:
        raise _unreadable(path, "it is damaged: its bytes are not those that were written")


def _unreadable(path: Path, reason: str) -> HostError:
    return HostError(
        "F2C6205",
        f"cannot read the checkpoint `{path}`: {reason}",
        "user",
        "resume from the checkpoint before it, or check the path",
    )


def _check_names(storage: Mapping[str, Tensor], found: Sequence[str], path: Path) -> None:
    names = set(found)
    missing = [name for name in storage if name not in names]
    if missing:
        raise HostError("F2C6201", f"`{path}` lacks {listed(missing)}", "user", _OTHER_PROGRAM)
    extra = sorted(names - set(storage))
    if extra:
        raise HostError(
            "F2C6202", f"`{path}` has {listed(extra)}, unknown to this program", "user", _OTHER_PROGRAM
        )


def _check_types(storage: Mapping[str, Tensor], file: safe_open, path: Path) -> None:
    slices = {name: file.get_slice(name) for name in storage}
    shapes = {name: list(part.get_shape()) for name, part in slices.items()}
    misshapen = [
        f"{name} is {shapes[name]} there and {list(tensor.shape)} here"
        for name, tensor in storage.items()
        if shapes[name] != list(tensor.shape)
    ]
    if misshapen:
        raise HostError(
            "F2C6203", f"`{path}`: the shape of {listed(misshapen, '; ')}", "user", _OTHER_PROGRAM
        )
    dtypes = {name: part.get_dtype() for name, part in slices.items()}
    mistyped = [
        f"{name} is {dtypes[name]} there and {tensor.dtype} here"
        for name, tensor in storage.items()
        if safetensors_file.DTYPES.get(dtypes[name]) != tensor.dtype
    ]
    if mistyped:
        raise HostError("F2C6204", f"`{path}`: the dtype of {listed(mistyped, '; ')}", "user", _OTHER_PROGRAM)
