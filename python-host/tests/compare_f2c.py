"""Runs a compiled F2C program and the literal oracle side by side in float64, over a session that TypeScript planned.

`python compare_f2c.py SESSION` prints the largest differences of loss, gradient and pool as JSON. Session: {"ir", "backend",
"settings", "plans", "images", "shape", "book"}; the net is one linear layer, `probe.weight`, without bias.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from f2c_oracle import F2COracle, Settings
from torch import Tensor

from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program


def as_float64(value: object) -> object:
    """The program's JSON with f64 where it has f32."""
    if isinstance(value, dict):
        return {k: v if k == "text" else as_float64(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_float64(v) for v in value]
    return "f64" if value == "f32" else value


def features(weight: Tensor, pixels: Tensor, flip: Tensor) -> Tensor:
    """What the net of the session does to images: mirror, normalise, project, unit length."""
    images = (pixels.double() - 127.5) / 128
    images[flip] = images[flip].flip(3)
    z = images.flatten(1) @ weight.T
    return z / z.norm(dim=1, keepdim=True)


class Comparison:
    def __init__(self, session: dict[str, Any]) -> None:
        self.program = Program(parse_module(as_float64(session["ir"])), backend=session["backend"])
        self.program.initialise(0)
        storage = self.program.storage
        self.capacity = session["capacity"]
        self.weight = storage["probe.weight"].detach().clone()
        self.gallery = storage["gallery.weight"].detach().clone()
        self.oracle = F2COracle(self.pool(), Settings(**session["settings"]))
        generator = torch.Generator().manual_seed(7)
        shape = (session["images"], *session["shape"])
        self.faces = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    def pool(self) -> Tensor:
        """The program's pool without its spill slot."""
        return torch.stack([self.program.storage[f"pool.rows.{r}"].detach()[: self.capacity] for r in (0, 1)])

    def step(self, plan: dict[str, Any]) -> dict[str, float]:
        """One step of both; both go on from the oracle's numbers, so that rounding does not add up."""
        lr, ema = plan["scalars"]["lr"], plan["scalars"]["ema"]
        inputs = plan["scalars"] | {name: torch.tensor(values) for name, values in plan["arrays"].items()}
        for stream in ("x", "y"):
            inputs[f"{stream}.images"] = self.faces[inputs[f"{stream}.images"].long()]
        results = self.program.run("step", inputs)

        self.gallery = ema * self.gallery + (1 - ema) * self.weight
        leaf = self.weight.clone().requires_grad_()
        pixels = [(inputs[f"{s}.images"], inputs[f"{s}.flip"].bool()) for s in ("x", "y")]
        px, py = (features(leaf, *p) for p in pixels)
        gx, gy = (features(self.gallery, *p) for p in pixels)
        loss = sum(self.oracle.step(px, py, gx, gy, plan["labels"]["x"], plan["labels"]["y"]))
        (gradient,) = torch.autograd.grad(loss, leaf)
        moved = (self.weight - self.program.storage["probe.weight"].detach()) / lr
        self.weight = self.weight - lr * gradient
        apart = {
            "loss": abs(loss.item() - results["loss"].item()) / max(1.0, abs(loss.item())),
            "gradient": ((gradient - moved).abs().max() / gradient.abs().max()).item(),
            "pool": (self.oracle.pool - self.pool()).abs().max().item(),
        }
        with torch.no_grad():
            self.program.storage["probe.weight"].copy_(self.weight)
            self.program.storage["gallery.weight"].copy_(self.gallery)
            for r in (0, 1):
                self.program.storage[f"pool.rows.{r}"][: self.capacity] = self.oracle.pool[r]
        return apart


def compare(session: dict[str, Any]) -> dict[str, Any]:
    comparison = Comparison(session)
    worst = {"loss": 0.0, "gradient": 0.0, "pool": 0.0}
    for plan in session["plans"]:
        for name, value in comparison.step(plan).items():
            worst[name] = max(worst[name], value)
    recency = comparison.oracle.recency
    return worst | {
        "steps": len(session["plans"]),
        "order": list(reversed(recency.order)),
        "slots": [recency.slot_of[identity] for identity in reversed(recency.order)],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        print(json.dumps(compare(json.load(file))))
