"""Effects and aliases of ops in the registry, against what torch says of the overloads that compute them."""

from __future__ import annotations

import pytest
import torch

from f2c_host.ir.ops_table import OPS, OpSpec

CALLS = [
    (spec, call.target.removeprefix("aten::"))
    for spec in OPS.values()
    for call in spec.calls
    if call.target.startswith("aten::")
]
# What attention drops is drawn, and the share that the registry gives is 0.
DRAWS_WHAT_IT_DROPS = {"scaled_dot_product_attention"}
# torch has no tag for these: the running statistics and the result of training are one call.
MOVES_STATISTICS = {"batch_norm"}


def overload(target: str) -> torch._ops.OpOverload:
    packet, _, name = target.partition(".")
    return getattr(getattr(torch.ops.aten, packet), name or "default")


@pytest.mark.parametrize(("spec", "target"), CALLS, ids=[f"{s.name}-{t}" for s, t in CALLS])
def test_an_op_writes_and_draws_if_torch_says_so(spec: OpSpec, target: str):
    op = overload(target)
    writes = any(a.alias_info is not None and a.alias_info.is_write for a in op._schema.arguments)
    draws = torch.Tag.nondeterministic_seeded in op.tags and spec.name not in DRAWS_WHAT_IT_DROPS
    assert (spec.effect == "write") == writes
    assert (spec.effect == "rng") == draws
    if spec.effect == "update":
        assert spec.name in MOVES_STATISTICS and not writes


@pytest.mark.parametrize(("spec", "target"), CALLS, ids=[f"{s.name}-{t}" for s, t in CALLS])
def test_what_may_share_memory_with_its_operand_is_known_to_the_compiler(spec: OpSpec, target: str):
    """A pure op whose result is a view by torch's schema has to be among those that the merge pass follows through."""
    op = overload(target)
    shares = any(r.alias_info is not None and not r.alias_info.is_write for r in op._schema.returns)
    if spec.effect == "pure" and shares:
        assert spec.name in ALIASES


# compiler/registry marks these (`alias`): all views, and `to` and `detach`.
ALIASES = {
    "reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "expand", "slice", "select", "contiguous",
    "channels_last", "to", "detach",
    "chunk",
    "narrow",
}  # fmt: skip
