"""What the library's protocols make of embeddings against scikit-learn, where it has the same number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from compiled import FIXTURES, node

metrics = pytest.importorskip("sklearn.metrics")

RANKS = [1, 2, 5]
FPIR = [0.5, 0.2, 0.1, 0.03]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_identification_and_the_roc_are_those_of_scikit_learn(seed):
    chance = np.random.default_rng(seed)
    sizes = chance.integers(2, 7, 40)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    people = np.repeat(np.arange(40), sizes)
    vectors = chance.normal(size=(40, 6))[people] + 0.7 * chance.normal(size=(len(people), 6))
    asked = {"offsets": offsets.tolist(), "seed": seed, "vectors": vectors.tolist()}
    asked |= {"unknown": 12, "fpir": FPIR, "ranks": RANKS}
    found = json.loads(node(FIXTURES / "protocols-on-vectors.mjs", input=json.dumps(asked)))

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    gallery, searches, mates = (np.array(found[name]) for name in ("gallery", "searches", "mates"))
    assert len(gallery) == 40 - 12 and sorted({*people[gallery]}) == sorted(people[gallery])
    mated = mates >= 0
    assert (people[gallery][mates[mated]] == people[searches[mated]]).all()
    assert not np.isin(people[searches[~mated]], people[gallery]).any()
    scores = unit[searches] @ unit[gallery].T
    labels = range(len(gallery))
    for rank in RANKS:
        expected = metrics.top_k_accuracy_score(mates[mated], scores[mated], k=rank, labels=labels)
        assert found["numbers"][f"rank-{rank}"] == pytest.approx(expected, abs=1e-12)

    # A mate counts by its score where it stands first; one that does not is found at no threshold.
    first = scores.argmax(axis=1) == mates
    shown = np.where(mated & ~first, -2, scores.max(axis=1))
    fpr, tpr, _ = metrics.roc_curve(mated, shown, drop_intermediate=False)
    for rate in FPIR:
        told = rate * (~mated).sum() >= 1
        expected = tpr[(fpr <= rate + 1e-12) & (tpr <= first[mated].mean() + 1e-12)].max() if told else None
        assert found["numbers"][f"TPIR at FPIR {rate}"] == pytest.approx(expected, abs=1e-12)

    pairs = (unit[:-1] * unit[1:]).sum(axis=1)
    fpr, tpr, _ = metrics.roc_curve(found["same"], pairs, drop_intermediate=False)
    assert np.allclose(np.array(found["roc"]), np.stack([fpr, tpr], axis=1), rtol=0, atol=1e-12)
