"""Safetensors files that storages start from: what they must hold is known before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import HostError, listed
from ..files import safetensors_file
from ..ir.module import Storage

_OTHER_NET = "the file is of another net: give the net that it was exported from"


@dataclass(frozen=True)
class WeightsFile:
    """A file as the driver names it. `strict`: what no storage starts from is an error."""

    path: Path
    sha256: str | None = None
    strict: bool = True

    @staticmethod
    def of(spec: Mapping[str, Any]) -> WeightsFile:
        """What an entry of `load`'s `files` says."""
        path, sha256, strict = spec.get("path"), spec.get("sha256"), spec.get("strict", True)
        if not isinstance(path, str) or not isinstance(sha256, str | None) or not isinstance(strict, bool):
            raise HostError(
                "F2C6506",
                '`load`: an entry of `files` is {"path": text, "sha256": text / nil, "strict": bool}',
                "host",
                "see docs/protocol.md for the fields of each message",
            )
        return WeightsFile(Path(path), sha256, strict)


class OpenWeights:
    """The files of a program, checked against the storages that start from them, and open until `close`."""

    def __init__(self, files: Mapping[str, WeightsFile], storages: Sequence[Storage]):
        self._files: dict[str, safe_open] = {}
        wanted: dict[str, list[Storage]] = {}
        for storage in storages:
            if storage.init["kind"] == "file":
                wanted.setdefault(storage.init["file"], []).append(storage)
        for name, readers in wanted.items():
            if name not in files:
                raise HostError(
                    "F2C6208",
                    f"no file is given for `{name}`, from which {readers[0].name} starts",
                    "fault",
                    "name it in `files` of `load`",
                )
            self._files[name] = _checked(files[name], readers)

    def tensor(self, storage: Storage) -> Tensor:
        """What a storage starts from, on the CPU."""
        return self._files[storage.init["file"]].get_tensor(storage.init["tensor"])


def _checked(weights: WeightsFile, readers: Sequence[Storage]) -> safe_open:
    path = weights.path
    try:
        if weights.sha256 is not None and safetensors_file.sha256_of(path) != weights.sha256:
            raise _unreadable(path, "its bytes are not those that were meant: another file lies there")
        file = safe_open(path, framework="pt")
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, f"it is damaged or cut short ({error})") from error
    names = set(file.keys())
    missing = [s.init["tensor"] for s in readers if s.init["tensor"] not in names]
    if missing:
        raise HostError("F2C6210", f"`{path}` lacks {listed(missing)}", "user", _OTHER_NET)
    left = sorted(names - {s.init["tensor"] for s in readers})
    if left and weights.strict:
        raise HostError(
            "F2C6211", f"`{path}` has {listed(left)}, from which nothing starts", "user", _OTHER_NET
        )
    misfits = []
    for storage in readers:
        part = file.get_slice(storage.init["tensor"])
        there = (safetensors_file.KINDS.get(part.get_dtype(), part.get_dtype()), list(part.get_shape()))
        here = (storage.type.dtype, list(storage.type.dims))
        if there != here:
            misfits.append(
                f"{storage.init['tensor']} is {there[0]}{there[1]} there and {here[0]}{here[1]} here"
            )
    if misfits:
        raise HostError("F2C6212", f"`{path}`: {listed(misfits, '; ')}", "user", _OTHER_NET)
    return file


def _unreadable(path: Path, reason: str) -> HostError:
    return HostError("F2C6209", f"cannot read the weights `{path}`: {reason}", "user", "check the path")
