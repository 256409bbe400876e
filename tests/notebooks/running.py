"""Runs a notebook of docs/notebooks from start to end: its script is one of Python's."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "docs/notebooks"


def run_notebook(name, folder) -> str:
    """What it prints, in `folder`, under the backend of the tests."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, NOTEBOOKS / f"{name}.py"],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "UserWarning" not in done.stderr
    return done.stdout
