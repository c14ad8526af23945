"""An index as tests look at it: made by the scanner, read by the safetensors library."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

from safetensors import safe_open

from f2c_host.scan.command import scan

# Small instances that others' libraries wrote, where they are at hand.
FORMATS = Path(os.environ.get("F2C_FORMATS", Path(__file__).parents[3] / "shared/data/formats"))


def scanned(kind: str, paths: list[Path], index: Path, **options: Any) -> dict[str, Any]:
    """Identities in their order, each with the names and bytes of its images; the notes; what else the index says."""
    scan({"kind": kind, "index": str(index), "paths": [str(path) for path in paths], **options})
    with safe_open(index, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = file.metadata()
    identities = texts(arrays["identities"].tobytes(), arrays["identityEnds"])
    count = int(arrays["offsets"][-1])
    names = (
        arrays["keys"].tolist() if "keys" in arrays else texts(arrays["names"].tobytes(), arrays["nameEnds"])
    )
    images: list[Any] = [None] * count
    if "shards" in arrays:
        shards = [Path(path).read_bytes() for path in texts(arrays["shards"].tobytes(), arrays["shardEnds"])]
        shard = arrays["shard"] if "shard" in arrays else [0] * count
        for i, (at, length) in enumerate(zip(arrays["at"].tolist(), arrays["length"].tolist(), strict=True)):
            held = shards[shard[i]]
            assert at >= 0 and length >= 0 and at + length <= len(held), "an image lies outside its file"
            images[i] = held[at : at + length]
    bounds = arrays["offsets"].tolist()
    people = {
        name: list(zip(names[a:b], images[a:b], strict=True))
        for name, a, b in zip(identities, bounds, bounds[1:], strict=False)
    }
    return {"people": people, "notes": json.loads(facts["skipped"]), "facts": facts, "arrays": arrays}


def texts(data: bytes, ends: Any) -> list[str]:
    bounds = ends.tolist()
    return [data[a:b].decode(errors="backslashreplace") for a, b in pairwise(bounds)]
