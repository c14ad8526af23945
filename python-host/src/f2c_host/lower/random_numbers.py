"""Random numbers as functions of seed, step and place: Philox4x32-10 (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405).

Integer operations of tensors alone, and none that overflows, so that TorchScript, eager and Inductor give the same bits on every
device. Like `runtime_functions`, in what Python and TorchScript have in common; Inductor gives `seed` and `step` as tensors.

A block of four words of 32 bits is a function of a key and a counter. The key is the seed; the counter is the block's number, the
place of the op in its function, and the step. Word w of a draw is word w % 4 of block w // 4.
"""

import inspect
from collections.abc import Callable
from typing import Any, List, Tuple  # noqa: UP035 - TorchScript knows no `list[int]`

import torch
from torch import Tensor

# ruff: noqa: UP006


def philox_product(x: Tensor, low: int, high: int) -> Tuple[Tensor, Tensor]:
    """The upper and the lower 32 bits of 32 bits times `high * 2**16 + low`, by products of less than 49 bits."""
    lower = x * low
    upper = x * high + (lower >> 16)
    return upper >> 16, ((upper & 0xFFFF) << 16) | (lower & 0xFFFF)


def philox(c0: Tensor, c1: Tensor, c2: Tensor, c3: Tensor, key: Tensor) -> List[Tensor]:
    """Ten rounds of Philox4x32 on counters, all of 32 bits; `key` holds the two words of the key. TorchScript takes a hexadecimal
    number with an E in it for a real one."""
    k0, k1 = key[0], key[1]
    for _ in range(10):
        high0, low0 = philox_product(c0, 8019, 53841)  # 0xD2511F53
        high1, low1 = philox_product(c2, 36183, 52638)  # 0xCD9E8D57
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 2654435769) & 0xFFFFFFFF, (k1 + 3144134277) & 0xFFFFFFFF  # 0x9E3779B9, 0xBB67AE85
    return [c0, c1, c2, c3]


def random_words(count: int, place: int, seed: int, step: int, device: torch.device) -> Tensor:
    """`count` whole numbers of 32 bits."""
    zero = torch.zeros([1], dtype=torch.int64, device=device)
    block = torch.arange((count + 3) // 4, dtype=torch.int64, device=device)
    key = torch.cat([zero + (seed & 0xFFFFFFFF), zero + ((seed >> 32) & 0xFFFFFFFF)])
    words = philox(block, zero + place, zero + (step & 0xFFFFFFFF), zero + ((step >> 32) & 0xFFFFFFFF), key)
    return torch.stack(words, 1).reshape(-1)[:count]


def elements(shape: List[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def rand(
    shape: List[int], bits: int, dtype: int, place: int, seed: int, step: int, device: torch.device
) -> Tensor:
    """Multiples of 2**-bits below 1, `bits` being those of the dtype's significand: each is a number of the dtype."""
    count = elements(shape)
    if bits <= 32:
        words = random_words(count, place, seed, step, device) >> (32 - bits)
    else:
        pairs = random_words(2 * count, place, seed, step, device).reshape(-1, 2)
        words = ((pairs[:, 0] >> 5) << 26) | (pairs[:, 1] >> 6)
    return (words.to(torch.float64) * 2.0**-bits).to(dtype).reshape(shape)


def randn(shape: List[int], dtype: int, place: int, seed: int, step: int, device: torch.device) -> Tensor:
    """Two normal numbers from two words: Box and Muller 1958. The first uniform number is never 0."""
    count = elements(shape)
    pairs = random_words(count + count % 2, place, seed, step, device).reshape(-1, 2).to(torch.float64)
    length = ((pairs[:, 0] + 1.0) * 2.0**-32).log().mul(-2.0).sqrt()
    angle = pairs[:, 1] * (2.0**-32 * 6.283185307179586)  # 2 pi
    both = torch.stack([length * angle.cos(), length * angle.sin()], 1).reshape(-1)
    return both[:count].to(dtype).reshape(shape)


def randint(
    low: int, high: int, shape: List[int], place: int, seed: int, step: int, device: torch.device
) -> Tensor:
    """The upper part of 64 bits times the number of values, which is 2**31 at most: nothing overflows."""
    pairs = random_words(2 * elements(shape), place, seed, step, device).reshape(-1, 2)
    values = high - low
    drawn = (pairs[:, 0] * values + ((pairs[:, 1] * values) >> 32)) >> 32
    return (drawn + low).reshape(shape)


def bernoulli(chance: Tensor, place: int, seed: int, step: int) -> Tensor:
    words = random_words(chance.numel(), place, seed, step, chance.device).reshape(chance.shape)
    return (words.to(torch.float64) < chance.detach().to(torch.float64) * 2.0**32).to(chance.dtype)


def permutation(size: int, place: int, seed: int, step: int, device: torch.device) -> Tensor:
    """The order of keys of 63 bits; of equal keys, which are less likely than one in 2**64 / size**2, the first comes first."""
    pairs = random_words(2 * size, place, seed, step, device).reshape(-1, 2)
    return torch.argsort((pairs[:, 0] << 31) | (pairs[:, 1] >> 1), stable=True, dim=0)


RANDOM: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (rand, randn, randint, bernoulli, permutation)
}


def script() -> torch.jit.CompilationUnit:
    """The functions as TorchScript, from the same text."""
    shared = [philox_product, philox, random_words, elements]
    return torch.jit.CompilationUnit("\n".join(map(inspect.getsource, [*shared, *RANDOM.values()])))
