"""What the compiler prints: scripts of the built TypeScript side, run by Node, and programs that they print.

Without Node, or a build, the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "test" / "fixtures"


def node(*arguments: Any, input: str | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a script, whose path is the first argument."""
    program = shutil.which("node")
    if program is None or not (ROOT / "dist/compiler/index.js").exists():
        pytest.skip("needs node and a build of the compiler (npm run build)")
    run = subprocess.run(
        [program, *map(str, arguments)],
        input=input,
        capture_output=True,
        text=True,
        env=os.environ | (env or {}),
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def started(ir: Any, backend: str = "eager", seed: int = 7) -> Program:
    """A program whose storages hold what they start from."""
    program = Program(parse_module(ir), backend=backend)
    program.initialise(seed)
    return program
