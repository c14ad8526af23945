"""The stream over the classes of a head against its definition, written with the whole matrix in double precision."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from f2c_host.kernels import classes as kernel_classes
from f2c_host.kernels import negatives  # noqa: F401 - defines the op

stream = torch.ops.f2c.negatives_logsumexp
NONE = -1e30
ROWS, CLASSES, DIM = 12, 301, 16

# Each may be given or not; the last is how many centres a class has.
CHOICES = list(itertools.product([False, True], [None, "one", "each"], [False, True], [False, True], [1, 3]))


def unit(*shape: int, chance: torch.Generator) -> Tensor:
    rows = torch.randn(shape, generator=chance, dtype=torch.float64)
    return rows / rows.norm(dim=-1, keepdim=True)


def drawn(
    ids: bool, limit: str | None, rule: bool, touched: bool, centres: int, scale: float = 32
) -> dict[str, Any]:
    """What a stream is given. Some rows have no class, some groups no negatives; some ids occur twice, some are none."""
    chance = torch.Generator().manual_seed(CHOICES.index((ids, limit, rule, touched, centres)))
    named = torch.randint(-3, 200, (CLASSES,), generator=chance)
    target = torch.randint(0, CLASSES, (ROWS,), generator=chance)
    if ids:
        target = named[target].clamp(min=0)
    target[::5] = -1
    numbers = {"square": 1.0, "slope": 0.3, "offset": -0.1} if rule else {}
    limits = {None: None, "one": [250.0], "each": [0.0, 299.5, 64.0]}[limit]
    given = {
        "features": unit(ROWS, DIM, chance=chance),
        "rows": unit(CLASSES * centres, DIM, chance=chance),
        "target": target,
        "scale": torch.tensor(scale, dtype=torch.float64),
        "ids": named if ids else None,
        "limit": None if limits is None else torch.tensor(limits, dtype=torch.float64),
        "bound": torch.rand(ROWS, generator=chance, dtype=torch.float64) - 0.5 if rule else None,
        **{name: None for name in ("square", "slope", "offset")},
        **{name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()},
        "touched": torch.randint(0, CLASSES, (3, 7), generator=chance) if touched else None,
        "centres": centres,
        "nearest": 5,
    }
    return given


def literal(given: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """The logarithm, which are negatives [N, C], and the cosines [N, C]."""
    n = len(given["target"])
    cosines = (given["features"] @ given["rows"].t()).unflatten(1, (-1, given["centres"])).amax(2)
    names = torch.arange(CLASSES) if given["ids"] is None else given["ids"]
    is_negative = (names >= 0) & (names != given["target"].unsqueeze(1))
    for row in range(n):
        if given["limit"] is not None:
            limit = given["limit"][row * len(given["limit"]) // n]
            is_negative[row] &= torch.arange(CLASSES) < limit
        if given["touched"] is not None:
            is_negative[row, given["touched"][row * len(given["touched"]) // n]] = False
    ruled = cosines
    if given["bound"] is not None:
        bent = cosines * (cosines * given["square"] + given["slope"]) + given["offset"]
        ruled = torch.where(cosines > given["bound"].unsqueeze(1), bent, cosines)
    logits = (ruled * given["scale"]).masked_fill(~is_negative, -math.inf)
    counts = is_negative.any(1) & (given["target"] >= 0)
    lse = torch.where(counts, torch.logsumexp(logits.masked_fill(~counts.unsqueeze(1), 0), 1), NONE)
    return lse, is_negative, cosines


def compare(given: dict[str, Any], dtype: torch.dtype, close: float, device: str = "cpu") -> None:
    """What the op gives on a device against the definition on the CPU."""
    moved = ["features", "rows", *(["slope"] if given["bound"] is not None else [])]
    wide = {**given, **{name: given[name].clone().requires_grad_() for name in moved}}
    lse, is_negative, cosines = literal(wide)
    weight = torch.linspace(-1, 2, len(lse), dtype=torch.float64)
    counts = lse.detach() != NONE
    slopes = torch.autograd.grad((lse * weight)[counts].sum(), [wide[name] for name in moved])

    narrow = dict(given)
    for name in ("features", "rows", "bound"):
        narrow[name] = None if given[name] is None else given[name].to(dtype)
    narrow = {name: v.to(device) if isinstance(v, Tensor) else v for name, v in narrow.items()}
    for name in moved:
        narrow[name] = narrow[name].detach().clone().requires_grad_()
    got, nearest, *_ = stream(*narrow.values())
    loss = (got * weight.to(device, dtype)).sum()
    found = [slope.cpu() for slope in torch.autograd.grad(loss, [narrow[name] for name in moved])]
    got, nearest = got.detach().cpu(), nearest.cpu()
    assert torch.equal(got == NONE, ~counts)
    assert torch.allclose(got.double()[counts], lse[counts], rtol=close, atol=close)
    for name, value, right in zip(moved, found, slopes, strict=True):
        assert torch.allclose(
            value.double(), right, rtol=close, atol=close * max(1, abs(given["scale"].item()))
        ), name

    wanted = cosines.masked_fill(~is_negative, -math.inf).topk(given["nearest"], 1)
    assert torch.equal(nearest == -1, wanted.values == -math.inf)
    its_cosines = cosines.gather(1, nearest.clamp(min=0))
    assert is_negative.gather(1, nearest.clamp(min=0))[nearest >= 0].all()
    assert torch.allclose(its_cosines[nearest >= 0], wanted.values[nearest >= 0], atol=close)
    for row in nearest.tolist():
        assert len({c for c in row if c >= 0}) == sum(c >= 0 for c in row)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 classes at a time, of three centres too."""
    monkeypatch.setattr(kernel_classes, "_CHUNK", 600)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-11), (torch.float32, 2e-5)])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.usefixtures("small_chunks")
def test_the_stream_is_its_definition(choice, dtype, close):
    compare(drawn(*choice), dtype, close)


@pytest.mark.parametrize("scale", [0.0, -5.0, 1.0])
@pytest.mark.parametrize("rule", [False, True])
def test_a_scale_may_be_any_number(scale, rule):
    compare(drawn(True, "each", rule, True, 1, scale), torch.float64, 1e-11)


def test_without_any_class_in_the_batch_only_the_nearest_are_found():
    given = drawn(False, None, False, True, 1)
    given["target"] = torch.full((ROWS,), -1)
    compare(given, torch.float64, 1e-11)


def test_of_centres_that_are_equally_near_each_gets_its_part():
    given = drawn(False, None, False, False, 3)
    rows = given["rows"].view(CLASSES, 3, DIM)
    rows[:, 1] = rows[:, 0]
    compare(given, torch.float64, 1e-11)


@pytest.mark.parametrize("rows", [torch.bfloat16, torch.float16])
def test_rows_that_are_kept_narrow_are_computed_with_as_wide_as_the_features(rows):
    given = drawn(True, "each", True, True, 3)
    narrow = given["rows"].to(rows)
    wide = stream(*{**given, "rows": narrow.double()}.values())
    for value, right in zip(stream(*{**given, "rows": narrow}.values()), wide, strict=True):
        assert torch.equal(value, right)


def test_no_number_that_is_none_is_lost():
    given = drawn(False, None, False, False, 1)
    given["features"][3, 2] = math.nan
    lse, *_ = stream(*given.values())
    assert lse[3].isnan() and not lse[[1, 2, 4]].isnan().any()


def test_a_hundred_thousand_classes_at_scale_64_are_exact_where_the_own_one_is_near():
    """Corrected out of a sum that holds the own class, such a loss is infinite in f32."""
    chance = torch.Generator().manual_seed(1)
    features, rows = unit(64, 128, chance=chance), unit(100_000, 128, chance=chance)
    target = torch.arange(64) * 1_500
    rows[target] = features * 0.8 + rows[target] * 0.6
    rows /= rows.norm(dim=1, keepdim=True)
    own = (features * rows[target]).sum(1)
    assert own.min() > 0.5
    logits = (features @ rows.t()) * 64
    logits.scatter_(1, target.unsqueeze(1), -math.inf)
    wanted = torch.nn.functional.softplus(logits.logsumexp(1) - (own - 0.35) * 64)
    scale = torch.tensor(64.0, dtype=torch.float64)
    lse, *_ = stream(features.float(), rows.float(), target, scale, *[None] * 7, 1, 1)
    loss = torch.nn.functional.softplus(lse - (own.float() - 0.35) * 64)
    assert wanted.max() > 1 and wanted.min() < 1e-2
    assert torch.allclose(loss.double(), wanted, rtol=1e-5, atol=1e-5)
