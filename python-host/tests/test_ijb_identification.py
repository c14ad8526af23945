"""IJB 1:N against its definition, taken literally by sorting, and against insightface's script where that counts alike."""

from __future__ import annotations

import json

import ijb_lists
import numpy as np
import pytest
from compiled import FIXTURES, node

RANKS = [1, 2, 5, 10]
FPIR = [0.05, 0.1, 0.3]


def write_one_to_many(folder, ijb, seed, header="TEMPLATE_ID,SUBJECT_ID,FILENAME\n"):
    """Two galleries that share no subject, each of a third of them; the other templates are probes, and a line an image."""
    chance = np.random.default_rng(seed)
    subjects = np.array(sorted(set(ijb.subjects.values())))
    galleries, enrolled = {}, set()
    for name, part in zip(("G1", "G2"), np.array_split(chance.permutation(subjects), 3), strict=False):
        templates = [min(t for t, s in ijb.subjects.items() if s == subject) for subject in part]
        galleries[name] = templates
        enrolled |= {*templates}
    probes = [t for t in ijb.subjects if t not in enrolled]
    lists = {f"gallery_{name}": templates for name, templates in galleries.items()} | {"probe_mixed": probes}
    for name, templates in lists.items():
        lines = [f"{t},{ijb.subjects[t]},img/{n}\n" for t in templates for n in range(ijb_faces(ijb, t))]
        (folder / f"ijbx_1N_{name}.csv").write_text(header + "".join(chance.permutation(lines)))
    return galleries, probes


def ijb_faces(ijb, template):
    return int((ijb.templates == template).sum())


def literal(ijb, gallery, probes, within, **variant):
    """One gallery: all candidates sorted, thresholds tried one after the other."""
    unique, rows = ijb_lists.literal_templates(ijb, **variant)
    at = {int(template): rows[i] for i, template in enumerate(unique)}
    owners = [ijb.subjects[t] for t in gallery]
    mated, best_of_others = [], []
    for probe in probes:
        scores = [float(at[probe] @ at[t]) for t in gallery]
        order = np.argsort(-np.array(scores), kind="stable")
        if ijb.subjects[probe] in owners:
            mate = owners.index(ijb.subjects[probe])
            mated.append((int(np.where(order == mate)[0][0]) + 1, scores[mate]))
        else:
            best_of_others.append(max(scores))
    ranks = [np.mean([rank <= k for rank, _ in mated]) for k in RANKS]
    rates = []
    for fpir in FPIR:
        low_enough = [
            t
            for t in [*best_of_others, *(s for _, s in mated), 2]
            if np.mean(np.array(best_of_others) >= t) <= fpir
        ]
        found = [np.mean([rank <= within and score >= t for rank, score in mated]) for t in low_enough]
        rates.append(max(found) if fpir * len(best_of_others) >= 1 else None)
    return len(mated), ranks, rates


def found(folder, ijb, cases):
    asked = {"protocol": "ijbIdentification", "directory": str(folder), "cases": cases}
    asked |= {"names": ijb.names, "vectors": ijb.vectors.tolist()}
    return json.loads(node(FIXTURES / "listed-on-vectors.mjs", input=json.dumps(asked)))


@pytest.mark.parametrize("seed", range(4))
def test_is_its_definition_taken_literally_and_averaged_over_the_galleries(tmp_path, seed):
    ijb = ijb_lists.drawn(seed, subjects=30)
    ijb_lists.write_meta(tmp_path, ijb)
    header = ["TEMPLATE_ID,SUBJECT_ID,FILENAME\n", ""][seed % 2]
    galleries, probes = write_one_to_many(tmp_path, ijb, seed, header)
    common = {"meta": ".", "ranks": RANKS, "fpir": FPIR}
    variants = [{"within": 1}, {"within": 5}, {"norms": False, "detectorScore": False}]
    for variant, result in zip(variants, found(tmp_path, ijb, [common | v for v in variants]), strict=True):
        values = {name: number["value"] for name, number in result["numbers"].items()}
        plain = {"norms": False, "scores": False} if "norms" in variant else {}
        each = {
            name: literal(ijb, gallery, probes, variant.get("within", 1), **plain)
            for name, gallery in galleries.items()
        }
        for name, (mated, ranks, rates) in each.items():
            assert (values[f"mated of {name}"], values[f"nonMated of {name}"]) == (mated, len(probes) - mated)
            assert values[f"enrolled of {name}"] == len(galleries[name])
            assert [values[f"rank-{k} of {name}"] for k in RANKS] == ranks
            assert [
                values[f"TPIR at FPIR {f}"] is not None and values[f"TPIR at FPIR {f} of {name}"]
                for f in FPIR
            ] == rates
        one, two = each.values()
        assert [values[f"rank-{k}"] for k in RANKS] == [
            (a + b) / 2 for a, b in zip(one[1], two[1], strict=True)
        ]
        assert [values[f"TPIR at FPIR {f}"] for f in FPIR] == [
            (a + b) / 2 for a, b in zip(one[2], two[2], strict=True)
        ]
        # insightface's ijb_evals.py counts all mated searches together.
        pooled = [(a * one[0] + b * two[0]) / (one[0] + two[0]) for a, b in zip(one[1], two[1], strict=True)]
        assert [values[f"rank-{k}, searches pooled"] for k in RANKS] == pytest.approx(pooled, abs=1e-15)
        assert [*result["curves"]] == ["cmc G1", "det G1", "cmc G2", "det G2"]
        assert [curve["figure"] for curve in result["curves"].values()] == ["cmc", "det"] * 2


def test_the_bar_of_insightfaces_script_lies_one_search_higher(tmp_path):
    """Its threshold is the last score that may be accepted and must be exceeded, so that one search less raises an alarm."""
    ijb = ijb_lists.drawn(3, subjects=30)
    ijb_lists.write_meta(tmp_path, ijb)
    galleries, probes = write_one_to_many(tmp_path, ijb, 3)
    unique, rows = ijb_lists.literal_templates(ijb)
    at = {int(template): rows[i] for i, template in enumerate(unique)}
    gallery = galleries["G1"]
    similarity = np.array([[at[p] @ at[t] for t in gallery] for p in probes])
    ids, registered = (np.array([ijb.subjects[t] for t in some]) for some in (probes, gallery))
    mated = np.isin(ids, registered)
    mates = np.array([np.argwhere(registered == i)[0, 0] if i in registered else -1 for i in ids])
    own = similarity[mated, mates[mated]]
    first = similarity[mated].argmax(1) == mates[mated]
    others = np.sort(similarity[~mated].max(1))[::-1]

    def theirs(fpir):
        return np.logical_and(first, own > others[max(int(len(others) * fpir) - 1, 0)]).mean()

    [result] = found(tmp_path, ijb, [{"meta": ".", "fpir": FPIR}])
    for fpir in FPIR:
        ours = result["numbers"][f"TPIR at FPIR {fpir} of G1"]["value"]
        assert theirs(fpir) <= ours == theirs(fpir + 1 / len(others))
