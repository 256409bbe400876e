"""Recipes are scripts, which find each other; so they do where their options are read."""

import sys
from pathlib import Path


def on_config(config) -> None:
    """Called by MkDocs when a build begins."""
    folder = str(Path(config.config_file_path).with_name("recipes"))
    if folder not in sys.path:
        sys.path.append(folder)
