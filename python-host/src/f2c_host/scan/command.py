"""`f2c-host scan`: makes the index that stdin asks for; stdout tells, a JSON object a line, how far it is and how it ended."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import HostError
from . import bin_set, flat_folder, image_list, lmdb, numpy_images, parquet, record_io, web_dataset
from .index_builder import IndexBuilder, Progress, Tell
from .refusals import unreadable, unsuitable

_TELL_S = 1.0

# A scanner a kind of file; what its spec holds it says itself.
SCANNERS: dict[str, Callable[[dict[str, Any], IndexBuilder], None]] = {
    "flatfolder": flat_folder.scan,
    "binset": bin_set.scan,
    "lmdb": lmdb.scan,
    "imagelist": image_list.scan,
    "numpy": numpy_images.scan,
    "parquet": parquet.scan,
    "recordio": record_io.scan,
    "webdataset": web_dataset.scan,
}


def scan_command() -> int:
    """Reads `{"kind": …, "index": path, …}`. Exit code 0, also where the file is refused: then the last line says why."""
    spec = json.load(sys.stdin)
    told = time.monotonic()

    def progress(images: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            _say({"kind": "part", "images": images})

    try:
        scan(spec, progress, lambda line: _say({"kind": "line", "line": line}))
    except HostError as error:
        _say({"kind": "refused", "code": error.code, "message": error.message, "hint": error.hint})
    else:
        _say({"kind": "done"})
    return 0


def scan(spec: dict[str, Any], progress: Progress = lambda _: None, tell: Tell = lambda _: None) -> None:
    """Makes the index `spec["index"]`. Raises HostError where the files are not of that kind, damaged, or hold no images."""
    leave_out = [name.encode() for name in spec.get("leaveOut", [])]
    with IndexBuilder(Path(spec["index"]), progress, leave_out, tell) as into:
        try:
            SCANNERS[spec["kind"]](spec, into)
        except OSError as error:
            raise unreadable(str(error.filename or spec.get("paths")), error) from error
        if into.images == 0:
            raise unsuitable(_named(spec), "there are no images in it", "name the file that holds the images")
        into.finish(spec["kind"])


def _named(spec: dict[str, Any]) -> str:
    return ", ".join(spec.get("paths", [])[:3])


def _say(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)
