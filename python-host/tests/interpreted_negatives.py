"""The head's Triton kernels in Triton's interpreter, on the CPU: prints for each case in JSON what is wrong with it, or null.

A process of its own, because Triton reads TRITON_INTERPRET when it is imported.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"

import test_negatives
import torch
import triton
from test_negatives import CHOICES, compare, drawn
from torch import Tensor
from triton.runtime import interpreter

from f2c_host.kernels import negatives, negatives_in_chunks, negatives_triton
from f2c_host.kernels.classes import Given


def is_its_definition(choice: Any) -> None:
    compare(drawn(*choice), torch.float32, 2e-5)


def is_its_definition_at_other_sizes(rows: int, dim: int, scale: float) -> None:
    """Two programs' rows, of which the second has none with a class, and dimensions that are no power of two."""
    test_negatives.ROWS, test_negatives.DIM = rows, dim
    given = drawn(True, "each", True, True, 1, scale)
    given["target"][2:] = -1
    compare(given, torch.float32, 2e-5)


def is_its_definition_without_a_class() -> None:
    given = drawn(False, None, False, True, 1)
    given["target"].fill_(-1)
    compare(given, torch.float32, 2e-5)


def loses_no_number_that_is_none() -> None:
    given = singles(drawn(False, None, False, False, 1), torch.float32)
    given["features"][3, 2] = torch.nan
    lse, *_ = forward(given)
    assert lse[3].isnan() and not lse[[1, 2, 4]].isnan().any()


def widens_rows(dtype: torch.dtype) -> None:
    """Narrow rows of the bank are what they are in f32, and their gradient is rounded at the end (the interpreter cuts off)."""
    given = singles(drawn(True, "each", True, True, 1), dtype)
    wide = {**given, "rows": given["rows"].float()}
    found, right = map(forward, (given, wide))
    assert all(torch.equal(a, b) for a, b in zip(found, right, strict=True))
    weight = torch.linspace(-1, 2, len(right[0]))
    slopes, wanted = (
        negatives_triton.rows_gradient(weight, right[0], Given(*list(g.values())[:-1])) for g in (given, wide)
    )
    assert slopes.dtype == dtype
    assert torch.allclose(slopes.float(), wanted, rtol=torch.finfo(dtype).eps, atol=1e-6)


def forward(given: dict[str, Any]) -> tuple[Tensor, ...]:
    *stream, nearest = given.values()
    return negatives_triton.forward(Given(*stream), nearest)


def singles(given: dict[str, Any], rows: torch.dtype) -> dict[str, Any]:
    """In f32, but for the rows of the bank."""
    given["features"], given["rows"] = given["features"].float(), given["rows"].to(rows)
    given["bound"] = None if given["bound"] is None else given["bound"].float()
    return given


CASES: dict[str, Callable[[], None]] = {
    **{str(c): lambda c=c: is_its_definition(c) for c in CHOICES if c[-1] == 1 and c[1] != "one"},
    "one limit": lambda: is_its_definition((True, "one", True, False, 1)),
    "without a class": is_its_definition_without_a_class,
    "no number": loses_no_number_that_is_none,
    **{f"{dtype} rows": lambda dtype=dtype: widens_rows(dtype) for dtype in (torch.bfloat16, torch.float16)},
    "72 rows of 40": lambda: is_its_definition_at_other_sizes(72, 40, 32),
    "72 rows, scale below 0": lambda: is_its_definition_at_other_sizes(72, 8, -5),
    "72 rows of 130, scale 0": lambda: is_its_definition_at_other_sizes(72, 130, 0),
}


def wrong_with(case: Callable[[], None]) -> str | None:
    try:
        case()
    except Exception:
        return traceback.format_exc()
    return None


def as_numpy_counts_now() -> None:
    """Triton 3.6's interpreter makes numbers of arrays [1]. numpy 2.4 makes them of arrays [] alone."""
    patch = interpreter._patch_lang_tensor

    def patched(tensor: Any, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.squeeze()))

    interpreter._patch_lang_tensor = patched


def as_on_cuda() -> None:
    """The op takes on the CPU the way that it takes on CUDA, and has no other."""
    negatives_triton.is_usable = lambda: True
    negatives_in_chunks.forward = negatives_in_chunks.rows_gradient = None
    for op, compute in negatives.computed_by(negatives.way_on_cuda).items():
        negatives._library.impl(op, compute, "CPU", allow_override=True)


if __name__ == "__main__":
    if triton.__version__.startswith("3.6."):
        as_numpy_counts_now()
    as_on_cuda()
    json.dump({name: wrong_with(case) for name, case in CASES.items()}, sys.stdout)
