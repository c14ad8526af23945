"""Random numbers on the device: Philox4x32-10 by its published vectors, and a literal version in Python's own integers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from ir_examples import I64, ModuleBuilder, tensor

from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.lower import random_numbers
from f2c_host.run.program import BACKENDS, Program

MASK = 2**32 - 1
CPU = torch.device("cpu")

# Counter, key, output: tests/kat_vectors of Random123, which accompanies Salmon et al. 2011.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((MASK,) * 4, (MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def literal(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """The paper's rounds, in integers of any size."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & MASK, (first >> 32) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return tuple(c)


def words(count: int, place: int, seed: int, step: int) -> list[int]:
    key = (seed & MASK, seed >> 32)
    blocks = [literal((b, place, step & MASK, step >> 32), key) for b in range(-(-count // 4))]
    return [word for block in blocks for word in block][:count]


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
@pytest.mark.parametrize("as_script", [False, True])
def test_philox_gives_the_published_numbers(counter, key, wanted, as_script):
    assert literal(counter, key) == wanted
    philox = random_numbers.script().philox if as_script else random_numbers.philox
    got = philox(*(torch.tensor([c, 0]) for c in counter), torch.tensor(key))
    assert tuple(int(word[0]) for word in got) == wanted


POINTS = [(0, 0, 0), (1, 7, 41), (2, 2**53 - 1, 2**40 + 5), (3, 2**32, 2**32 - 1)]


@pytest.mark.parametrize(("place", "seed", "step"), POINTS)
@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_words_are_those_of_the_literal_version(count, place, seed, step):
    assert random_numbers.random_words(count, place, seed, step, CPU).tolist() == words(
        count, place, seed, step
    )


def drawing() -> ModuleBuilder:
    """A function that draws in every way; the plan gives seed and step."""
    m = ModuleBuilder()
    f = m.function("step")
    point = [f.input("random.seed", I64), f.input("random.step", I64)]
    chance = f.input("chance", tensor(9), "argument")
    drawn: dict[str, tuple[int, Any]] = {}
    for i, dtype in enumerate(("f16", "bf16", "f32", "f64")):
        type = tensor(3, 5, dtype=dtype)
        drawn[f"rand_{dtype}"] = f.op("rand", *point, to=type, shape=[3, 5], dtype=dtype, place=i), type
    normal = f.op("randn", *point, to=tensor(7), shape=[7], place=4)
    whole = f.op("randint", *point, to=tensor(6, dtype="i64"), low=-3, high=1_000_000, shape=[6], place=5)
    most = f.op("randint", *point, to=tensor(2, dtype="i64"), low=0, high=2**31, shape=[2], place=6)
    kept = f.op("bernoulli", chance, *point, to=tensor(9), place=7)
    order = f.op("permutation", *point, to=tensor(12, dtype="i64"), size=12, place=8)
    f.returns(
        **drawn,
        normal=(normal, tensor(7)),
        whole=(whole, tensor(6, dtype="i64")),
        most=(most, tensor(2, dtype="i64")),
        kept=(kept, tensor(9)),
        order=(order, tensor(12, dtype="i64")),
    )
    return m


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_draws_what_the_literal_version_draws(backend):
    program = Program(parse_module(drawing().json), backend=backend)
    chance = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0, -1.0, 2.0, 0.25, 0.75])
    for seed, step in ((0, 0), (3, 1), (2**53 - 1, 2**33 + 1)):
        got = program.run("step", {"random.seed": seed, "random.step": step, "chance": chance})

        def of(place: int, count: int, seed=seed, step=step) -> list[int]:
            return words(count, place, seed, step)

        for place, (dtype, bits) in enumerate((("f16", 11), ("bf16", 8), ("f32", 24))):
            wanted = [w >> (32 - bits) for w in of(place, 15)]
            assert (got[f"rand_{dtype}"].double() * 2**bits).flatten().tolist() == wanted
        pairs = of(3, 30)
        wanted = [((a >> 5) << 26) | (b >> 6) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
        assert (got["rand_f64"] * 2**53).flatten().tolist() == wanted
        pairs = of(4, 8)
        both = [
            math.sqrt(-2 * math.log((a + 1) / 2**32)) * turn(2 * math.pi * b / 2**32)
            for a, b in zip(pairs[::2], pairs[1::2], strict=True)
            for turn in (math.cos, math.sin)
        ]
        torch.testing.assert_close(got["normal"], torch.tensor(both[:7]), rtol=3e-7, atol=1e-7)
        pairs = of(5, 12)
        wide = [a * 2**32 + b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
        assert got["whole"].tolist() == [-3 + (w * 1_000_003 >> 64) for w in wide]
        pairs = of(6, 4)
        wide = [a * 2**32 + b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
        assert got["most"].tolist() == [w >> 33 for w in wide]
        assert got["kept"].tolist() == [
            float(w < p * 2**32) for w, p in zip(of(7, 9), chance.tolist(), strict=True)
        ]
        pairs = of(8, 24)
        keys = [(a << 31) | (b >> 1) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
        assert got["order"].tolist() == sorted(range(12), key=keys.__getitem__)


def test_each_seed_step_and_place_draws_its_own():
    points = [(place, seed, step) for place in range(3) for seed in (0, 1, 2**32) for step in (0, 1, 2**32)]
    seen = {tuple(random_numbers.random_words(8, *point, CPU).tolist()) for point in points}
    assert len(seen) == len(points)


def test_what_is_drawn_is_distributed_as_it_should_be():
    """Means and variances of many numbers, within five standard errors."""
    n = 200_000
    even = random_numbers.rand([n], 24, torch.float32, 0, 1, 2, CPU).double()
    normal = random_numbers.randn([n], torch.float32, 1, 1, 2, CPU).double()
    kept = random_numbers.bernoulli(torch.full([n], 0.3), 2, 1, 2).double()
    for drawn, mean, variance in ((even, 1 / 2, 1 / 12), (normal, 0, 1), (kept, 0.3, 0.21)):
        assert abs(drawn.mean().item() - mean) < 5 * math.sqrt(variance / n)
        spread = ((drawn - mean) ** 2).double()
        assert abs(spread.mean().item() - variance) < 5 * spread.std().item() / math.sqrt(n)
    assert even.min() >= 0 and even.max() < 1
    assert abs((normal**3).mean().item()) < 5 * math.sqrt(15 / n)
    counts = torch.bincount(random_numbers.randint(5, 15, [n], 3, 1, 2, CPU) - 5, minlength=10).double()
    assert ((counts - n / 10) ** 2 / (n / 10)).sum() < 33.7  # chi squared of 9, one in ten thousand
    order = random_numbers.permutation(n, 4, 1, 2, CPU)
    assert torch.equal(order.sort()[0], torch.arange(n))
    assert (order == torch.arange(n)).sum() < 12  # of a random order one on average


@pytest.mark.parametrize("what", ["a type of whole numbers", "another type than it says"])
def test_what_cannot_be_drawn_is_refused(what):
    m = ModuleBuilder()
    f = m.function("step")
    point = [f.input("random.seed", I64), f.input("random.step", I64)]
    dtype, said = ("i64", "i64") if what == "a type of whole numbers" else ("f32", "f64")
    drawn = f.op("rand", *point, to=tensor(2, dtype=said), shape=[2], dtype=dtype, place=0)
    f.returns(y=(drawn, tensor(2, dtype=said)))
    with pytest.raises(HostError, match="breaks V11"):
        Program(parse_module(m.json), backend="eager")
