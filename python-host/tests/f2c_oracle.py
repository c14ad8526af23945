"""The slow oracle of the F2C step: the paper's two passes, taken literally, one label and one row at a time.

It shares no code with the library and knows nothing of plans: the pool is a tensor that is really overwritten
and really rolled back, the recency list is a Python list. A session is handed over as JSON:

    python f2c_oracle.py IN.json OUT.json

    IN  = {"C": slots, "D": width, "k": hardest negatives, "scale": s, "margin": m,
           "marginKind": "am" | "arc" | "sv", "negScale": weight of the out-of-pool loss (paper: 1),
           "maskUnfilled": whether slots that no identity holds leave the softmax and the k hardest,
           "pool": [2][C][D] of unit rows | {"seed": n}, "dtype": "float64" (default) | "float32",
           "steps": [{"px", "py", "gx", "gy": [rows][D], "lx", "ly": [rows] of identities}]}
    OUT = {"initialPool": [2][C][D],
           "steps": [{"loss", "tentative", "committed": number, "grad_px", "grad_py": [rows][D],
                      "pool": [2][C][D], "pos": [C],
                      "lru": [{"identity", "slot"}] from the most to the least recently used}]}

`tentative` is the pass that is undone, `committed` the pass that is kept, `loss` their sum; the state is that
after the step. Numbers are written so that reading them gives the same float64.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ADMISSION_ROW = 0  # the row that a newly admitted identity is written to


@dataclass(frozen=True)
class Settings:
    """What a step needs beside its state: `k` hardest negatives, scale s, margin m and how it is applied."""

    k: int
    scale: float
    margin: float
    margin_kind: str = "am"
    neg_scale: float = 1.0
    mask_unfilled: bool = False

    def __post_init__(self) -> None:
        if self.margin_kind not in ("am", "arc", "sv"):
            raise ValueError(f"marginKind is {self.margin_kind!r}; it must be 'am', 'arc' or 'sv'")
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1")


@dataclass
class Recency:
    """Which identity holds which slot, from the least to the most recently used."""

    capacity: int
    slot_of: dict[int, int] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)

    def admit(self, identity: int) -> int:
        """Gives a new identity the next free slot, or that of the least recently used one."""
        full = len(self.order) == self.capacity
        slot = self.slot_of.pop(self.order.pop(0)) if full else len(self.order)
        self.slot_of[identity] = slot
        self.order.append(identity)
        return slot

    def touch(self, identity: int) -> int:
        """Makes a known identity the most recently used one."""
        self.order.remove(identity)
        self.order.append(identity)
        return self.slot_of[identity]


class F2COracle:
    """The state of one training run (pool, `pos`, recency) and the step that changes it."""

    def __init__(self, pool: Tensor, settings: Settings):
        if pool.dim() != 3 or pool.shape[0] != 2:
            raise ValueError(f"the pool has shape {tuple(pool.shape)}; it must be [2, C, D]")
        if settings.k > pool.shape[1]:
            raise ValueError(f"k is {settings.k}, the pool has only {pool.shape[1]} slots")
        self.pool = pool.detach().clone()
        self.pos = [0] * pool.shape[1]
        self.recency = Recency(pool.shape[1])
        self.settings = settings

    def step(
        self,
        px: Tensor,
        py: Tensor,
        gx: Tensor,
        gy: Tensor,
        lx: Sequence[int],
        ly: Sequence[int],
    ) -> tuple[Tensor, Tensor]:
        """Losses of the tentative and of the committed pass; their sum is the loss of the step."""
        return self.tentative_pass(px, gy, lx, ly), self.committed_pass(py, gx, ly, lx)

    def tentative_pass(
        self, p: Tensor, g: Tensor, probe_labels: Sequence[int], gallery_labels: Sequence[int]
    ) -> Tensor:
        """A pass whose writes, flips and admissions are all undone, in reverse order."""
        pos, slot_of, order = list(self.pos), dict(self.recency.slot_of), list(self.recency.order)
        loss, overwritten = self._pass(p, g, probe_labels, gallery_labels)
        for row, slot, feature in reversed(overwritten):
            self.pool[row, slot] = feature
        self.pos, self.recency.slot_of, self.recency.order = pos, slot_of, order
        return loss

    def committed_pass(
        self, p: Tensor, g: Tensor, probe_labels: Sequence[int], gallery_labels: Sequence[int]
    ) -> Tensor:
        """A pass whose changes stay."""
        return self._pass(p, g, probe_labels, gallery_labels)[0]

    def _pass(
        self, p: Tensor, g: Tensor, probe_labels: Sequence[int], gallery_labels: Sequence[int]
    ) -> tuple[Tensor, list[tuple[int, int, Tensor]]]:
        """Writes the gallery, then compares the probe with the pool: the loss, and what was overwritten."""
        if len(g) != len(gallery_labels) or len(p) != len(probe_labels):
            raise ValueError(
                f"{len(p)} probe embeddings for {len(probe_labels)} labels, "
                f"{len(g)} gallery embeddings for {len(gallery_labels)} labels; the numbers must agree"
            )
        overwritten: list[tuple[int, int, Tensor]] = []
        dual: set[int] = set()
        for i, identity in enumerate(gallery_labels):
            if identity not in self.recency.slot_of:
                slot, row = self.recency.admit(identity), ADMISSION_ROW
                self.pos[slot] = 1
            else:
                slot = self.recency.touch(identity)
                row = self.pos[slot]
                self.pos[slot] = 1 - row
                dual.add(slot)
            overwritten.append((row, slot, self.pool[row, slot].clone()))
            self.pool[row, slot] = g[i].detach()

        targets = [self.recency.slot_of.get(identity, -1) for identity in probe_labels]
        # The graph keeps copies: the tensor itself is overwritten again before anybody calls backward.
        weight1 = self.pool[0].clone()
        weight2 = torch.stack([self.pool[1 if slot in dual else 0, slot] for slot in range(len(self.pos))])
        loss = self._loss(p @ weight1.T, targets) + self._loss(p @ weight2.T, targets)
        return loss, overwritten

    def _loss(self, cosines: Tensor, targets: Sequence[int]) -> Tensor:
        """L(cos): cross entropy of the rows whose identity has a slot, push of those without."""
        columns = list(range(cosines.shape[1]))
        if self.settings.mask_unfilled:
            columns = sorted(self.recency.slot_of.values())
        inside, outside = [], []
        for row, target in zip(cosines, targets, strict=True):
            kept = row[columns]
            if target < 0:
                outside.append(self._push(kept))
            else:
                inside.append(self._cross_entropy(kept, columns.index(target)))
        nothing = cosines.sum() * 0.0
        attraction = torch.stack(inside).mean() if inside else nothing
        push = torch.stack(outside).mean() if outside else nothing
        return attraction + self.settings.neg_scale * push

    def _push(self, cosines: Tensor) -> Tensor:
        """Mean of the k largest cosines, clipped at 0; where fewer slots are filled, the missing count 0."""
        hardest = torch.topk(cosines, min(self.settings.k, len(cosines))).values
        return hardest.clamp(min=0.0).sum() / self.settings.k

    def _cross_entropy(self, cosines: Tensor, target: int) -> Tensor:
        m, at = self.settings.margin, cosines[target]
        logits = list(cosines)
        if self.settings.margin_kind == "am":
            logits[target] = at - m
        elif self.settings.margin_kind == "arc":
            logits[target] = at * math.cos(m) - torch.sqrt(1.0 - at * at) * math.sin(m)
        else:
            logits = [1.2 * cosine + 0.2 if cosine > at - m else cosine for cosine in cosines]
            logits[target] = at - m if at > m else at
        scaled = self.settings.scale * torch.stack(logits)
        return torch.logsumexp(scaled, 0) - scaled[target]


def random_unit_pool(slots: int, width: int, seed: int) -> Tensor:
    """A pool [2, C, D] of normal rows brought to length 1, in float64."""
    chance = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(
        torch.randn(2, slots, width, generator=chance, dtype=torch.float64), dim=-1
    )


def run_session(session: dict[str, Any]) -> dict[str, Any]:
    """Executes a session as described at the top of this file."""
    dtype = {"float64": torch.float64, "float32": torch.float32}[session.get("dtype", "float64")]
    slots, width = session["C"], session["D"]
    given = session["pool"]
    if isinstance(given, dict):
        pool = random_unit_pool(slots, width, given["seed"]).to(dtype)
    else:
        pool = torch.tensor(given, dtype=dtype)
    if tuple(pool.shape) != (2, slots, width):
        raise ValueError(f"the pool has shape {list(pool.shape)}, C and D ask for [2, {slots}, {width}]")
    settings = Settings(
        k=session["k"],
        scale=session["scale"],
        margin=session["margin"],
        margin_kind=session["marginKind"],
        neg_scale=session.get("negScale", 1.0),
        mask_unfilled=session.get("maskUnfilled", False),
    )
    oracle = F2COracle(pool, settings)
    return {
        "initialPool": pool.tolist(),
        "steps": [_run_step(oracle, step, dtype) for step in session["steps"]],
    }


def _run_step(oracle: F2COracle, step: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    px, py = (torch.tensor(step[name], dtype=dtype, requires_grad=True) for name in ("px", "py"))
    gx, gy = (torch.tensor(step[name], dtype=dtype) for name in ("gx", "gy"))
    tentative, committed = oracle.step(px, py, gx, gy, step["lx"], step["ly"])
    loss = tentative + committed
    loss.backward()
    return {
        "loss": loss.item(),
        "tentative": tentative.item(),
        "committed": committed.item(),
        "grad_px": px.grad.tolist(),
        "grad_py": py.grad.tolist(),
        "pool": oracle.pool.tolist(),
        "lru": [
            {"identity": identity, "slot": oracle.recency.slot_of[identity]}
            for identity in reversed(oracle.recency.order)
        ],
        "pos": list(oracle.pos),
    }


def main(arguments: Sequence[str]) -> int:
    """`IN.json OUT.json`; a NaN or an infinite result is an error, JSON has no word for it."""
    if len(arguments) != 2:
        print("usage: python f2c_oracle.py IN.json OUT.json", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    result = run_session(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    Path(arguments[1]).write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
