"""What `listedPairs` makes of cosines against the field's own scripts taken literally, and against scikit-learn's ROC."""

from __future__ import annotations

import json

import numpy as np
import pytest
from compiled import FIXTURES, node

metrics = pytest.importorskip("sklearn.metrics")

FAR = [1e-3, 1e-2, 0.03, 0.1, 0.5, 1.0]


def found(sets, **options):
    """What is found on each of the sets, which are (cosines, same)."""
    asked = [{"cosines": c.tolist(), "same": s.tolist(), "options": options} for c, s in sets]
    return json.loads(node(FIXTURES / "listed-pairs-on-cosines.mjs", input=json.dumps(asked)))


def numbers_of(sets, **options):
    """Each set, and the numbers that are found on it."""
    return [(*each, of["numbers"]) for each, of in zip(sets, found(sets, **options), strict=True)]


def drawn(seed, pairs, gap, digits):
    """Cosines, those of the same person higher by `gap`; rounded so that some tie."""
    chance = np.random.default_rng(seed)
    same = chance.integers(0, 2, pairs)
    return np.round(np.clip(chance.normal(0.1 + gap * same, 0.25), -1, 1), digits), same


def folds_of(count, folds):
    """Contiguous folds, as scikit-learn's KFold without shuffling."""
    return np.array_split(np.arange(count), folds)


def literal_accuracies(distances, same, folds):
    """insightface's `calculate_roc`: of each fold the accuracy at the first threshold that is best on the others."""
    thresholds = np.arange(0, 4, 0.01)
    accuracies = []
    for test in folds_of(len(same), folds):
        train = np.setdiff1d(np.arange(len(same)), test)
        on_train = [np.mean((distances[train] < t) == same[train]) for t in thresholds]
        best = thresholds[np.argmax(on_train)]
        accuracies.append(np.mean((distances[test] < best) == same[test]))
    return np.array(accuracies)


def literal_val(distances, same, folds, far):
    """insightface's `calculate_val`, with `numpy.interp` where it calls `interp1d`."""
    thresholds = np.arange(0, 4, 0.001)
    rate = lambda which, kind, t: np.mean(distances[which][same[which] == kind] < t)  # noqa: E731
    values, fars = [], []
    for test in folds_of(len(same), folds):
        train = np.setdiff1d(np.arange(len(same)), test)
        far_train = np.array([rate(train, 0, t) for t in thresholds])
        threshold = np.interp(far, far_train, thresholds) if far_train.max() >= far else 0.0
        values.append(rate(test, 1, threshold))
        fars.append(rate(test, 0, threshold))
    return np.mean(values), np.std(values), np.mean(fars)


@pytest.mark.parametrize("pairs,gap,digits", [(300, 0.5, 12), (103, 0.3, 2), (60, 0.2, 1)])
def test_accuracy_and_val_are_those_of_insightface(pairs, gap, digits):
    sets = [drawn(seed, pairs, gap, digits) for seed in range(3)]
    for cosines, same, numbers in numbers_of(sets, val=[1e-3, 0.1]):
        accuracies = literal_accuracies(2 - 2 * cosines, same, 10)
        assert numbers["accuracy"]["value"] == pytest.approx(accuracies.mean(), abs=1e-15)
        assert numbers["accuracy"]["std"] == pytest.approx(accuracies.std(), abs=1e-15)
        one_sided = any(same[fold].all() or not same[fold].any() for fold in folds_of(pairs, 10))
        for far in [1e-3, 0.1]:
            if one_sided:  # the scripts divide by zero
                assert numbers[f"VAL at FAR {far:g}"]["value"] is None
                continue
            value, std, at = literal_val(2 - 2 * cosines, same, 10, far)
            number = numbers[f"VAL at FAR {far:g}"]
            assert (number["value"], number["std"]) == pytest.approx((value, std), abs=1e-15)
            assert number["note"] == f"at FAR {at:#.3g}" or at == 0


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("digits", [1, 2, 12])
def test_the_nearest_rate_is_arcface_torchs_on_scikit_learns_roc(digits, drop):
    sets = [drawn(seed, 200, 0.3, digits) for seed in range(20)]
    for cosines, same, numbers in numbers_of(sets, far=FAR, dropIntermediate=drop):
        fpr, tpr, thresholds = metrics.roc_curve(same, cosines, drop_intermediate=drop)
        fpr, tpr, thresholds = np.flipud(fpr), np.flipud(tpr), np.flipud(thresholds)
        for far in FAR:
            _, nearest = min(zip(abs(fpr - far), range(len(fpr)), strict=True))
            assert numbers[f"TAR at FAR {far:g}"]["value"] == tpr[nearest]
            told = numbers.get(f"threshold at FAR {far:g}")
            assert told is None if np.isinf(thresholds[nearest]) else told["value"] == thresholds[nearest]


def test_leaving_points_out_changes_the_rate_of_some_sets():
    """Which is why it is a variant with a name."""
    sets = [drawn(seed, 200, 0.3, 12) for seed in range(20)]
    with_all, without = (numbers_of(sets, far=FAR, dropIntermediate=drop) for drop in (False, True))
    assert any(a[2] != b[2] for a, b in zip(with_all, without, strict=True))


@pytest.mark.parametrize("digits", [1, 12])
def test_the_interpolated_rate_is_numpys(digits):
    sets = [drawn(seed, 200, 0.3, digits) for seed in range(10)]
    for cosines, same, numbers in numbers_of(sets, far=FAR, farAt="interpolated"):
        fpr, tpr, _ = metrics.roc_curve(same, cosines)
        for far in FAR:
            expected = np.interp(far, fpr, tpr)
            assert numbers[f"TAR at FAR {far:g}"]["value"] == pytest.approx(expected, abs=1e-15)


def test_the_rate_at_most_is_that_of_the_last_point_that_is_low_enough():
    sets = [drawn(seed, 200, 0.3, 2) for seed in range(10)]
    for cosines, same, numbers in numbers_of(sets, far=FAR, farAt="at-most"):
        fpr, tpr, _ = metrics.roc_curve(same, cosines, drop_intermediate=False)
        for far in FAR:
            told = far * (1 - same).sum() >= 1
            expected = tpr[fpr <= far + 1e-12].max() if told else None
            assert numbers[f"TAR at FAR {far:g}"]["value"] == expected


def test_the_curves_are_the_roc_and_the_histograms():
    cosines, same = drawn(1, 20000, 0.4, 12)
    [result] = found([(cosines, same)], far=[1e-4])
    curves = result["curves"]
    fpr, tpr, _ = metrics.roc_curve(same, cosines, drop_intermediate=False)
    points = {*zip(fpr, tpr, strict=True)}
    assert all(tuple(point) in points for point in curves["roc"]["points"])
    assert 200 < len(curves["roc"]["points"]) < 520
    assert curves["roc"]["points"][-1] == [1, 1]
    for name, kind in [("genuine", 1), ("impostor", 0)]:
        counts, edges = np.histogram(cosines[same == kind], bins=100, range=(-1, 1))
        expected = np.stack([(edges[:-1] + edges[1:]) / 2, counts / (same == kind).sum()], axis=1)
        assert np.allclose(curves[name]["points"], expected, rtol=0, atol=1e-12)
        assert curves[name]["figure"] == "scores"
