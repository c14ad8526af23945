"""A host that compiles nothing with Inductor does without Dynamo, whose import takes as long as the rest of torch's."""

from __future__ import annotations

import subprocess
import sys

from test_frozen_programs import FROZEN

LOADS = """
import json, sys
import torch
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

Program(parse_module(json.load(open(sys.argv[1], encoding="utf-8"))), backend=sys.argv[2])
print(*(name for name in sys.modules if name.startswith(("torch._dynamo", "torch._inductor"))), "_dynamo" in vars(torch))

marked = set()
for reference in vars(torch._refs).values():
    while reference is not None:
        marked |= {reference} if hasattr(reference, "__dynamo_disable") else set()
        reference = getattr(reference, "__wrapped__", None)
print(*marked)

# Dynamo may still come, and is itself; torch's references then keep it away again.
import torch._dynamo
torch.ops.aten.div.Scalar(torch.empty(3, device="meta"), 2.0)
print(torch._dynamo.__name__, torch._dynamo.disable.__module__)
"""


def loaded(backend: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", LOADS, str(FROZEN / "1.3" / "own-method.json"), backend],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_program_is_judged_and_compiled_without_dynamo_and_leaves_torch_as_it_was() -> None:
    for backend in ("torchscript", "eager"):
        assert loaded(backend) == ["False", "", "torch._dynamo torch._dynamo.decorators"]
