"""MLflow: a run on a tracking server or in a folder, that is found again by its id when ours is resumed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .run import Run
from .writer import Outcome

_STATUS = {"complete": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
# What MLflow takes in one request.
_PARAMETERS, _METRICS, _CHARACTERS = 100, 1000, 500
_FILES = ("summary.json", "config.json", "*.svg")


class MLflow:
    """MLflow keeps every value of a step that it is told: those that a resumed run makes again stand beside the first, with a
    later time, and the tag `resumed at` says from where on."""

    def __init__(self, run: Run, options: Mapping[str, Any], kept: dict[str, Any]):
        uri = str(options.get("uri") or os.environ.get("MLFLOW_TRACKING_URI") or "mlruns")
        if "://" not in uri:
            # Folders are no longer MLflow's advice, and the only store that needs no server and no database.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = os.path.abspath(uri.removeprefix("file:"))
        self._run = run
        self._client = MlflowClient(uri)
        self._metrics: list[Metric] = []
        if "run" not in kept:
            kept["run"] = self._create(options)
        self._id: str = kept["run"]
        self._client.update_run(self._id, status="RUNNING")
        self.where = f"mlflow ui --backend-store-uri {uri}, run {self._id}"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        self._metrics += [Metric(_plain(tag), value, now, step) for tag, value in values.items()]

    def resumed(self, step: int) -> None:
        self._client.set_tag(self._id, "resumed at", str(step))

    def flush(self) -> None:
        while self._metrics:
            self._client.log_batch(self._id, metrics=self._metrics[:_METRICS])
            del self._metrics[:_METRICS]

    def end(self, outcome: Outcome) -> None:
        for path in self._run.files(*_FILES):
            self._client.log_artifact(self._id, str(path))
        self._client.set_terminated(self._id, _STATUS[outcome])

    def _create(self, options: Mapping[str, Any]) -> str:
        name = str(options.get("experiment", self._run.name))
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._created(name)
        run = self._client.create_run(
            experiment, run_name=options.get("name", self._run.folder.name), tags=options.get("tags")
        ).info.run_id
        parameters = [Param(_plain(k), str(v)[:_CHARACTERS]) for k, v in self._run.options.items()]
        for first in range(0, len(parameters), _PARAMETERS):
            self._client.log_batch(run, params=parameters[first : first + _PARAMETERS])
        self._client.log_batch(run, tags=[RunTag("folder", str(self._run.folder))])
        return run

    def _created(self, name: str) -> str:
        try:
            return self._client.create_experiment(name)
        except MlflowException:
            found = self._client.get_experiment_by_name(name)  # another run made it just now
            if found is None:
                raise
            return found.experiment_id


def _plain(tag: str) -> str:
    """MLflow takes letters, digits and a few signs in a name."""
    return re.sub(r"[^\w\-. :/]", "_", tag)


def start(run: Run, options: Mapping[str, Any], step: int, kept: dict[str, Any]) -> MLflow:
    return MLflow(run, options, kept)
