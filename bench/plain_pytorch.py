"""The quickstart's step as a person writes it by hand in PyTorch: the peer of `npm run bench`. Prints the median seconds a step.

The same net (MobileFaceNet at width 0.5, 56 pixels), F2C with a replicated pool: four forwards, the two passes, SGD with
Nesterov momentum, the moving average. Labels are known to Python; the pool is patched by index, as our plan does.
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "python-host" / "tests"))
from mobile_face_net_reference import MobileFaceNetReference


def pool_loss(
    p: torch.Tensor,
    rows: torch.Tensor,
    patch: torch.Tensor,
    slots: torch.Tensor,
    target: torch.Tensor,
) -> torch.Tensor:
    """CosFace over the pool with some columns replaced, and the push of the rows outside."""
    cosine = (p @ rows.T).index_copy(1, slots, p @ patch.T)
    inside = target >= 0
    margin = F.one_hot(target.clamp(min=0), cosine.shape[1]) * 0.2
    loss = (
        F.cross_entropy(
            32 * (cosine - margin), target, ignore_index=-1, reduction="none"
        )
    ).sum() / inside.sum().clamp(min=1)
    push = cosine.topk(3, dim=1).values.clamp(min=0).mean(1)
    return loss + (push * ~inside).sum() / (~inside).sum().clamp(min=1)


def main(steps: int) -> None:
    torch.manual_seed(0)
    probe = MobileFaceNetReference(embedding=128, width=0.5, size=56)
    gallery = copy.deepcopy(probe).requires_grad_(False)
    optimizer = torch.optim.SGD(
        probe.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    pool = F.normalize(torch.randn(2, 250, 128), dim=2)
    times = []
    for _ in range(steps + 3):
        pixels = torch.randint(0, 256, (2, 48, 3, 56, 56), dtype=torch.uint8)
        slots = torch.randperm(250)[:48]
        target = torch.where(torch.rand(48) < 0.6, slots, -1)
        start = time.perf_counter()
        x, y = (pixels.float() - 127.5) / 128
        with torch.no_grad():
            torch._foreach_lerp_(
                list(gallery.parameters()), list(probe.parameters()), 0.01
            )
            gx, gy = F.normalize(gallery(x)), F.normalize(gallery(y))
        px, py = F.normalize(probe(x)), F.normalize(probe(y))
        loss = sum(
            pool_loss(p, pool[0], g, slots, target)
            for p, g in ((px, gy), (px, gy), (py, gx), (py, gx))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pool[0].index_copy_(0, slots, gx)
        loss.item()
        times.append(time.perf_counter() - start)
    print(statistics.median(times[3:]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
