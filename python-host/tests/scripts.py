"""Scripts beside the tests, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_script(path: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Runs a script that imports modules beside it: with PYTHONSAFEPATH, as `npm test` sets it, it would not find them."""
    found = os.pathsep.join([str(path.parent), *filter(None, sys.path)])
    command = [sys.executable, "-W", "ignore", str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": found})
