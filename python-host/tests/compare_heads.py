"""Runs compiled classifications and the literal oracle side by side in float64, over sessions that TypeScript planned.

`python compare_heads.py FILE` prints for each session the largest differences of loss, net, bank and margin as JSON. A session:
{"ir", "backend", "bank": [kind, size], "margin": [kind, number…], "plans", "images", "shape"}; the net is one linear layer,
`net.weight`, without bias.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import torch
from compare_f2c import as_float64
from heads_oracle import MARGINS, Full, Pool, Queue, Virtual, loss_of, unit
from torch import Tensor

from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program


class Comparison:
    def __init__(self, session: dict[str, Any]) -> None:
        self.program = Program(parse_module(as_float64(session["ir"])), backend=session["backend"])
        self.program.initialise(0)
        self.storage = self.program.storage
        self.weight = self.storage["net.weight"].detach().clone()
        self.twin = self.storage["twin.weight"].detach().clone() if "twin.weight" in self.storage else None
        kind, size = session["bank"]
        self.kind = kind
        match kind:
            case "full" | "sampled":
                self.bank: Any = Full(self.storage["bank.centres"].detach().clone(), size)
            case "virtual":
                self.bank = Virtual([c.clone() for c in self.storage["bank.centres"].detach()[:size]])
            case "lruPool":
                self.bank = Pool(size)
            case "fifoQueue":
                self.bank = Queue(size)
        name, *numbers = session["margin"]
        self.margin = MARGINS[name](*numbers)
        generator = torch.Generator().manual_seed(7)
        shape = (session["images"], *session["shape"])
        self.faces = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    def pixels(self, plan: dict[str, Any], stream: str) -> Tensor:
        images = (self.faces[torch.tensor(plan["arrays"][f"{stream}.images"])].double() - 127.5) / 128
        if f"{stream}.flip" in plan["arrays"]:
            flip = torch.tensor(plan["arrays"][f"{stream}.flip"]).bool()
            images[flip] = images[flip].flip(3)
        return images.flatten(1)

    def step(self, plan: dict[str, Any]) -> dict[str, float]:
        """One step of both; both go on from the oracle's weights, so that rounding does not add up."""
        lr = plan["scalars"]["lr"]
        inputs = plan["scalars"] | {name: torch.tensor(values) for name, values in plan["arrays"].items()}
        for stream in plan["labels"]:
            inputs[f"{stream}.images"] = self.faces[inputs[f"{stream}.images"].long()]
        results = self.program.run("step", inputs)

        leaf = self.weight.clone().requires_grad_()
        leaves = [leaf]
        if self.kind in ("full", "sampled"):
            self.bank.centres.requires_grad_()
            leaves.append(self.bank.centres)
        features = self.pixels(plan, "x") @ leaf.T
        keys = features.detach()
        labels = plan["labels"]["x"]
        if self.twin is not None:
            ema = plan["scalars"]["ema"]
            self.twin = ema * self.twin + (1 - ema) * self.weight
            keys = self.pixels(plan, "y") @ self.twin.T
            labels = plan["labels"]["y"]
        keys = torch.stack([unit(k) for k in keys])
        if self.kind == "sampled":
            self.bank.sample = {i for i in plan["arrays"]["bank.ids"] if i >= 0}
            assert self.bank.sample >= set(labels) and len(self.bank.sample) < len(self.bank.centres)
        if self.kind == "virtual":
            columns = plan["arrays"]["bank.target"]
            self.bank.moved = dict(zip(labels, columns, strict=True))
        loss = loss_of(self.margin, features, self.bank.rows(keys, labels))
        gradients = torch.autograd.grad(loss, leaves)
        self.bank.absorb(keys, labels)

        moved = (self.weight - self.storage["net.weight"].detach()) / lr
        self.weight = self.weight - lr * gradients[0]
        apart = {
            "loss": abs(loss.item() - results["loss"].item()) / max(1.0, abs(loss.item())),
            "gradient": ((gradients[0] - moved).abs().max() / gradients[0].abs().max()).item(),
            "bank": self.bank_apart(lr, gradients),
            "margin": self.margin_apart(),
        }
        with torch.no_grad():
            self.storage["net.weight"].copy_(self.weight)
            if self.twin is not None:
                self.storage["twin.weight"].copy_(self.twin)
        return apart

    def bank_apart(self, lr: float, gradients: tuple[Tensor, ...]) -> float:
        if self.kind in ("full", "sampled"):
            centres = self.bank.centres.detach() - lr * gradients[1]
            program = self.storage["bank.centres"].detach()
            apart = (centres - program).abs().max().item()
            self.bank.centres = centres
            with torch.no_grad():
                self.storage["bank.centres"].copy_(centres)
            return apart
        if self.kind == "virtual":
            kept = torch.stack(self.bank.columns)
            return (kept - self.storage["bank.centres"][: len(kept)]).abs().max().item()
        if self.kind == "fifoQueue":
            ids = self.storage["bank.ids"].tolist()
            mine = {(who, *map(lambda v: round(v, 9), k.tolist())) for who, k in self.bank.kept}
            theirs = {
                (who, *map(lambda v: round(v, 9), k.tolist()))
                for who, k in zip(ids, self.storage["bank.features"], strict=True)
                if who >= 0
            }
            return float(len(mine ^ theirs))
        rows = self.storage["bank.rows.0"][: self.bank.capacity]
        return max((rows - centre).abs().amax(1).min().item() for centre in self.bank.centre.values())

    def margin_apart(self) -> float:
        kept = {"progress": "t", "mean": "mean", "deviation": "deviation"}
        return max(
            [0.0]
            + [
                abs(getattr(self.margin, mine) - self.storage[f"margin.{name}"].item())
                for name, mine in kept.items()
                if f"margin.{name}" in self.storage
            ]
        )


def at_edges(session: dict[str, Any]) -> bool:
    """Whether a step in f32 is finite where every row's own cosine is -1, 1, or where some margin has a kink or jump."""
    program = Program(parse_module(session["ir"]), backend=session["backend"])
    program.initialise(0)
    faces = torch.randint(0, 256, (session["images"], *session["shape"]), dtype=torch.uint8)
    plan = session["plans"][0]
    labels = plan["labels"]["x"]
    inputs = plan["scalars"] | {name: torch.tensor(values) for name, values in plan["arrays"].items()}
    inputs["x.images"] = faces[inputs["x.images"].long()]
    pixels = (inputs["x.images"].float() - 127.5) / 128
    if "x.flip" in inputs:
        pixels[inputs["x.flip"].bool()] = pixels[inputs["x.flip"].bool()].flip(3)
    weight = program.storage["net.weight"].detach().clone()
    features = pixels.flatten(1) @ weight.T
    directions = features / features.norm(dim=1, keepdim=True)
    across = torch.randn(directions.shape)
    across -= (across * directions).sum(1, keepdim=True) * directions
    across /= across.norm(dim=1, keepdim=True)
    edges = [
        1.0,
        -1.0,
        0.0,
        0.3,
        0.2,
        *(math.cos(math.pi - m) for m in (0.3, 0.4, 0.5)),
        *(math.cos(m) for m in (0.3, 0.4)),
    ]
    for cosine in edges:
        with torch.no_grad():
            program.storage["net.weight"].copy_(weight)
            own = cosine * directions + math.sqrt(1 - cosine**2) * across
            for row, label in zip(own, labels, strict=True):
                program.storage["bank.centres"][label] = row
        loss = program.run("step", inputs)["loss"]
        moved = (program.storage["net.weight"], program.storage["bank.centres"])
        if not all(t.isfinite().all() for t in (loss, *moved)):
            return False
    return True


def compare(session: dict[str, Any]) -> dict[str, Any]:
    comparison = Comparison(session)
    worst: dict[str, Any] = {"edges": session["bank"] != ["full", 1] or at_edges(session)}
    for plan in session["plans"]:
        for name, value in comparison.step(plan).items():
            worst[name] = max(worst.get(name, 0.0), value)
    return worst | {"steps": len(session["plans"])}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        print(json.dumps([compare(session) for session in json.load(file)]))
