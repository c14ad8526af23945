"""A file of `torch.save`, read with torch's restricted loader: tensors and plain containers, and no code of the file's."""

from __future__ import annotations

import pickle
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from ..errors import HostError

_NOT_ALLOWED = re.compile(r"Unsupported (?:global: GLOBAL|class) (\S+)")
_SAVED_ALONE = "if you trust it, save its tensors alone where it was made, torch.save(net.state_dict(), FILE), and convert that"


@dataclass(frozen=True)
class TorchFile:
    path: Path
    content: Any


def read(path: Path) -> TorchFile:
    """What a file holds, on the CPU; tensors are mapped where its format allows that, and not read. Raises F2C6213, F2C6214."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file's age and kind we speak ourselves
            return TorchFile(
                path, torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
            )
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise _refusal(path, str(error)) from error
    except Exception as error:  # of a file that is no pickle, whatever its bytes make of the loader
        raise _unreadable(path, "it is no file of torch.save") from error


def _refusal(path: Path, said: str) -> HostError:
    if found := _NOT_ALLOWED.search(said):
        what = found[1].removeprefix("__main__.")
        return HostError(
            "F2C6213",
            f"`{path}` holds more than tensors: {what}, which only code could make again",
            "user",
            _SAVED_ALONE,
        )
    if "TorchScript" in said:
        return HostError(
            "F2C6213",
            f"`{path}` holds more than tensors: a TorchScript program",
            "user",
            'if you trust it, save its tensors alone, torch.save(torch.jit.load("FILE").state_dict(), "OTHER"), and convert that',
        )
    if is_zipfile(path) or "PytorchStreamReader" in said:
        return _unreadable(path, "it is damaged or cut short")
    return _unreadable(path, "it is no file of torch.save")


def _unreadable(path: Path, reason: str) -> HostError:
    return HostError(
        "F2C6214", f"cannot convert `{path}`: {reason}", "user", "check the path, or fetch the file again"
    )
