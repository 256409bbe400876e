"""Runs a recipe in a process of its own, on a folder of a few tiny frames."""

import os
import subprocess
import sys
from pathlib import Path

import keras

ROOT = Path(__file__).parents[1]
TINY = ["--batch-size", "2", "--crop", "32", "32", "--channels", "4", "--seed", "3"]


def run_recipe(folder, out, *options):
    command = [sys.executable, ROOT / "recipes" / "rgbd_folder.py", folder, "--out", out]
    command += ["--data-dir", folder.parent / "data", "--backend", keras.backend.backend()]
    command += ["--depth-unit", "0.001", "--first-id", "1", "--void-ids", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # The tests' own, and none of a user's.
    return subprocess.run([*command, *options], env=environment, text=True, capture_output=True)
