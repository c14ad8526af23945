"""TensorBoard: event files in the run's folder, written with TensorBoard's own writer and without torch or TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS, STATUS_UNKNOWN
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from .run import Run
from .writer import Outcome

_STATUS = {"complete": STATUS_SUCCESS, "interrupted": STATUS_UNKNOWN, "failed": STATUS_FAILURE}


class TensorBoard:
    """An event file cannot be cut. Where a run goes back to a step, a session that starts there says so, and TensorBoard drops
    what it has read of this step and of later ones."""

    def __init__(self, run: Run, step: int):
        folder = run.folder / "tensorboard"
        self.where = f"tensorboard --logdir {folder}"
        self._run = run
        self._events = EventFileWriter(str(folder))
        self.resumed(step)
        # The trial's name is the run's: without one, runs with the same options would be one trial.
        self._add(0, summary=hparams_pb(run.options, trial_id=run.folder.name))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        numbers = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(step, summary=Summary(value=numbers))

    def resumed(self, step: int) -> None:
        self._add(step, session_log=SessionLog(status=SessionLog.START))

    def flush(self) -> None:
        self._events.flush()

    def end(self, outcome: Outcome) -> None:
        ended = SessionEndInfo(status=_STATUS[outcome], end_time_secs=time.time())
        self._value(
            0,
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(HParamsPluginData(session_end_info=ended)),
            tensor=metadata.NULL_TENSOR,
        )
        for name, path in self._run.pictures.items():
            image = Summary.Image(encoded_image_string=path.read_bytes())
            self._value(self._run.summary.get("steps", 0), tag=f"curves/{name}", image=image)
        self._events.close()

    def _value(self, step: int, **value: Any) -> None:
        self._add(step, summary=Summary(value=[Summary.Value(**value)]))

    def _add(self, step: int, **what: Any) -> None:
        self._events.add_event(Event(wall_time=time.time(), step=step, **what))


def start(run: Run, options: Mapping[str, Any], step: int, kept: dict[str, Any]) -> TensorBoard:
    return TensorBoard(run, step)
