"""The slow oracle against cases small enough for a sheet of paper."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from f2c_oracle import F2COracle, Settings, main, random_unit_pool, run_session
from torch import Tensor

E0, E1, E2 = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
SLANTED = [0.6, 0.8, 0.0]


def rows(*vectors: list[float]) -> Tensor:
    return torch.tensor(vectors, dtype=torch.float64)


def oracle(*row0: list[float], **settings: Any) -> F2COracle:
    """A pool whose two rows are alike, with k = 1, s = 2, m = 0.1 unless told otherwise."""
    pool = rows(*row0)
    return F2COracle(torch.stack([pool, pool]), Settings(**{"k": 1, "scale": 2.0, "margin": 0.1, **settings}))


def commit(subject: F2COracle, identities: list[int], features: Tensor) -> list[int]:
    """Writes gallery features of these identities, for good; answers the recency, least recent first."""
    subject.committed_pass(features, features, identities, identities)
    return subject.recency.order


def cross_entropy(logits: list[float], target: int) -> float:
    return math.log(sum(math.exp(logit) for logit in logits)) - logits[target]


def test_new_identities_take_slots_in_order_and_write_row_0():
    subject = oracle(E2, E2, E2)
    assert commit(subject, [70, 50], rows(E0, E1)) == [70, 50]
    assert subject.recency.slot_of == {70: 0, 50: 1}
    assert subject.pool.tolist() == [[E0, E1, E2], [E2, E2, E2]]
    assert subject.pos == [1, 1, 0]


def test_a_known_identity_alternates_rows_and_becomes_the_most_recent():
    subject = oracle(E2, E2, E2)
    commit(subject, [70, 50], rows(E0, E1))
    assert commit(subject, [70], rows(SLANTED)) == [50, 70]
    assert subject.pool[:, 0].tolist() == [E0, SLANTED]
    assert subject.pos == [0, 1, 0]
    commit(subject, [70], rows(E2))
    assert subject.pool[:, 0].tolist() == [E2, SLANTED]
    assert subject.pos == [1, 1, 0]


def test_a_full_pool_evicts_the_least_recently_used_identity_and_reuses_its_slot():
    subject = oracle(E2, E2)
    commit(subject, [70, 50, 70], rows(E0, E1, E0))
    assert commit(subject, [30], rows(SLANTED)) == [70, 30]
    assert subject.recency.slot_of == {70: 0, 30: 1}
    assert subject.pool[0, 1].tolist() == SLANTED
    assert subject.pos == [0, 1]


def test_the_last_write_to_a_place_wins():
    subject = oracle(E2, E2)
    commit(subject, [70, 70, 70, 70], rows(E0, E1, SLANTED, E2))  # rows 0, 1, 0, 1
    assert subject.pool[:, 0].tolist() == [SLANTED, E2]
    assert subject.pos == [0, 0]


def test_a_probe_label_does_not_refresh_its_identity():
    subject = oracle(E2, E2, E2)
    commit(subject, [70, 50], rows(E0, E1))
    subject.committed_pass(rows(E0), rows(E2), [70], [50])
    assert subject.recency.order == [70, 50]


def test_the_tentative_pass_leaves_no_trace_of_its_eviction_write_or_flip():
    subject = oracle(E2, E2)
    commit(subject, [70, 50], rows(E0, E1))
    # 50 is flipped and refreshed, 9 evicts 70: identity 9 is in the pool while the loss is taken, 70 is not.
    loss = subject.tentative_pass(rows(SLANTED), rows(E2, SLANTED), [9], [50, 9])
    assert subject.pool.tolist() == [[E0, E1], [E2, E2]]
    assert subject.pos == [1, 1]
    assert subject.recency.order == [70, 50]
    assert subject.recency.slot_of == {70: 0, 50: 1}
    # First matrix: SLANTED (cosine 1, target), E1 (0.8). Second: SLANTED, E2 (0; row 1 of 50).
    first, second = cross_entropy([2 * 0.9, 2 * 0.8], 0), cross_entropy([2 * 0.9, 0.0], 0)
    assert loss.item() == pytest.approx(first + second, abs=1e-12)


def test_a_slot_is_compared_by_row_1_only_when_its_identity_was_known_in_the_same_pass():
    subject = oracle(E2, E2)
    commit(subject, [70, 50], rows(E0, E1))
    commit(subject, [70], rows(SLANTED))  # row 1 of slot 0 is SLANTED from here on
    loss = subject.tentative_pass(rows(E0), rows(E1), [70], [50])  # slot 1 is dual now, slot 0 no longer
    first, second = cross_entropy([2 * 0.9, 0.0], 0), cross_entropy([2 * 0.9, 0.0], 0)
    assert loss.item() == pytest.approx(first + second, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "logits"),
    [
        ("am", [0.5, 0.8, 0.0]),
        ("arc", [0.6 * math.cos(0.1) - 0.8 * math.sin(0.1), 0.8, 0.0]),
        ("sv", [0.5, 1.2 * 0.8 + 0.2, 0.0]),  # 0.8 > 0.6 - 0.1 is hard; 0 is not
    ],
)
def test_each_margin_is_its_formula(kind: str, logits: list[float]):
    subject = oracle(E0, E1, E2, margin_kind=kind)
    loss = subject.tentative_pass(rows(SLANTED), rows(E0), [7], [7])
    assert loss.item() == pytest.approx(2 * cross_entropy([2 * z for z in logits], 0), abs=1e-12)


def test_the_hard_negative_margin_spares_a_target_that_is_not_above_the_margin():
    subject = oracle(E0, E1, E2, margin_kind="sv", margin=0.7)
    loss = subject.tentative_pass(rows(SLANTED), rows(E0), [7], [7])
    # Target 0.6 <= 0.7 stays; the threshold is 0.6 - 0.7, so 0.8 and 0.0 are both hard.
    assert loss.item() == pytest.approx(2 * cross_entropy([1.2, 2 * 1.16, 2 * 0.2], 0), abs=1e-12)


def test_rows_out_of_the_pool_are_pushed_by_the_mean_of_their_k_largest_cosines_clipped_at_0():
    subject = oracle(E0, E1, E2, k=2, neg_scale=3.0)
    p = rows([0.6, -0.8, 0.0], [0.0, 0.6, 0.8])
    loss = subject.tentative_pass(p, rows(E0), [8, 9], [7])
    # (0.6 + 0) and (0.8 + 0.6), over 2 rows and 2 columns, for each of the two matrices.
    assert loss.item() == pytest.approx(2 * 3.0 * (0.6 + 1.4) / 4, abs=1e-12)


def test_in_pool_and_out_of_pool_rows_are_averaged_apart():
    subject = oracle(E0, E1, E2)
    loss = subject.tentative_pass(rows(E0, E1, SLANTED), rows(E0), [7, 8, 9], [7])
    attraction = cross_entropy([2 * 0.9, 0.0, 0.0], 0)
    assert loss.item() == pytest.approx(2 * (attraction + (1.0 + 0.8) / 2), abs=1e-12)


def test_masked_slots_take_no_part_in_the_softmax_nor_in_the_push():
    subject = oracle(E0, E1, E2, k=2, mask_unfilled=True)
    loss = subject.tentative_pass(rows(SLANTED, SLANTED), rows(E0), [7, 8], [7])
    # One column is left: its softmax is 1 and the push is its cosine over k = 2.
    assert loss.item() == pytest.approx(2 * (0.0 + 0.6 / 2), abs=1e-12)


def test_the_gradient_of_the_margin_loss_is_scale_times_softmax_minus_one_hot_over_the_pool():
    subject = oracle(E0, E1, E2)
    p = rows(SLANTED).requires_grad_()
    subject.tentative_pass(p, rows(E0), [7], [7]).backward()
    weights = [math.exp(2 * z) for z in (0.5, 0.8, 0.0)]
    softmax = [w / sum(weights) for w in weights]
    expected = [2 * 2.0 * (softmax[i] - (i == 0)) for i in range(3)]  # the pool is the identity matrix, twice
    assert p.grad[0].tolist() == pytest.approx(expected, abs=1e-12)


def test_gradients_of_a_whole_step_agree_with_finite_differences():
    pool = random_unit_pool(5, 4, seed=3)
    features = torch.nn.functional.normalize(random_unit_pool(3, 4, seed=4) + 0.2, dim=-1)
    gx, gy = features[0], features[1]
    lx, ly = [1, 2, 3], [1, 4, 9]

    def loss(px: Tensor, py: Tensor) -> Tensor:
        subject = F2COracle(pool, Settings(k=2, scale=4.0, margin=0.3))
        subject.committed_pass(gx, gx, [1, 2, 4], [1, 2, 4])
        return sum(subject.step(px, py, gx, gy, lx, ly))

    px, py = (torch.nn.functional.normalize(x + 0.1, dim=-1).requires_grad_() for x in (gy, gx))
    assert torch.autograd.gradcheck(loss, (px, py))


def test_a_step_keeps_only_what_its_second_pass_wrote():
    subject = oracle(E2, E2, E2)
    x, y = rows(E0), rows(E1)
    subject.step(x, y, x, y, [1], [2])
    assert subject.recency.slot_of == {1: 0}
    assert subject.pool[0].tolist() == [E0, E2, E2]


def session(**changes: Any) -> dict[str, Any]:
    step = {"px": [SLANTED], "py": [E1], "gx": [E0], "gy": [E1], "lx": [1], "ly": [2]}
    return {
        "C": 2,
        "D": 3,
        "k": 1,
        "scale": 2,
        "margin": 0.1,
        "marginKind": "am",
        "pool": [[E2, E1], [E2, E1]],
        "steps": [step, step],
        **changes,
    }


def test_the_command_writes_the_losses_gradients_and_state_of_every_step(tmp_path: Path):
    given, answer = tmp_path / "in.json", tmp_path / "out.json"
    given.write_text(json.dumps(session()), encoding="utf-8")
    assert main([str(given), str(answer)]) == 0
    first, second = json.loads(answer.read_text(encoding="utf-8"))["steps"]
    # Tentative: slot 0 holds identity 2 = E1, slot 1 E1; 1 is out. Committed: slot 0 is E0; 2 is out.
    assert first["tentative"] == pytest.approx(2 * 0.8, abs=1e-12)
    assert first["committed"] == pytest.approx(2 * 1.0, abs=1e-12)
    assert first["loss"] == first["tentative"] + first["committed"]
    assert first["grad_px"] == [[0.0, 2.0, 0.0]]
    assert (first["lru"], first["pos"]) == ([{"identity": 1, "slot": 0}], [1, 0])
    assert first["pool"] == [[E0, E1], [E2, E1]]
    assert (second["lru"], second["pos"]) == ([{"identity": 1, "slot": 0}], [0, 0])
    assert second["pool"] == [[E0, E1], [E0, E1]]


def test_a_seed_stands_for_a_pool_of_unit_rows_that_the_answer_tells():
    answer = run_session(session(pool={"seed": 5}, steps=[]))
    again = run_session(session(pool=answer["initialPool"], steps=[]))
    assert again == answer
    lengths = torch.tensor(answer["initialPool"], dtype=torch.float64).norm(dim=-1)
    assert lengths.flatten().tolist() == pytest.approx([1.0] * 4, abs=1e-12)


def test_float64_survives_the_file_exactly(tmp_path: Path):
    given, answer = tmp_path / "in.json", tmp_path / "out.json"
    given.write_text(json.dumps(session(pool={"seed": 5})), encoding="utf-8")
    main([str(given), str(answer)])
    assert json.loads(answer.read_text(encoding="utf-8")) == run_session(session(pool={"seed": 5}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 3}, "only 2 slots"),
        ({"marginKind": "cos"}, "must be 'am', 'arc' or 'sv'"),
        ({"C": 4}, r"C and D ask for \[2, 4, 3\]"),
    ],
)
def test_a_session_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        run_session(session(**changes))
