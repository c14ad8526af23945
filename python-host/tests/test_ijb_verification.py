"""IJB 1:1 against arcface_torch's script taken literally, loop by loop, and scikit-learn's ROC."""

from __future__ import annotations

import json

import ijb_lists
import numpy as np
import pytest
from compiled import FIXTURES, node

metrics = pytest.importorskip("sklearn.metrics")

FAR = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


def all_pairs(ijb):
    ids = sorted(ijb.subjects)
    return np.array([(a, b, int(ijb.subjects[a] == ijb.subjects[b])) for a in ids for b in ids if a < b])


def found(folder, ijb, cases, broken=()):
    asked = {"protocol": "ijbVerification", "directory": str(folder), "cases": cases, "broken": list(broken)}
    asked |= {"names": [f"loose_crop/{name}" for name in ijb.names], "vectors": ijb.vectors.tolist()}
    return json.loads(node(FIXTURES / "listed-on-vectors.mjs", input=json.dumps(asked)))


def literal_scores(ijb, pairs, **variant):
    unique, rows = ijb_lists.literal_templates(ijb, **variant)
    a, b = (np.searchsorted(unique, pairs[:, side]) for side in (0, 1))
    return np.sum(rows[a] * rows[b], -1)


def literal_rates(labels, scores, drop=True):
    """As arcface_torch prints them."""
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=drop)
    fpr, tpr = np.flipud(fpr), np.flipud(tpr)
    nearest = [min(zip(abs(fpr - far), range(len(fpr)), strict=True))[1] for far in FAR]
    return {f"TAR at FAR {label(far)}": tpr[i] for far, i in zip(FAR, nearest, strict=True)}


def label(far):
    """As JavaScript writes the number."""
    return f"{far:.6f}".rstrip("0") if far >= 1e-6 else str(far)


def rates_in(result):
    return {name: number["value"] for name, number in result["numbers"].items() if name.startswith("TAR")}


VARIANTS = [
    (norms, score, drop) for norms in (True, False) for score in (True, False) for drop in (True, False)
]


@pytest.mark.parametrize("seed", range(3))
def test_every_variant_is_that_of_the_script_to_the_last_digit(tmp_path, seed):
    ijb = ijb_lists.drawn(seed)
    pairs = all_pairs(ijb)
    ijb_lists.write_meta(tmp_path, ijb, np.random.default_rng(seed).permutation(pairs))
    asked = [{"meta": ".", "norms": n, "detectorScore": s, "dropIntermediate": d} for n, s, d in VARIANTS]
    results = found(tmp_path, ijb, [{"meta": "."}, *asked])
    literal = [
        literal_rates(pairs[:, 2], literal_scores(ijb, pairs, norms=n, scores=s), d) for n, s, d in VARIANTS
    ]
    assert [rates_in(result) for result in results] == [literal[0], *literal]
    # The variants are not all alike, or this would show nothing.
    assert len({tuple(sorted(rates.items())) for rates in literal}) >= 4
    assert (
        results[0]["says"]
        == f"{pairs[:, 2].sum()} genuine and {(1 - pairs[:, 2]).sum()} impostor pairs of 48 templates"
    )


def test_faces_that_are_broken_are_left_out_and_so_are_templates_without_others(tmp_path):
    ijb = ijb_lists.drawn(5)
    pairs = all_pairs(ijb)
    ijb_lists.write_meta(tmp_path, ijb, pairs)
    whole = np.random.default_rng(1).uniform(size=len(ijb.names)) > 0.3
    gone = set(ijb.templates) - set(ijb.templates[whole])
    [result] = found(
        tmp_path,
        ijb,
        [{"meta": "."}],
        [f"loose_crop/{n}" for n, w in zip(ijb.names, whole, strict=True) if not w],
    )
    left = pairs[[a not in gone and b not in gone for a, b, _ in pairs]]
    assert rates_in(result) == literal_rates(left[:, 2], literal_scores(ijb, left, keep=whole))
    says = f"{len(gone)} templates have no image that can be decoded, and their pairs are left out"
    assert len(gone) > 0 and result["notes"] == [says]
