"""Reductions of matrices against slow literal ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from f2c_host.errors import HostError
from f2c_host.run import matrices
from f2c_host.run.matrices import Matrix, cosines, highest, means, sums, top_k


def literal_cosine(a: list[float], b: list[float]) -> float:
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    norm = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(y * y for y in b))
    return dot / norm if norm else 0.0


def centred(values: list[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def drawn(rows: int, width: int, seed: int = 0) -> Matrix:
    return Matrix(np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32))


def pixels(rows: int, width: int, blank: int | None = None) -> Matrix:
    bytes_ = np.random.default_rng(3).integers(0, 256, (rows, width)).astype(np.uint8)
    if blank is not None:
        bytes_[blank] = 90
    return Matrix(bytes_, centred=True)


def of(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def everything(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int32)


PAIRS = np.array([[0, 1], [2, 3], [0, 4], [6, 5], [5, 6], [1, 1]], np.int32)


class TestCosines:
    def test_are_those_of_the_rows(self):
        matrix = drawn(7, 24)
        for found, (a, b) in zip(cosines(matrix, PAIRS), PAIRS, strict=True):
            expected = literal_cosine(matrix.rows[a].tolist(), matrix.rows[b].tolist())
            assert found == pytest.approx(expected, abs=1e-14)

    def test_pixels_lose_their_mean_before_they_are_compared_and_a_blank_image_resembles_nothing(self):
        matrix = pixels(7, 48, blank=1)
        found = cosines(matrix, PAIRS)
        for similarity, (a, b) in zip(found, PAIRS, strict=True):
            left, right = (centred(matrix.rows[i].tolist()) for i in (a, b))
            assert similarity == pytest.approx(literal_cosine(left, right), abs=1e-13)
        assert found[0] == 0 and found[5] == 0

    def test_of_many_pairs_are_computed_in_parts_without_a_seam(self):
        matrix = drawn(50, 5)
        pairs = np.random.default_rng(1).integers(0, 50, (9000, 2)).astype(np.int32)
        pauses: list[None] = []
        found = cosines(matrix, pairs, lambda: pauses.append(None))
        assert len(pauses) == 3
        single = matrix.rows.astype(np.float64)
        for n in (0, 4095, 4096, 8191, 8192, 8999):
            a, b = (single[i].tolist() for i in pairs[n])
            assert found[n] == pytest.approx(literal_cosine(a, b), abs=1e-14)

    def test_of_no_pairs_are_none(self):
        assert cosines(drawn(3, 2), PAIRS[:0]).shape == (0,)


def literal_top_k(
    matrix: Matrix, queries: np.ndarray, gallery: Matrix, among: np.ndarray, k: int
) -> tuple[list[list[int]], list[list[float]]]:
    """All cosines, row by row, sorted: the nearest first, of equal ones the one that stands before the other."""
    positions, scores = [], []
    for query in queries:
        if gallery is matrix:
            pairs = np.stack([np.full(len(among), query), among], axis=1).astype(np.int32)
            found = cosines(matrix, pairs).tolist()
        else:
            both = Matrix(np.concatenate([matrix.rows, gallery.rows]))
            pairs = np.stack([np.full(len(among), query), len(matrix) + among], axis=1).astype(np.int32)
            found = cosines(both, pairs).tolist()
        order = sorted(range(len(among)), key=lambda place, found=found: (-found[place], place))[:k]
        positions.append(order)
        scores.append([found[place] for place in order])
    return positions, scores


def assert_sorted(
    matrix: Matrix, queries: np.ndarray, among: np.ndarray, k: int, queries_at_once: int, pairs_at_once: int
) -> None:
    """`top_k`, its work cut into such parts, is the literal one to the last bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrices, "_QUERIES_AT_ONCE", queries_at_once)
        patch.setattr(matrices, "_PAIRS_AT_ONCE", pairs_at_once)
        positions, scores = top_k(matrix, queries, matrix, among, k)
        expected = literal_top_k(matrix, queries, matrix, among, k)
    assert positions.dtype == np.int32 and positions.tolist() == expected[0]
    assert scores.tolist() == expected[1]


class TestTopK:
    @pytest.mark.parametrize("k", [1, 2, 7, 40])
    @pytest.mark.parametrize("queries_at_once, pairs_at_once", [(256, 4096), (3, 4), (1, 1), (7, 40)])
    def test_is_a_full_sort_to_the_last_bit_however_the_work_is_cut(self, k, queries_at_once, pairs_at_once):
        # Rows of few values, each several times: many cosines are equal, and many nearly.
        rows = np.random.default_rng(k).integers(-1, 2, (60, 5)).astype(np.float32) / 3
        rows[7] = 0
        queries, among = everything(60)[::3], everything(60)[59:19:-1]
        assert_sorted(Matrix(rows), queries, among, k, queries_at_once, pairs_at_once)

    @given(st.data())
    def test_is_a_full_sort_of_any_few_rows(self, data):
        shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 4)))
        rows = data.draw(
            arrays(np.float32, shape, elements=st.sampled_from([0, 1, -1, 0.5, 2.0**-100, 2.0**100]))
        )
        some = st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=12)
        queries, among = of(*data.draw(some)), of(*data.draw(some))
        k = data.draw(st.integers(1, len(among)))
        at_once = st.integers(1, 5)
        assert_sorted(Matrix(rows), queries, among, k, data.draw(at_once), data.draw(at_once))

    def test_of_another_matrix_counts_its_rows(self):
        matrix, gallery = drawn(9, 16, 1), drawn(30, 16, 2)
        queries, among = of(8, 0, 0), everything(30)
        positions, scores = top_k(matrix, queries, gallery, among, 4)
        expected = literal_top_k(matrix, queries, gallery, among, 4)
        assert (positions.tolist(), scores.tolist()) == expected
        assert positions[1].tolist() == positions[2].tolist()

    def test_of_pixels_is_of_the_rows_without_their_mean(self):
        matrix = pixels(12, 48, blank=4)
        positions, scores = top_k(matrix, everything(12), matrix, everything(12), 12)
        expected = literal_top_k(matrix, everything(12), matrix, everything(12), 12)
        assert (positions.tolist(), scores.tolist()) == expected
        assert positions[4].tolist() == list(range(12)) and not scores[4].any()

    def test_of_a_net_that_says_the_same_of_everything_is_the_order_of_the_gallery(self):
        matrix = Matrix(np.tile(np.float32([0.6, 0.8, 0]), (5000, 1)))
        positions, _ = top_k(matrix, of(3, 4999), matrix, everything(5000), 3)
        assert positions.tolist() == [[0, 1, 2], [0, 1, 2]]

    def test_a_row_that_is_infinite_stands_behind_all_others(self):
        rows = drawn(6, 4).rows.copy()
        rows[2, 1] = np.inf
        positions, scores = top_k(Matrix(rows), of(0, 2), Matrix(rows), everything(6), 6)
        assert positions[0, -1] == 2 and positions[1].tolist() == list(range(6))
        assert scores[0, -1] == -1 and (scores[1] == -1).all()

    def test_pauses_between_its_parts(self, monkeypatch):
        monkeypatch.setattr(matrices, "_QUERIES_AT_ONCE", 2)

        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            top_k(drawn(9, 4), everything(9), drawn(9, 4), everything(9), 2, stop)


class TestMeans:
    def test_are_those_of_the_rows_of_each_group(self):
        matrix = drawn(8, 5)
        groups = of(1, -1, 0, 1, 1, 3, -1, 0)
        found = means(matrix, groups, 4)
        assert found.rows.dtype == np.float32 and len(found) == 4
        for group in (0, 1, 3):
            members = [matrix.rows[i].tolist() for i in range(8) if groups[i] == group]
            expected = [math.fsum(column) / len(members) for column in zip(*members, strict=True)]
            assert found.rows[group].tolist() == pytest.approx(expected, abs=1e-7)
        assert not found.rows[2].any()

    def test_of_single_rows_are_these_rows(self):
        matrix = drawn(5, 7)
        assert np.array_equal(means(matrix, of(4, 3, 2, 1, 0), 5).rows, matrix.rows[::-1])

    def test_of_pixels_are_without_their_means(self):
        matrix = pixels(4, 48)
        found = means(matrix, of(0, 0, -1, 0), 1)
        assert not found.centred
        rows = [centred(matrix.rows[i].tolist()) for i in (0, 1, 3)]
        assert found.rows[0].tolist() == pytest.approx(
            [math.fsum(column) / 3 for column in zip(*rows, strict=True)], rel=1e-6, abs=1e-5
        )

    def test_are_the_same_however_the_work_is_cut(self, monkeypatch):
        matrix = drawn(500, 6)
        groups = np.random.default_rng(5).integers(-1, 9, 500).astype(np.int32)
        whole = means(matrix, groups, 9).rows
        monkeypatch.setattr(matrices, "_PAIRS_AT_ONCE", 7)
        assert np.array_equal(means(matrix, groups, 9).rows, whole)


NONE = np.zeros((0, 0))


class TestSums:
    rows, into = of(3, 3, 0, 6, 1, 5), of(1, 0, 1, 3, 1, 0)
    weights = np.array([2, -1, 0.5, 3, 1e-3, 1])

    @pytest.mark.parametrize("unit", [False, True])
    @pytest.mark.parametrize("added", [False, True])
    @pytest.mark.parametrize("at_once", [4096, 1, 2])
    def test_are_those_of_weighted_rows_and_what_is_added(self, unit, added, at_once, monkeypatch):
        monkeypatch.setattr(matrices, "_PAIRS_AT_ONCE", at_once)
        matrix = drawn(8, 5)
        matrix.rows[6] = 0  # has no direction
        plus = np.random.default_rng(1).normal(size=(4, 5)) if added else NONE
        found = sums(matrix, 4, self.rows, self.into, self.weights, plus, unit)
        assert found.rows.dtype == np.float64
        for group in range(4):
            for column in range(5):
                terms = [float(plus[group, column])] if added else []
                for row, into, weight in zip(self.rows, self.into, self.weights, strict=True):
                    vector = [float(x) for x in matrix.rows[row]]
                    norm = math.sqrt(math.fsum(x * x for x in vector)) if unit else 1
                    if into == group and norm:
                        terms.append(weight * vector[column] / norm)
                assert found.rows[group, column] == pytest.approx(math.fsum(terms), abs=1e-15)

    def test_of_pixels_are_without_their_mean(self):
        matrix = pixels(4, 48)
        found = sums(matrix, 1, of(0, 2), of(0, 0), np.ones(2), NONE, False)
        expected = np.add(*(centred(matrix.rows[i].tolist()) for i in (0, 2)))
        assert not found.centred and np.allclose(found.rows[0], expected, rtol=0, atol=1e-12)

    def test_pause_between_their_parts(self, monkeypatch):
        monkeypatch.setattr(matrices, "_PAIRS_AT_ONCE", 2)
        pauses: list[None] = []
        sums(drawn(8, 5), 4, self.rows, self.into, self.weights, NONE, False, lambda: pauses.append(None))
        assert len(pauses) == 3


class TestHighest:
    @pytest.mark.parametrize("k", [1, 3, 50, 60 * 20])
    @pytest.mark.parametrize("queries_at_once, pairs_at_once", [(256, 4096), (3, 4), (7, 40)])
    def test_is_a_full_sort_to_the_last_bit_however_the_work_is_cut(
        self, k, queries_at_once, pairs_at_once, monkeypatch
    ):
        monkeypatch.setattr(matrices, "_QUERIES_AT_ONCE", queries_at_once)
        monkeypatch.setattr(matrices, "_PAIRS_AT_ONCE", pairs_at_once)
        # Rows of few values: many cosines are equal, and many nearly.
        rows = np.random.default_rng(k).integers(-1, 2, (60, 5)).astype(np.float32) / 3
        rows[7], rows[8, 0] = 0, np.nan
        matrix = Matrix(rows)
        pairs = np.array([[a, b] for a in range(60) for b in range(20, 40)], np.int32)
        expected = np.sort(np.nan_to_num(cosines(matrix, pairs), nan=-1.0))[::-1][:k]
        assert highest(matrix, everything(60), matrix, everything(60)[20:40], k).tolist() == expected.tolist()

    def test_of_another_matrix_counts_its_rows(self):
        matrix, gallery = drawn(9, 16, 1), drawn(30, 16, 2)
        every = highest(matrix, everything(9), gallery, everything(30), 270)
        _, scores = top_k(matrix, everything(9), gallery, everything(30), 30)
        assert every.tolist() == np.sort(scores.reshape(-1))[::-1].tolist()

    def test_pauses_between_its_parts(self, monkeypatch):
        monkeypatch.setattr(matrices, "_QUERIES_AT_ONCE", 2)

        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            highest(drawn(9, 4), everything(9), drawn(9, 4), everything(9), 2, stop)


SMALL = drawn(7, 4)
ALL = everything(7)
WRONG = {
    "pair out of range": (lambda: cosines(SMALL, PAIRS + 1), "F2C6314", "pair position 7"),
    "negative position": (lambda: cosines(SMALL, PAIRS - 1), "F2C6314", "pair position -1"),
    "query out of range": (lambda: top_k(SMALL, of(7), SMALL, ALL, 1), "F2C6314", "query 7"),
    "gallery row out of range": (lambda: top_k(SMALL, ALL, SMALL, of(-1), 1), "F2C6314", "gallery row -1"),
    "more than the gallery has": (lambda: top_k(SMALL, ALL, SMALL, ALL, 8), "F2C6506", "`k` is 8"),
    "group out of range": (lambda: means(SMALL, ALL, 6), "F2C6314", "group 6"),
    "more groups than rows": (lambda: means(SMALL, ALL, 8), "F2C6506", "8 groups of 7 rows"),
    "sum of a row out of range": (
        lambda: sums(SMALL, 1, of(7), of(0), np.ones(1), NONE, False),
        "F2C6314",
        "row 7",
    ),
    "sum out of range": (
        lambda: sums(SMALL, 1, of(0), of(1), np.ones(1), NONE, False),
        "F2C6314",
        "sum 1",
    ),
    "too few weights": (
        lambda: sums(SMALL, 1, ALL, ALL * 0, np.ones(6), NONE, False),
        "F2C6506",
        "7 rows, 7 sums and 6 weights",
    ),
    "more sums than rows": (
        lambda: sums(SMALL, 2, of(0), of(0), np.ones(1), NONE, False),
        "F2C6506",
        "2 sums of 1 rows",
    ),
    "too much that is added": (
        lambda: sums(SMALL, 1, of(0), of(0), np.ones(1), np.zeros((1, 5)), False),
        "F2C6506",
        "`plus` is [1, 5], the sums are [1, 4]",
    ),
    "more than there are pairs": (
        lambda: highest(SMALL, ALL, SMALL, ALL, 50),
        "F2C6506",
        "there are 49 pairs",
    ),
    "a query that is none": (lambda: highest(SMALL, of(-1), SMALL, ALL, 1), "F2C6314", "query -1"),
    "too few groups": (lambda: means(SMALL, ALL[1:], 6), "F2C6506", "6 groups for 7 rows"),
}


@pytest.mark.parametrize("work, code, complaint", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_reduced_is_refused(work, code, complaint):
    with pytest.raises(HostError) as caught:
        work()
    assert caught.value.code == code and complaint in caught.value.message
