"""Runs sessions that TypeScript planned in several precisions.

`python compare_precisions.py FILE` takes groups of sessions, the first of each in f32, and prints for each of the others as JSON
how far the losses are from those in f32, by which scale the loss is multiplied in the end, and whether every loss and all that is
stored is finite. `scale` of a session is the first of these scales, where there is one.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from compare_backends import made, run

SCALE = "precision.loss_scale"


def outcome(session: dict[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    program = made(session, "eager")
    if SCALE in program.storage and "scale" in session:
        program.storage[SCALE].fill_(session["scale"])
    return run(program, session, session["plans"])


def compare(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    (wanted, _), *others = map(outcome, group)
    return [
        {
            "apart": (losses - wanted).abs().max().item(),
            "finite": all(bool(t.isfinite().all()) for t in (losses, *state.values())),
            "scale": state[SCALE].item() if SCALE in state else 1,
            "steps": len(losses),
        }
        for losses, state in others
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        print(json.dumps([compare(group) for group in json.load(file)]))
