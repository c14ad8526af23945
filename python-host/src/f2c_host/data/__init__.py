"""Where images come from: one `Source` a data set, opened by kind, read by image index."""

from __future__ import annotations

from typing import Any

import numpy as np

from f2c_host.data.concat import Concat, parts_of
from f2c_host.data.image_folder import ImageFolder
from f2c_host.data.matrix import Matrix
from f2c_host.data.packed_images import PackedImages
from f2c_host.data.source import Source
from f2c_host.data.subset import Subset
from f2c_host.data.synthetic_faces import SyntheticFaces
from f2c_host.errors import HostError


def _open_subset(spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> Subset:
    return Subset(open_source({**spec, "kind": spec.get("of")}, buffers), buffers)


def _open_concat(spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> Concat:
    return Concat([open_source(*part) for part in parts_of(spec, buffers)])


_KINDS = {
    "concat": _open_concat,
    "subset": _open_subset,
    "synthetic_faces": SyntheticFaces,
    "image_folder": ImageFolder,
    "packed_images": PackedImages,
    "matrix": Matrix,
}


def open_source(spec: dict[str, Any], buffers: dict[str, np.ndarray]) -> Source:
    """Opens the source that `spec["kind"]` names; raises HostError when kind or spec is wrong."""
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise HostError(
            "F2C6101",
            f"unknown kind of image source: {kind!r}",
            hint=f"this host opens {', '.join(sorted(_KINDS))}; a newer kind needs a newer host",
        )
    return _KINDS[kind](spec, buffers)
