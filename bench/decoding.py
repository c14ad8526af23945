"""Images a second of processor time, of each kind of file as the host reads it, and of the decoders alone, in turns.

Prints `kind images median-share`: how many images a second of processor time, and that as a share of simplejpeg's in the same turn.
Databases and tables need `lmdb` and `pyarrow`; a kind whose package is missing is left out.
"""

from __future__ import annotations

import importlib.util
import io
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import simplejpeg
import torch
from f2c_host.data import open_source
from f2c_host.data.source import Source
from f2c_host.process.freed_memory import keep_freed_memory
from f2c_host.scan.command import scan
from PIL import Image
from safetensors import safe_open

sys.path.insert(
    0,
    str(
        next(p for p in Path(__file__).parents if (p / "python-host").is_dir())
        / "python-host/tests"
    ),
)
from record_io_writer import image_record, write_records

FACES, EACH, BATCH, SIZE = 390, 3, 65, 112
READ = {"channels": 3, "height": SIZE, "width": SIZE, "fit": "crop", "cacheBytes": 0}


def main(turns: int) -> None:
    keep_freed_memory()
    torch.set_num_threads(1)
    faces = drawn()
    with TemporaryDirectory() as folder:
        sources = {
            kind: opened(kind, Path(folder), faces) for kind in WRITERS if is_here(kind)
        }
        rates: dict[str, list[float]] = {}
        for _ in range(turns):
            for kind, decode in DECODERS.items():
                rates.setdefault(kind, []).append(
                    rate(lambda decode=decode: [decode(face) for face in faces])
                )
            for kind, source in sources.items():
                rates.setdefault(kind, []).append(
                    rate(lambda source=source: read_all(source))
                )
    for kind, found in rates.items():
        shares = [
            one / floor for one, floor in zip(found, rates["simplejpeg"], strict=True)
        ]
        print(kind, statistics.median(found), statistics.median(shares))


def drawn() -> list[bytes]:
    """Coloured faces as JPEGs of quality 95."""
    spec = {
        "kind": "synthetic_faces",
        "seed": 1,
        "size": SIZE,
        "channels": 3,
        "difficulty": 0.5,
    }
    source = open_source(
        {**spec, "firstIdentity": 0}, {"counts": np.full(FACES // EACH, EACH, np.int32)}
    )
    pixels = source.read(np.arange(FACES)).permute(0, 2, 3, 1).numpy()
    return [jpeg(image) for image in pixels]


def jpeg(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    return data.getvalue()


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "simplejpeg": simplejpeg.decode_jpeg,
    "Pillow": lambda data: np.asarray(Image.open(io.BytesIO(data))),
}


def rate(work: Callable[[], Any]) -> float:
    begun, times = time.process_time(), 8
    for _ in range(times):
        work()
    return times * FACES / (time.process_time() - begun)


def read_all(source: Source) -> None:
    order = np.random.default_rng(0).permutation(len(source))
    for start in range(0, len(order), BATCH):
        source.read(order[start : start + BATCH])


# Writers: the faces as a kind of file, and what its scanner is told.


def as_folder(folder: Path, faces: Sequence[bytes]) -> dict[str, Any]:
    for i, face in enumerate(faces):
        (folder / f"{i}.jpg").write_bytes(face)
    (folder / "list.txt").write_text(
        "".join(f"{i}.jpg {i // EACH}\n" for i in range(len(faces)))
    )
    return {
        "kind": "imagelist",
        "paths": [str(folder / "list.txt")],
        "root": str(folder),
    }


def as_records(folder: Path, faces: Sequence[bytes]) -> dict[str, Any]:
    write_records(
        folder / "a.rec",
        [(i, image_record(i // EACH, face)) for i, face in enumerate(faces)],
    )
    return {"kind": "recordio", "paths": [str(folder / "a.rec")]}


def as_shards(folder: Path, faces: Sequence[bytes]) -> dict[str, Any]:
    with tarfile.open(folder / "a.tar", "w") as shard:
        for i, face in enumerate(faces):
            for ending, data in (("jpg", face), ("cls", str(i // EACH).encode())):
                member = tarfile.TarInfo(f"{i:06}.{ending}")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
    return {"kind": "webdataset", "paths": [str(folder / "a.tar")], "label": "cls"}


def as_database(folder: Path, faces: Sequence[bytes]) -> dict[str, Any]:
    import lmdb

    with (
        lmdb.open(str(folder / "db"), map_size=1 << 28) as database,
        database.begin(write=True) as writing,
    ):
        for i, face in enumerate(faces):
            writing.put(f"{i:06}".encode(), face)
    (folder / "labels.txt").write_text(
        "".join(f"{i:06} {i // EACH}\n" for i in range(len(faces)))
    )
    return {
        "kind": "lmdb",
        "paths": [str(folder / "db/data.mdb")],
        "labels": str(folder / "labels.txt"),
    }


def as_table(folder: Path, faces: Sequence[bytes]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [{"bytes": face, "path": None} for face in faces]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {
        "image": pa.array(images, kind),
        "label": pa.array([i // EACH for i in range(len(faces))]),
    }
    pq.write_table(pa.table(columns), folder / "a.parquet")
    return {
        "kind": "parquet",
        "paths": [str(folder / "a.parquet")],
        "image": "image",
        "label": "label",
    }


WRITERS: dict[str, Callable[[Path, Sequence[bytes]], dict[str, Any]]] = {
    "files": as_folder,
    "RecordIO": as_records,
    "WebDataset": as_shards,
    "LMDB": as_database,
    "Parquet": as_table,
}
PACKAGES = {"LMDB": "lmdb", "Parquet": "pyarrow"}


def is_here(kind: str) -> bool:
    return kind not in PACKAGES or importlib.util.find_spec(PACKAGES[kind]) is not None


def opened(kind: str, folder: Path, faces: Sequence[bytes]) -> Source:
    own = folder / kind
    own.mkdir()
    spec, index = WRITERS[kind](own, faces), own / "faces.index"
    scan({**spec, "index": str(index)})
    with safe_open(index, "numpy") as file:
        facts = file.metadata()
    where = {
        "index": str(index),
        "indexId": facts["id"],
        "people": [[0, len(faces) // EACH]],
    }
    if kind == "files":
        return open_source(
            {**READ, **where, "kind": "image_folder", "root": str(own)}, {}
        )
    return open_source({**READ, **where, "kind": "packed_images"}, {})


if __name__ == "__main__":
    main(int(sys.argv[1]))
