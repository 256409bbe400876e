"""The ablation's setting for a GPU, in small on a CPU: without TensorFlow and what draws."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from coloured_frames import write_frames

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "40", "50", "--crop", "32", "32", "--epochs", "1", "--batch-size", "2"]
SMALL += ["--channels", "4", "--rows", "multi_task,full", "--seeds", "1", "--workers", "2"]
READING = ["--depth-unit", "0.001", "--first-id", "1", "--void-ids", "0"]


def test_cells_side_by_side_and_their_tables(tmp_path):
    frames, out, absent = (tmp_path / name for name in ("frames", "ablation", "absent"))
    write_frames(frames)
    absent.mkdir()
    for package in ("tensorflow", "matplotlib"):
        text = f"raise ModuleNotFoundError(\"No module named '{package}'\")"
        (absent / f"{package}.py").write_text(text)
    command = [sys.executable, ROOT / "recipes" / "ablation.py", "--setting", "gpu"]
    command += ["--data", frames, "--out", out, "--minutes", "60", *READING, *SMALL]
    environment = {**os.environ, "PYTHONPATH": f"{absent}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "(2 of 2 cells" in done.stdout and "| `full` | 1 |" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Neither figure nor page: Drawing (keras_lwm.re")
    tables = json.loads((out / "ablation.json").read_text())
    assert set(tables["rows"]) == {"multi_task", "full"}
    assert tables["options"]["backend"] == "jax" and tables["options"]["train_encoder"]
    assert tables["command"].startswith("python recipes/ablation.py --setting gpu --data FOLDER")
    assert not {"minutes", "workers", "loaders"} & set(tables["options"])
    assert not (out / "ablation.png").exists() and not (out / "ablation.html").exists()
    for row in ("multi_task", "full"):
        with np.load(out / "cells" / f"{row}-0.npz") as saved:
            right, labelled, predicted = saved["counts"].sum(axis=(0, 2))
        scores = json.loads((out / "cells" / f"{row}-0.json").read_text())["scores"]
        assert right / labelled == scores["pixel_accuracy"] and labelled == predicted
        assert labelled == scores["pixels"]
