"""W&B: a run of its own there, online or offline, that is found again by an id when ours is resumed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import wandb

from .run import Run
from .writer import Outcome

# What the command ends with; W&B calls a run failed where it is not 0.
_EXIT_CODE = {"complete": 0, "interrupted": 130, "failed": 1}


class WeightsAndBiases:
    """W&B counts what it is told and never goes back. So our step is a number of its own, over which W&B draws the others: steps
    that a resumed run makes again stand there twice, and `resumed at` says from where on."""

    def __init__(self, run: Run, options: Mapping[str, Any], kept: dict[str, Any]):
        kept.setdefault("id", secrets.token_hex(4))
        self._ours = run
        self._run = wandb.init(
            id=kept["id"],
            resume="allow",
            project=options.get("project", run.name),
            entity=options.get("entity"),
            name=options.get("name", run.folder.name),
            group=options.get("group"),
            tags=options.get("tags"),
            mode=options.get("mode"),
            config=run.options,
            allow_val_change=True,  # what a resume may change
            dir=run.folder / "follow",
            settings=wandb.Settings(console="off", silent=True, disable_code=True, disable_git=True),
        )
        self._run.define_metric("*", step_metric="step")
        self.where = self._run.url or f"wandb sync {self._run.dir.removesuffix('/files')}"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"step": step, **values})

    def resumed(self, step: int) -> None:
        self._run.log({"step": step, "resumed at": step})

    def flush(self) -> None:
        pass  # W&B sends what it has by itself

    def end(self, outcome: Outcome) -> None:
        pictures = {f"curves/{name}": wandb.Image(str(path)) for name, path in self._ours.pictures.items()}
        if pictures:
            self._run.log({"step": self._ours.summary.get("steps", 0), **pictures})
        self._run.finish(exit_code=_EXIT_CODE[outcome])


def start(run: Run, options: Mapping[str, Any], step: int, kept: dict[str, Any]) -> WeightsAndBiases:
    return WeightsAndBiases(run, options, kept)
