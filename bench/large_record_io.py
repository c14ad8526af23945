"""Writes a RecordIO file as InsightFace lays it out, of many tiny pictures: `large_record_io.py FILE.rec IDENTITIES IMAGES`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

MAGIC = 0xCED7230A
HEAD = 8 + 24
PIECE = 1 << 19


def main(path: Path, identities: int, images: int) -> None:
    picture = np.frombuffer(
        b"P5 4 4 255\n" + bytes(range(0, 256, 16)) + b"\0", np.uint8
    )
    counts = np.full(identities, images // identities)
    counts[: images - counts.sum()] += 1
    labels = np.repeat(np.arange(identities), counts)
    first = 1 + np.concatenate([[0], np.cumsum(counts)])
    at = 0
    with open(path, "wb") as records, open(path.with_suffix(".idx"), "wb") as index:

        def write(rows: np.ndarray, key: int) -> None:
            nonlocal at
            records.write(rows)
            begins = at + rows.shape[1] * np.arange(len(rows))
            pairs = zip(range(key, key + len(rows)), begins.tolist(), strict=True)
            index.write("".join(f"{k}\t{b}\n" for k, b in pairs).encode())
            at += rows.nbytes

        def ranges(firsts: np.ndarray, ends: np.ndarray) -> np.ndarray:
            rows = np.zeros((len(firsts), HEAD + 8), np.uint8)
            rows.view("<u4")[:, :3] = MAGIC, 24 + 8, 2
            rows.view("<f4")[:, 8], rows.view("<f4")[:, 9] = firsts, ends
            return rows

        write(ranges(np.array([images + 1]), np.array([images + 1 + identities])), 0)
        for start in range(0, images, PIECE):
            part = labels[start : start + PIECE]
            rows = np.zeros((len(part), HEAD + len(picture)), np.uint8)
            rows.view("<u4")[:, :2] = MAGIC, 24 + len(picture)
            rows.view("<f4")[:, 3] = part
            # No two pictures of a person are alike.
            rows[:, HEAD:] = picture
            rows[:, HEAD + 11] = (start + np.arange(len(part))) % 251
            write(rows, start + 1)
        for start in range(0, identities, PIECE):
            part = slice(start, min(start + PIECE, identities))
            write(
                ranges(first[part], first[part.start + 1 : part.stop + 1]),
                images + 1 + start,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
