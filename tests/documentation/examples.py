"""The files of docs/examples, which pages of the documentation show, as modules."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def example(name):
    """The module of docs/examples/NAME.py."""
    title = f"documented_{name}"
    if title not in sys.modules:
        path = ROOT / "docs" / "examples" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(title, path)
        sys.modules[title] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[title])
    return sys.modules[title]
