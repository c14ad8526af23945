"""What a run's folder says beside its metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

Plain = str | int | float | bool


class Run:
    """A run, by its folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """`config.json`, as it was when it was first asked for."""
        return self._read("config.json")

    @property
    def summary(self) -> Mapping[str, Any]:
        """`summary.json`; empty before the end."""
        return self._read("summary.json")

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.config.get("name", self.folder.name))

    @property
    def options(self) -> dict[str, Plain]:
        """What the experiment was asked for, options of options by dotted names."""
        identity = self.config.get("identity")
        options = identity.get("options") if isinstance(identity, dict) else None
        return dict(_flat(options or {}))

    @property
    def images_per_step(self) -> int:
        """0 where it is not known."""
        setting = self.config.get("setting")
        streams = setting.get("streams") if isinstance(setting, dict) else None
        return sum(streams.values()) if isinstance(streams, dict) else 0

    @property
    def pictures(self) -> dict[str, Path]:
        """Its curves as PNG files, by name; drawn at the end."""
        return {path.stem: path for path in sorted(self.folder.glob("follow/*.png"))}

    def files(self, *patterns: str) -> list[Path]:
        """Files of the folder."""
        return [path for pattern in patterns for path in sorted(self.folder.glob(pattern))]

    def _read(self, name: str) -> Mapping[str, Any]:
        try:
            value = json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Plain]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, Plain):
            yield f"{before}{name}", value
        elif value is not None:
            yield f"{before}{name}", json.dumps(value)
