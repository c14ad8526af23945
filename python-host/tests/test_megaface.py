"""MegaFace against its definition, taken literally by sorting, and FFC's and insightface's scripts where these count alike."""

from __future__ import annotations

import json

import numpy as np
import pytest
from compiled import FIXTURES, node

metrics = pytest.importorskip("sklearn.metrics")

SIZES = [10, 50, 200]
FAR = [1e-3, 1e-2]
JITTER = 0x6A697474


class Pack:
    """Probes of a few people, distractors of nobody, and names of each; lists in `folder`."""

    def __init__(self, folder, seed, people=8, distractors=230, width=5, digits=9):
        chance = np.random.default_rng(seed)
        self.people = np.repeat(np.arange(people), chance.integers(1, 8, people))
        centres = chance.normal(size=(people, width))
        self.probes = np.round(
            centres[self.people] + 0.5 * chance.normal(size=(len(self.people), width)), digits
        )
        self.distractors = np.round(chance.normal(size=(distractors, width)), digits)
        self.probe_names = [f"facescrub/p{p}/p{p}_{i}.png" for i, p in enumerate(self.people)]
        self.distractor_names = [f"megaface/{i % 7}/{i % 3}/{i}.jpg" for i in range(distractors)]
        (folder / "facescrub_lst").write_text("".join(f"{name}\n" for name in self.probe_names))
        (folder / "megaface_lst").write_text("".join(f"./{name}\n" for name in self.distractor_names))
        self.folder, self.seed = folder, seed

    def found(self, cases, broken=()):
        common = {"probes": "facescrub_lst", "distractors": "megaface_lst", "sizes": SIZES, "far": FAR}
        # The source has them in another order, below another folder.
        order = np.random.default_rng(1).permutation(len(self.probes) + len(self.distractors))
        names = [*self.probe_names, *self.distractor_names]
        vectors = np.concatenate([self.probes, self.distractors])
        asked = {
            "protocol": "megaFace",
            "directory": str(self.folder),
            "seed": self.seed,
            "names": [f"pack/{names[i]}" for i in order],
            "vectors": vectors[order].tolist(),
            "broken": [f"pack/{name}" for name in broken],
            "cases": [common | case for case in cases],
        }
        results = json.loads(node(FIXTURES / "listed-on-vectors.mjs", input=json.dumps(asked)))
        # In which order distractors join is drawn: read off the images.
        for result in results:
            images = [int(order[i]) for i in result["images"]]
            assert images[: len(self.probes)] == [*range(len(self.probes))]
            result["joined"] = [i - len(self.probes) for i in images[len(self.probes) :]]
        return results


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def literal(probes, people, distractors, joined, counts):
    """Rank-1 by sorting: each mate stands among the distractors, behind those that score as much."""
    probes, rates = unit(probes), []
    for size in SIZES:
        gallery = unit(distractors[[d for d in joined[:size] if counts[d]]])
        ranks = []
        for i, probe in enumerate(probes):
            scores = sorted((float(np.dot(probe, d)) for d in gallery), reverse=True)
            for j, mate in enumerate(probes):
                if i != j and people[i] == people[j]:
                    own = float(np.dot(probe, mate))
                    ranks.append(1 + sum(score >= own for score in scores))
        rates.append(np.mean(np.array(ranks) == 1))
    return rates


def literal_tar(probes, people, distractors):
    probes, distractors = unit(probes), unit(distractors)
    genuine = [
        float(a @ b) for i, a in enumerate(probes) for j, b in enumerate(probes[:i]) if people[i] == people[j]
    ]
    impostor = (probes @ distractors.T).reshape(-1)
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    fpr, tpr, _ = metrics.roc_curve(labels, np.concatenate([genuine, impostor]), drop_intermediate=False)
    return [tpr[fpr <= far + 1e-12].max() for far in FAR], {*zip(fpr, tpr, strict=True)}


def rates_in(result):
    numbers = result["numbers"]
    return [numbers[f"rank-1 at {n}"]["value"] for n in SIZES], [
        numbers[f"TAR at FAR {f:g}"]["value"] for f in FAR
    ]


@pytest.mark.parametrize("seed", range(4))
def test_rank_1_is_that_of_sorting_and_tar_that_of_the_roc(tmp_path, seed):
    pack = Pack(tmp_path, seed)
    [result] = pack.found([{}])
    ranks, tars = rates_in(result)
    joined = result["joined"]
    assert len({*joined}) == 200 and joined != sorted(joined)
    assert ranks == literal(pack.probes, pack.people, pack.distractors, joined, np.ones(230, bool))
    assert ranks[0] > ranks[-1]
    expected, points = literal_tar(pack.probes, pack.people, pack.distractors[joined])
    assert tars == expected
    assert all(tuple(point) in points for point in result["curves"]["roc"]["points"])
    assert result["curves"]["rank-1"]["points"] == [[n, rate] for n, rate in zip(SIZES, ranks, strict=True)]


def test_a_mate_that_scores_as_much_as_a_distractor_is_not_first(tmp_path):
    pack = Pack(tmp_path, 2)
    [apart] = pack.found([{}])
    # The second probe of each person is among the distractors as well.
    seconds = [np.flatnonzero(pack.people == p)[1] for p in range(8) if (pack.people == p).sum() > 1]
    pack.distractors[apart["joined"][-len(seconds) :]] = pack.probes[seconds]
    [result] = pack.found([{}])
    ranks, _ = rates_in(result)
    assert ranks == literal(pack.probes, pack.people, pack.distractors, result["joined"], np.ones(230, bool))
    assert ranks[-1] < rates_in(apart)[0][-1]


def test_is_ffcs_script_where_every_search_has_a_positive_score(tmp_path):
    """rank1_megaface.py takes each probe for a mate of its own and subtracts one, and has a distractor of zeros."""
    pack = Pack(tmp_path, 1)
    [result] = pack.found([{}])
    probes, gallery = unit(pack.probes), unit(pack.distractors[result["joined"]])
    best = np.maximum((probes @ gallery.T).max(1), 0)
    found = total = 0
    for person in np.unique(pack.people):
        own = np.flatnonzero(pack.people == person)
        total += len(own) * (len(own) - 1)
        for i in own:
            found += np.sum(probes[own] @ probes[i] > best[i]) - 1
    assert rates_in(result)[0][-1] == found / total


def random_u32(seed, stream, counter):
    """`randomU32` of the DSL."""

    def mix(x):
        x &= 0xFFFFFFFF
        x = (x ^ x >> 16) * 0x21F0AAAD & 0xFFFFFFFF
        x = (x ^ x >> 15) * 0x735A2D97 & 0xFFFFFFFF
        return x ^ x >> 15

    x = mix(mix(mix(seed + 0x9E3779B9) ^ stream) ^ counter)
    return mix(x + seed * 0xC2B2AE35)


def jittered(seed, row, width):
    counters = range(row * width, (row + 1) * width)
    return np.array([0.001 * (2 * (random_u32(seed, JITTER, c) / 2**32) - 1) for c in counters])


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_replaced_among_probes_and_left_out_of_distractors(tmp_path, seed):
    pack = Pack(tmp_path, seed, people=6)
    chance = np.random.default_rng(seed + 10)
    firsts = np.unique(pack.people, return_index=True)[1]
    noisy = (chance.uniform(size=len(pack.people)) < 0.3) & ~np.isin(np.arange(len(pack.people)), firsts)
    others = chance.uniform(size=230) < 0.2
    lines = [name.split("/")[-1] for name, mark in zip(pack.probe_names, noisy, strict=True) if mark]
    (tmp_path / "facescrub_noises.txt").write_text("# noise\n" + "\n".join(lines))
    lines = [
        "7\t" + "/".join(n.split("/")[-3:])
        for n, mark in zip(pack.distractor_names, others, strict=True)
        if mark
    ]
    (tmp_path / "megaface_noises.txt").write_text("\n".join(lines) + "\n")
    noise = {"probes": "facescrub_noises.txt", "distractors": "megaface_noises.txt"}
    [result] = pack.found([{"noise": noise}])
    # As insightface's remove_noises.py: the sum of the person's clean features, each of length 1, and a little of chance.
    clean = unit(pack.probes)
    replaced = clean.copy()
    for row in np.flatnonzero(noisy):
        own = clean[(pack.people == pack.people[row]) & ~noisy]
        replaced[row] = unit(own.sum(0) + jittered(seed, row, 5))
    ranks, tars = rates_in(result)
    assert ranks == literal(replaced, pack.people, pack.distractors, result["joined"], ~others)
    whole = [d for d in result["joined"] if not others[d]]
    assert tars == literal_tar(replaced, pack.people, pack.distractors[whole])[0]
    assert f"({noisy.sum()} noisy) among up to 200 distractors ({200 - len(whole)} noisy)" in result["says"]
    # insightface leaves noisy distractors in, 100 away along an axis of their own: never nearest, but counted as impostors.
    far_away = np.concatenate([pack.distractors, np.where(others, 100.0, 0)[:, None]], axis=1)
    far_away = unit(far_away)[result["joined"]][:, :-1]
    theirs = (unit(replaced) @ far_away.T).max(1)
    ours = (unit(replaced) @ unit(pack.distractors[whole]).T).max(1)
    assert np.allclose(np.maximum(theirs, 0.1), np.maximum(ours, 0.1), atol=1e-9)


def test_broken_images_are_left_out_and_told(tmp_path):
    pack = Pack(tmp_path, 3)
    gone = np.zeros(len(pack.people), bool)
    gone[[0, 4, 9]] = True
    lost = np.zeros(230, bool)
    lost[::9] = True
    names = [n for n, g in zip(pack.probe_names + pack.distractor_names, [*gone, *lost], strict=True) if g]
    [result] = pack.found([{}], broken=names)
    ranks, tars = rates_in(result)
    assert ranks == literal(pack.probes[~gone], pack.people[~gone], pack.distractors, result["joined"], ~lost)
    whole = [d for d in result["joined"] if not lost[d]]
    assert tars == literal_tar(pack.probes[~gone], pack.people[~gone], pack.distractors[whole])[0]
    assert result["notes"] == [f"{3 + 200 - len(whole)} images cannot be decoded and are left out"]
