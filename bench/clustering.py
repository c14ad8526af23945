"""What `npm run bench -- ogmc` needs of Python: vectors, the two peers, and what a round takes when there are many centroids.

`draw FILE identities seed`: vectors of so many people as `rows` of a safetensors file; prints how many each has, as JSON.
`peers FILE TRIALS`: clusters them by each trial of a JSON file, {method, settings, order, out}; writes the labels, i32, and
prints the seconds of each. `growth IR`: prints the milliseconds of a round with more and more centroids.

Vectors, 64 numbers each, so that nobody scores 1: a person's images lie about a centre, vector = centre + spread * noise
at length 1, where noise has length 1 on average (close to von Mises and Fisher's distribution, and simpler to draw). Half of the
people have centres near one of a few families' (they resemble each other), 30 % have a second centre (a beard, twenty years
later), each person has a spread of its own, 0.85 on average, 15 % of the images have 1.6 times as much (poor ones), and the
number of images is geometric, 20 on average.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMS = 64
Rows = NDArray[np.float32]


def _unit(x: NDArray[Any]) -> NDArray[Any]:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def drawn(identities: int, seed: int) -> tuple[Rows, NDArray[np.int64]]:
    """Vectors, person after person, and how many each person has."""
    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> NDArray[Any]:
        return generator.standard_normal((*shape, DIMS)) / np.sqrt(DIMS)

    families = _unit(noise(max(1, identities // 10)))
    relatives = _unit(families[generator.integers(len(families), size=identities)] + 1.2 * noise(identities))
    first = np.where(generator.random(identities)[:, None] < 0.5, relatives, _unit(noise(identities)))
    second = _unit(first + 0.8 * noise(identities))
    has_second = generator.random(identities) < 0.3
    spread = 0.85 * np.exp(0.25 * generator.standard_normal(identities))
    counts = generator.geometric(1 / 20, identities)
    who = np.repeat(np.arange(identities), counts)
    is_second = has_second[who] & (generator.random(len(who)) < 0.5)
    centre = np.where(is_second[:, None], second[who], first[who])
    poor = np.where(generator.random(len(who)) < 0.15, 1.6, 1.0)
    return _unit(centre + (spread[who] * poor)[:, None] * noise(len(who))).astype(np.float32), counts


def one_threshold(rows: Rows, order: NDArray[np.int32], threshold: float) -> NDArray[np.int32]:
    """Each vector joins the nearest centroid, or is a cluster of its own where none is near enough."""
    sums, centroids = np.zeros_like(rows), np.zeros_like(rows)
    labels = np.full(len(rows), -1, np.int32)
    clusters = 0
    for row in order:
        cosines = centroids[:clusters] @ rows[row]
        nearest = int(cosines.argmax()) if clusters else -1
        if nearest < 0 or cosines[nearest] < threshold:
            nearest, clusters = clusters, clusters + 1
        sums[nearest] += rows[row]
        centroids[nearest] = sums[nearest] / np.linalg.norm(sums[nearest])
        labels[row] = nearest
    return labels


def dbscan(rows: Rows, order: NDArray[np.int32], cosine: float, least: int) -> NDArray[np.int32]:
    """scikit-learn's, of the vectors in this order; noise is each a cluster of its own."""
    from sklearn.cluster import DBSCAN

    # Unit vectors with this cosine are so far apart.
    distance = float(np.sqrt(2 - 2 * cosine))
    found = DBSCAN(eps=distance, min_samples=least, algorithm="brute").fit(rows[order]).labels_
    found = np.where(found < 0, found.max() + 1 + np.arange(len(found)), found)
    labels = np.empty(len(rows), np.int32)
    labels[order] = found
    return labels


PEERS = {"one threshold": one_threshold, "DBSCAN": dbscan}


def _draw(file: str, identities: str, seed: str) -> None:
    from safetensors.numpy import save_file

    rows, counts = drawn(int(identities), int(seed))
    save_file({"rows": rows}, file)
    print(json.dumps(counts.tolist()))


def _peers(file: str, trials: str) -> None:
    from safetensors.numpy import load_file

    rows = load_file(file)["rows"]
    seconds = []
    for trial in json.loads(Path(trials).read_text()):
        order = np.fromfile(trial["order"], np.int32)
        start = time.perf_counter()
        labels = PEERS[trial["method"]](rows, order, **trial["settings"])
        seconds.append(time.perf_counter() - start)
        labels.tofile(trial["out"])
    print(json.dumps(seconds))


def _growth(ir: str) -> None:
    """Of random centroids and arrivals, 256 at once: processor time of one core, or on a GPU as long as it takes."""
    import torch
    from f2c_host.ir.json_form import parse_module
    from f2c_host.run.program import Program

    program = Program(parse_module(json.loads(Path(ir).read_text())), device="auto", threads=1)
    clock = time.process_time if program.device.type == "cpu" else time.perf_counter
    program.initialise(0)
    sums, scales = program.storage["sums"], program.storage["scales"]
    sums.normal_()
    scales.copy_(1 / sums.norm(dim=1))
    chunk = 8192
    milliseconds = {}
    for centroids in (10_000, 100_000, 1_000_000):
        inputs = {
            "rows": torch.randn(256, DIMS, 1, 1),
            "plan.chunks": float(-(-centroids // chunk)),
            "plan.changed": torch.full((256,), len(sums) - 1),
            "plan.arrives": torch.ones(256, dtype=torch.bool),
        }
        times = []
        for _ in range(4):
            start = clock()
            program.run("look256", inputs)["free"].cpu()  # waits for the device
            times.append(clock() - start)
        milliseconds[centroids] = 1000 * float(np.median(times[1:]))
    print(json.dumps(milliseconds))


if __name__ == "__main__":
    {"draw": _draw, "peers": _peers, "growth": _growth}[sys.argv[1]](*sys.argv[2:])
