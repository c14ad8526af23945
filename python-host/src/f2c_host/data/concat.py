"""Several sources as one: the images of the first, then those of the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from f2c_host.data.inspection import Inspection
from f2c_host.data.source import Source
from f2c_host.data.source_spec import bad_spec, checked_indices, whole

_KIND = "concat"


def parts_of(
    spec: dict[str, Any], buffers: dict[str, np.ndarray]
) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Spec and buffers of each source: what stands as `1.root` in those of all is `root` in those of the second."""
    count = whole(spec, "parts", 1, 1 << 16)

    def under(all_of: dict[str, Any], part: int) -> dict[str, Any]:
        prefix = f"{part}."
        return {name[len(prefix) :]: value for name, value in all_of.items() if name.startswith(prefix)}

    return [(under(spec, part), under(buffers, part)) for part in range(count)]


class Concat(Source):
    """Sources whose images have one shape."""

    def __init__(self, parts: Sequence[Source]) -> None:
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise bad_spec(_KIND, f"images of shapes {sorted(shapes)}", "concatenate sources of one shape")
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = parts[0].shape

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, indices: np.ndarray) -> torch.Tensor:
        """Images as the sources have them."""
        asked = self._by_part(indices)
        images = [part.read(own) for part, own, _ in asked]
        if not asked:
            return self._parts[0].read(np.zeros(0, np.int64))
        of_all = torch.empty((sum(map(len, images)), *self.shape), dtype=images[0].dtype)
        for own, (_, _, places) in zip(images, asked, strict=True):
            of_all[torch.from_numpy(places)] = own
        return of_all

    def stood_in_for(self, indices: np.ndarray) -> np.ndarray:
        """As each source says of its own."""
        stood = np.zeros(len(np.asarray(indices).reshape(-1)), np.bool_)
        for part, own, places in self._by_part(indices):
            stood[places] = part.stood_in_for(own)
        return stood

    def inspect(self, indices: np.ndarray) -> Inspection | None:
        """What each source finds in its files; None where one has no files."""
        found = [(part.inspect(own), places) for part, own, places in self._by_part(indices)]
        if not found or any(inspection is None for inspection, _ in found):
            return None
        return _as_one([(inspection, places) for inspection, places in found if inspection is not None])

    def _by_part(self, indices: np.ndarray) -> list[tuple[Source, np.ndarray, np.ndarray]]:
        """The sources that are asked, the indices that each knows, and the places of these among those asked for."""
        wanted = checked_indices(_KIND, indices, len(self))
        owner = np.searchsorted(self._ends, wanted, side="right")
        return [
            (part, wanted[places] - (self._ends[i] - len(part)), places)
            for i, part in enumerate(self._parts)
            if len(places := np.flatnonzero(owner == i))
        ]


def _as_one(found: Sequence[tuple[Inspection, np.ndarray]]) -> Inspection:
    """What was found in parts, in the order of what was asked for."""
    broken = [
        {**image, "position": int(places[image["position"]])}
        for part, places in found
        for image in part.broken
    ]
    order = np.argsort(np.concatenate([places for _, places in found]), kind="stable")
    names = found[0][0].arrays
    return Inspection(
        sorted(broken, key=lambda image: image["position"]),
        {name: np.concatenate([part.arrays[name] for part, _ in found])[order] for name in names},
    )
