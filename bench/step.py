"""F2C's step on every backend, loops of the same method written by hand, and its bare convolutions and products: by turns, in
seconds of this process's processor time. Reads a session that `step.ts` wrote; prints one line of JSON.

The loops have the four losses of the paper with its four products; their pool is patched by index, and the rows that are
nearest are found by `topk`, where the paper's code sorts the whole matrix. In chunks, each chunk's part of the
log-sum-exp is checkpointed, so that no matrix of all classes is kept.
"""

from __future__ import annotations

import copy
import json
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).parent.parent / "python-host" / "tests"))
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program
from mobile_face_net_reference import MobileFaceNetReference

SCALE, MARGIN, CHUNK = 64.0, 0.35, 8_192
KINDS = {
    "depthwise convolutions with the normalisations on both sides": ("NormDepthwise", "norm_depthwise"),
    "products: convolutions of single pixels, and those with the pool": ("mm",),
    "other convolutions": ("convolution", "mkldnn"),
    "other normalisation and PReLU": ("batch_norm", "BatchNorm", "prelu", "threshold_backward", "clamp_max"),
    "all else of the head": ("exp", "amax", "negatives", "topk", "logsumexp"),
}


def rss() -> float:
    """MB that the process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


class Ours:
    """The compiled step on a backend, with the plans of the product's planner."""

    def __init__(self, session: dict[str, Any], backend: str, device: str = "cpu") -> None:
        self.program = Program(parse_module(session["ir"]), backend=backend, device=device)
        self.begin()
        self.inputs: list[dict[str, Any]] = []
        chance = np.random.default_rng(0)
        size = session["size"]
        for plan in session["plans"]:
            inputs: dict[str, Any] = dict(plan["scalars"])
            for entry in self.program.module.function("step").inputs:
                if entry.source.kind == "images":
                    pixels = chance.integers(0, 256, (len(plan["arrays"][entry.name]), 3, size, size))
                    inputs[entry.name] = torch.from_numpy(pixels.astype(np.uint8))
                elif entry.type.kind == "tensor":
                    inputs[entry.name] = torch.tensor(plan["arrays"][entry.name])
            self.inputs.append(inputs)

    def begin(self) -> None:
        """The first state."""
        self.program.initialise(0)

    def step(self, turn: int) -> None:
        self.program.run("step", self.inputs[turn])


class ByHand:
    """The same method as a person writes it."""

    def __init__(
        self,
        session: dict[str, Any],
        pool: Tensor,
        layout: torch.memory_format,
        chunk: int | None = None,
        narrow: torch.dtype | None = None,
    ) -> None:
        """`chunk`: classes at a time, all where it is none; `narrow`: the type of autocast. On the device of the pool."""
        torch.manual_seed(0)
        net = MobileFaceNetReference(embedding=128, width=0.5, size=session["size"])
        self.probe = net.to(pool.device, memory_format=layout)
        self.gallery = copy.deepcopy(self.probe).requires_grad_(False)
        self.optimizer = torch.optim.SGD(
            self.probe.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
        )
        self.pool, self.layout, self.chunk, self.narrow = pool, layout, chunk, narrow
        self.rows = session.get("images", 96) // 2
        size = (2, self.rows, 3, session["size"], session["size"])
        self.pixels = torch.randint(0, 256, size, dtype=torch.uint8, device=pool.device)

    def loss(self, p: Tensor, patch: Tensor, slots: Tensor, target: Tensor) -> Tensor:
        return (self.whole if self.chunk is None else self.in_chunks)(p, patch, slots, target)

    def whole(self, p: Tensor, patch: Tensor, slots: Tensor, target: Tensor) -> Tensor:
        cosine = (p @ self.pool.to(p.dtype).T).index_copy(1, slots, p @ patch.T)
        inside = target >= 0
        own = cosine.gather(1, target.clamp(min=0).unsqueeze(1))
        logits = SCALE * cosine.scatter(1, target.clamp(min=0).unsqueeze(1), own - MARGIN)
        loss = F.cross_entropy(logits, target, ignore_index=-1, reduction="none")
        push = cosine.topk(10, dim=1).values.clamp(min=0).mean(1)
        return loss.sum() / inside.sum().clamp(min=1) + (push * ~inside).sum() / (~inside).sum().clamp(min=1)

    def in_chunks(self, p: Tensor, patch: Tensor, slots: Tensor, target: Tensor) -> Tensor:
        inside = target >= 0
        parts, nearest = [], []
        for start in range(0, len(self.pool), self.chunk or 1):
            lse, top = checkpoint(self.of_chunk, p, patch, slots, target, start, use_reentrant=False)
            parts.append(lse)
            nearest.append(top)
        rows = patch[target.clamp(0, len(patch) - 1)]
        own = SCALE * ((p * rows).sum(1) - MARGIN)
        loss = F.softplus(torch.stack(parts).logsumexp(0) - own, threshold=40) * inside
        push = torch.cat(nearest, 1).topk(10, 1).values.clamp(min=0).mean(1)
        return loss.sum() / inside.sum().clamp(min=1) + (push * ~inside).sum() / (~inside).sum().clamp(min=1)

    def of_chunk(
        self, p: Tensor, patch: Tensor, slots: Tensor, target: Tensor, start: int
    ) -> tuple[Tensor, Tensor]:
        cosine = p @ self.pool[start : start + (self.chunk or 1)].to(p.dtype).T
        here = (slots >= start) & (slots < start + cosine.size(1))
        if here.any():
            cosine = cosine.index_copy(1, slots[here] - start, p @ patch[here].T)
        own = (target >= start) & (target < start + cosine.size(1))
        column = (target - start).clamp(0, cosine.size(1) - 1).unsqueeze(1)
        negatives = cosine.scatter(1, column, cosine.gather(1, column).masked_fill(own.unsqueeze(1), -1e30))
        return (SCALE * negatives).logsumexp(1), negatives.topk(10, 1).values

    def step(self, _: int) -> None:
        slots = torch.randperm(len(self.pool), device=self.pool.device)[: self.rows]
        target = torch.where(torch.rand(self.rows, device=self.pool.device) < 0.6, slots, -1)
        x, y = ((p.float() - 127.5).div(128).contiguous(memory_format=self.layout) for p in self.pixels)
        with torch.autocast(self.pool.device.type, self.narrow, enabled=self.narrow is not None):
            with torch.no_grad():
                torch._foreach_lerp_(list(self.gallery.parameters()), list(self.probe.parameters()), 0.01)
                gx, gy = F.normalize(self.gallery(x)), F.normalize(self.gallery(y))
            px, py = F.normalize(self.probe(x)), F.normalize(self.probe(y))
        gx, gy, px, py = (rows.float() for rows in (gx, gy, px, py))
        loss = sum(self.loss(p, g, slots, target) for p, g in ((px, gy), (px, gy), (py, gx), (py, gx)))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.pool.index_copy_(0, slots, gx.to(self.pool.dtype))


class Floor:
    """What a step cannot do without: convolutions of four forwards and two backwards, and three products with the pool."""

    def __init__(
        self, session: dict[str, Any], pool: Tensor, chunk: int = CHUNK, narrow: torch.dtype | None = None
    ) -> None:
        torch.manual_seed(0)
        net = MobileFaceNetReference(embedding=128, width=0.5, size=session["size"])
        for parent in list(net.modules()):
            for name, child in parent.named_children():
                if not list(child.children()) and not isinstance(child, nn.Conv2d | nn.Flatten):
                    setattr(parent, name, nn.Identity())
        self.net, images = net.to(pool.device, memory_format=torch.channels_last), session.get("images", 96)
        pixels = torch.randn(2, images // 2, 3, session["size"], session["size"], device=pool.device)
        self.x, self.y = (p.contiguous(memory_format=torch.channels_last) for p in pixels)
        self.products, self.narrow = Products(pool, images, chunk), narrow

    def step(self, turn: int) -> None:
        with torch.autocast(self.x.device.type, self.narrow, enabled=self.narrow is not None):
            with torch.no_grad():
                self.net(self.x), self.net(self.y)
            loss = self.net(self.x).sum() + self.net(self.y).sum()
        loss.backward()
        self.products.step(turn)


class Products:
    """Forward, again for the gradient, and the gradient's own; in chunks that fit the cache, in the pool's type."""

    def __init__(self, pool: Tensor, rows: int, chunk: int = CHUNK) -> None:
        self.pool, self.chunk = pool, min(chunk, len(pool))
        self.x = torch.randn(rows, pool.size(1), device=pool.device).to(pool.dtype)
        self.cosines, self.into = self.x.new_empty(rows * self.chunk), torch.zeros_like(self.x)

    def step(self, _: int) -> None:
        for start in range(0, len(self.pool), self.chunk):
            rows = self.pool[start : start + self.chunk]
            cosines = self.cosines[: len(self.x) * len(rows)].view(len(self.x), -1)
            torch.mm(self.x, rows.T, out=cosines)
            torch.mm(self.x, rows.T, out=cosines)
            self.into.addmm_(cosines, rows, beta=0.5)


def by_turns(
    contestants: dict[str, Callable[[int], None]], turns: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """The median seconds of each, which all run in each turn. The first two turns do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 2):
        for name, step in contestants.items():
            start = clock()
            step(turn)
            seconds[name].append(clock() - start)
    return {name: statistics.median(times[2:]) for name, times in seconds.items()}


def kinds_of(step: Callable[[int], None]) -> dict[str, float]:
    """Shares of the time of a step by kinds of op."""
    with torch.profiler.profile() as profile:
        step(0)
    spent: Counter[str] = Counter()
    for event in profile.key_averages():
        if event.key == "f2c::stay":  # waits for branches
            continue
        kind = next((k for k, parts in KINDS.items() if any(p in event.key for p in parts)), "others")
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: spent[kind] / total for kind in (*KINDS, "others")}


def main(session: dict[str, Any]) -> None:
    turns = session["turns"]
    memory: dict[str, float] = {}
    ours = Ours(session, "torchscript")
    memory["state"] = ours.program.state_bytes / 2**20
    before = rss()
    ours.step(0)
    memory["beyond"] = peak() - before
    for turn in range(turns):
        ours.step(turn)
    memory["peak"] = peak()
    contestants = {"f2c torchscript": ours.step}
    pool = ours.program.storage["pool.rows.0"].detach().clone()
    if session["compare"] == "head":
        contestants["products"] = Products(pool, 96).step
        kinds = {}
    else:
        kinds = kinds_of(ours.step)
        contestants["f2c eager"] = Ours(session, "eager").step
        contestants["f2c inductor"] = Ours(session, "inductor").step
        for name, layout in (("", torch.contiguous_format), (", channels last", torch.channels_last)):
            for way, chunk in (("", None), (", in chunks", CHUNK)):
                contestants[f"by hand{name}{way}"] = ByHand(session, pool, layout, chunk).step
        contestants["floor"] = Floor(session, pool).step
    print(json.dumps({"seconds": by_turns(contestants, turns), "kinds": kinds, "memory": memory}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
