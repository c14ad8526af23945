"""Small files of the formats, as others' libraries wrote them, where this machine has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FORMATS = Path(os.environ.get("F2C_FORMATS", Path(__file__).parents[3] / "shared/data/formats"))
needs_formats = pytest.mark.skipif(not FORMATS.is_dir(), reason="the small instances are not on this machine")
