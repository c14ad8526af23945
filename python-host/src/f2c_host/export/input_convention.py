"""The fact `f2c.input`: how an image is made ready for a file, as JSON that programs read. docs/exporting.md defines it."""

from __future__ import annotations

import json
from collections.abc import Mapping

INPUT = "f2c.input"


def fed_with(about: Mapping[str, str], **changes: object) -> dict[str, str]:
    """The facts with these entries of `f2c.input` instead of those of the program: a file may be fed otherwise than its function
    is. Facts that say nothing of images stay as they are."""
    if INPUT not in about:
        return dict(about)
    return {**about, INPUT: json.dumps({**json.loads(about[INPUT]), **changes}, separators=(",", ":"))}
