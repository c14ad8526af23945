"""Random well-typed programs: every prefix of the passes, and every backend, gives what the lowered program gives on eager.

`test/fixtures/random-programs.mjs` makes them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from compiled import FIXTURES, node, started
from shares import share
from torch import Tensor

from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

SCRIPT = FIXTURES / "random-programs.mjs"
PROGRAMS = share(24, of=60)
INDUCTOR = 4
STEPS = 3
# The same kernels on the same values. Merged values and leaves sum the parts of a gradient in another order.
EXACT = {"flatten", "fold", "dead-code"}


@pytest.fixture(scope="module")
def programs() -> list[dict[str, Any]]:
    return [json.loads(line) for line in node(SCRIPT, PROGRAMS, 2).splitlines()]


def inputs_of(step: int) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(step)
    return {
        "x": torch.randn(4, 3, 6, 6, generator=chance),
        "rows": torch.randn(4, 6, generator=chance),
        "targets": torch.randint(0, 5, (4,), generator=chance),
        "open": torch.randint(-1, 6, (4,), generator=chance),
        "mask": torch.rand(4, generator=chance) > 0.5,
        "a": 0.5 + step,
        "b": 2.0 - step,
        "yes": step % 2 == 0,
        "random.seed": 5,
        "random.step": step,
    }


def outcome(ir: Any, backend: str) -> list[Tensor]:
    """Results of some steps, and all storage after them."""
    program = started(ir, backend)
    seen: list[Tensor] = []
    for step in range(STEPS):
        seen += program.run("step", inputs_of(step)).values()
    return seen + [t.detach().clone() for t in program.storage.values()]


def difference(got: list[Tensor], wanted: list[Tensor], tolerance: float) -> str | None:
    for i, (a, b) in enumerate(zip(got, wanted, strict=False)):
        same = (
            torch.equal(a, b)
            if tolerance == 0
            else torch.allclose(a, b, tolerance, tolerance, equal_nan=True)
        )
        if not same and not (torch.isnan(a) == torch.isnan(b)).all():
            return f"value {i}: {a} and {b}"
        if not same and (a - b).abs().nan_to_num().max() > tolerance:
            return f"value {i} differs by {(a - b).abs().nan_to_num().max():.3g}"
    return None


def test_every_prefix_of_the_passes_gives_the_same_results(programs):
    wrong, exact = [], 0
    for program in programs:
        before = outcome(program["stages"][0]["ir"], "eager")
        for previous, stage in zip(program["stages"], program["stages"][1:], strict=False):
            if stage["ir"] == previous["ir"]:
                continue
            after = outcome(stage["ir"], "eager")
            exactly = stage["name"] in EXACT
            exact += exactly
            found = difference(after, before, 0 if exactly else 1e-5)
            if found:
                wrong.append((program["name"], stage["name"], found))
            before = after
    assert not wrong
    assert exact > PROGRAMS


def test_torchscript_gives_what_eager_gives_to_the_last_bit(programs, cores):
    cores(2)
    wrong = []
    for program in programs:
        for stage in (program["stages"][0], program["stages"][-1]):
            found = difference(outcome(stage["ir"], "torchscript"), outcome(stage["ir"], "eager"), 0)
            if found:
                wrong.append((program["name"], stage["name"], found))
    assert not wrong


def test_inductor_gives_what_eager_gives(programs):
    wrong, split = [], False
    for program in smallest_without_control(programs):
        ir = program["stages"][-1]["ir"]
        split |= "vjp" in all_ops(ir["functions"][0]["body"])
        found = difference(outcome(ir, "inductor"), outcome(ir, "eager"), 1e-4)
        if found:
            wrong.append((program["name"], found))
    assert not wrong
    assert split


def smallest_without_control(programs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few, since each takes long to compile; one of them has its gradient in parts."""
    ops = {p["name"]: all_ops(p["stages"][-1]["ir"]["functions"][0]["body"]) for p in programs}
    plain = [p for p in programs if not {"if", "for"} & set(ops[p["name"]])]
    plain.sort(key=lambda p: len(ops[p["name"]]))
    chosen = plain[: INDUCTOR - 1]
    return chosen + [p for p in plain if p not in chosen and "vjp" in ops[p["name"]]][:1]


def test_the_generator_is_not_timid(programs):
    ops = {op for program in programs for op in all_ops(program["stages"][0]["ir"]["functions"][0]["body"])}
    assert {
        "if",
        "for",
        "no_grad",
        "remat",
        "gradients",
        "index_copy_",
        "batch_norm",
        "one_hot",
        "scatter",
    } - ops <= {"scatter"}
    narrowed = [
        p for p in programs if "scatter" in set(all_ops(p["stages"][-1]["ir"]["functions"][0]["body"]))
    ]
    assert len(narrowed) > PROGRAMS / 10
    for name in ("gradient-branches", "branches"):
        stages = [
            (p["stages"][i - 1], s) for p in programs for i, s in enumerate(p["stages"]) if s["name"] == name
        ]
        changed = [after for before, after in stages if before["ir"] != after["ir"]]
        assert len(changed) > PROGRAMS / 10, name


def all_ops(region: Any) -> list[str]:
    return [
        name for op in region["ops"] for name in [op["op"], *(n for r in op["regions"] for n in all_ops(r))]
    ]


def test_a_program_that_torch_refuses_says_so(programs):
    with pytest.raises(HostError):
        Program(parse_module(programs[0]["stages"][0]["ir"])).run("step", {})
