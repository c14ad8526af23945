"""A net that `torch.jit.save` wrote.

Such a file is a program, and what is in it runs. What can be looked at before is: that it is a whole archive of the form.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from ..errors import HostError
from ..run.program import select_device
from ..torch_api import adapter
from .net import Net, a_row_each, cannot_embed, short, unreadable

_MOST_CODE = 64 << 20


def open_net(path: Path, device: str, threads: int | None) -> Net:
    texts = _texts_in(path)
    at = select_device(device)
    if threads:
        torch.set_num_threads(threads)
    adapter().configure_executor()
    try:
        module = torch.jit.load(str(path), map_location=at).eval()
    except Exception as error:
        raise unreadable(path, _first_line(error)) from error
    return Net(_Forward(path, module, at), {}, texts, path.stat().st_size, at)


class _Forward:
    batch = None

    def __init__(self, path: Path, module: torch.jit.ScriptModule, device: torch.device):
        self._path, self._module, self._device = path, module, device

    def __call__(self, images: Tensor) -> Tensor:
        try:
            with torch.no_grad():
                rows = self._module(images.to(self._device))
        except Exception as error:
            raise cannot_embed(self._path, images.shape, error) from error
        return a_row_each(self._path, rows, len(images))


def _texts_in(path: Path) -> dict[str, str]:
    """The extra files of the archive. Raises F2C6340 if it is none, is cut, or is of something else than a program."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            # torch packs code and nothing else: what would unpack to very much is not its own.
            packed = sum(entry.file_size for entry in entries if entry.compress_type != zipfile.ZIP_STORED)
            if packed > _MOST_CODE:
                raise unreadable(path, "torch.jit.save did not write it: it would unpack to much", _SAVE)
            if not any("/code/" in entry.filename for entry in entries):
                raise unreadable(path, "it holds weights and no program", _CONVERT)
            damaged = archive.testzip()
            if damaged is not None:
                raise unreadable(path, f"it is damaged: {damaged} is not what was written")
            extra = [entry for entry in entries if "/extra/" in entry.filename]
            return short(
                {e.filename.split("/extra/", 1)[1]: archive.read(e).decode("utf-8", "replace") for e in extra}
            )
    except HostError:
        raise
    except Exception as error:  # what a damaged archive makes zipfile raise is not written down
        raise unreadable(path, f"it is damaged, cut short or no TorchScript ({error})", _SAVE) from error


_SAVE = "give a file of torch.jit.save; f2c-dsl export writes one"
_CONVERT = "make safetensors of it with f2c-dsl convert, and name the experiment with its net: --net exp.ts"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).split("\n") if line.strip()), type(error).__name__)
