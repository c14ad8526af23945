"""Runs sessions that TypeScript planned on several backends, and again from a checkpoint in their middle.

`python compare_backends.py FILE` prints for each session as JSON how far each backend, and the session that `likePlain`
names, is from eager, relative to the largest number of a tensor; whether the second half after a checkpoint is the same to the
last bit; and whether the session is that of `identicalTo`. Where a backend is further from eager than TOLERANCE, `rounding` is
how far eager itself is from the same program in float64.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from compare_f2c import as_float64
from torch import Tensor

from f2c_host.ir.json_form import parse_module
from f2c_host.run import checkpoint
from f2c_host.run.program import Program

State = dict[str, Tensor]
# Of a session in f32; the tests hold backends to it.
TOLERANCE = 1e-5


def faces_of(session: dict[str, Any]) -> Tensor:
    shape = (session["images"], *session["shape"])
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(7), dtype=torch.uint8)


def inputs_of(plan: dict[str, Any], faces: Tensor) -> dict[str, Any]:
    inputs = plan["scalars"] | {name: torch.tensor(values) for name, values in plan["arrays"].items()}
    for stream in plan["labels"]:
        inputs[f"{stream}.images"] = faces[inputs[f"{stream}.images"].long()]
    return inputs


def made(session: dict[str, Any], backend: str) -> Program:
    program = Program(parse_module(session["ir"]), backend=backend)
    program.initialise(3)
    return program


def run(program: Program, session: dict[str, Any], plans: list[Any]) -> tuple[Tensor, State]:
    faces = faces_of(session)
    losses = [program.run("step", inputs_of(plan, faces))["loss"] for plan in plans]
    return torch.stack(losses), {name: t.detach().clone() for name, t in program.storage.items()}


def difference(one: tuple[Tensor, State], other: tuple[Tensor, State]) -> float:
    pairs = [(one[0], other[0]), *((value, other[1][name]) for name, value in one[1].items())]
    return max(
        ((a.double() - b.double()).abs().max() / b.double().abs().max().clamp(min=1)).item() for a, b in pairs
    )


def resumes(session: dict[str, Any], whole: tuple[Tensor, State]) -> bool:
    plans = session["plans"]
    half = len(plans) // 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "half.safetensors"
        first = made(session, "eager")
        run(first, session, plans[:half])
        saved = checkpoint.save(first.storage, path)
        second = made(session, "eager")
        checkpoint.restore(second.storage, path, sha256=saved.sha256)
        losses, state = run(second, session, plans[half:])
    return torch.equal(losses, whole[0][half:]) and all(torch.equal(t, whole[1][n]) for n, t in state.items())


def rounding(session: dict[str, Any], mine: tuple[Tensor, State]) -> float:
    """How far a session on eager is from itself in float64, from the same first values."""
    first, exact = (
        Program(parse_module(ir), backend="eager") for ir in (session["ir"], as_float64(session["ir"]))
    )
    for program in (first, exact):
        program.initialise(3)
    for name, value in exact.storage.items():
        value.data.copy_(first.storage[name].detach())
    return difference(mine, run(exact, session, session["plans"]))


def compare(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    eager = [run(made(s, "eager"), s, s["plans"]) for s in sessions]
    results = []
    for i, (session, mine) in enumerate(zip(sessions, eager, strict=True)):
        apart = {
            b: difference(run(made(session, b), session, session["plans"]), mine) for b in session["backends"]
        }
        apart["plain"] = difference(mine, eager[session["likePlain"]])
        other = eager[session.get("identicalTo", session["likePlain"])]
        shared = [name for name in mine[1] if name in other[1]]
        identical = torch.equal(mine[0], other[0]) and all(
            torch.equal(mine[1][n], other[1][n]) for n in shared
        )
        results.append(
            {
                "apart": apart,
                "rounding": rounding(session, mine) if max(apart.values()) > TOLERANCE else 0.0,
                "resumed": resumes(session, mine),
                "steps": len(session["plans"]),
                "identical": identical,
            }
        )
        print(f"{i + 1} of {len(sessions)}", json.dumps(results[-1]), file=sys.stderr, flush=True)
        torch.compiler.reset()
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        print(json.dumps(compare(json.load(file))))
