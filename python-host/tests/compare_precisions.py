"""Runs sessions that TypeScript planned in several precisions.

`python compare_precisions.py FILE` takes groups of sessions, the first of each in f32, and prints for each of the others as JSON
how far the losses are from those in f32, by which scale the loss is multiplied in the end, and whether every loss and all that is
stored is finite. `scale` of a session is the first of these scales, where there is one. A session with `eachStep` begins each
step with what f32 has stored then: a difference is then the step's own, and not of what others before made of the net.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from compare_backends import State, faces_of, inputs_of, made

SCALE = "precision.loss_scale"


def outcome(session: dict[str, Any], before: list[State] | None = None) -> tuple[torch.Tensor, list[State]]:
    """The losses, and all that is stored before each step and after the last. `before`: what each step begins with."""
    program = made(session, "eager")
    if SCALE in program.storage and "scale" in session:
        program.storage[SCALE].fill_(session["scale"])
    faces, losses, states = faces_of(session), [], []
    for i, plan in enumerate(session["plans"]):
        if before is not None:
            with torch.no_grad():
                for name, value in before[i].items():
                    program.storage[name].copy_(value)
        states.append({name: t.detach().clone() for name, t in program.storage.items()})
        losses.append(program.run("step", inputs_of(plan, faces))["loss"])
    return torch.stack(losses), [*states, program.storage]


def compare(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first, *others = group
    wanted, before = outcome(first)
    found = [outcome(other, before if other.get("eachStep") else None) for other in others]
    return [
        {
            "apart": (losses - wanted).abs().max().item(),
            "finite": all(bool(t.isfinite().all()) for t in (losses, *states[-1].values())),
            "scale": states[-1][SCALE].item() if SCALE in states[-1] else 1,
            "steps": len(losses),
        }
        for losses, states in found
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        print(json.dumps([compare(group) for group in json.load(file)]))
