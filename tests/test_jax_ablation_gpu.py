"""The ablation's setting for a GPU, in small on a CPU, with an encoder that compiles in no time."""

import importlib
import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from coloured_frames import write_frames
from tiny_encoder import tiny_encoder

from keras_lwm.ablation import cell, runner

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "40", "50", "--crop", "32", "32", "--epochs", "1", "--batch-size", "2"]
SMALL += ["--channels", "4", "--rows", "full", "--seeds", "1", "--workers", "1"]
SMALL += ["--minutes", "60"]
READING = ["--depth-unit", "0.001", "--first-id", "1", "--void-ids", "0"]


def test_a_cell_is_trained_whole_and_scored_frame_by_frame(tmp_path, monkeypatch):
    trained, build = [], cell.build_backbone

    def train(folder, environment, row, seed, loaders):
        # In this process, one at a time.
        trained.append((row, loaders))
        runner.train_here(folder.path, row, seed, loaders)
        return 1.0

    monkeypatch.setattr(runner, "_train_in_child", train)
    monkeypatch.setattr(cell, "build_backbone", lambda *_, **__: build(tiny_encoder()))
    monkeypatch.syspath_prepend(ROOT / "recipes")
    frames, out = tmp_path / "frames", tmp_path / "ablation"
    write_frames(frames)
    words = ["--setting", "gpu", "--data", str(frames), "--out", str(out), *READING, *SMALL]
    done = CliRunner().invoke(importlib.import_module("ablation").main, words)
    assert done.exit_code == 0, done.output[-2000:]
    assert trained == [("full", 4)]
    tables = json.loads((out / "ablation.json").read_text())
    assert set(tables["rows"]) == {"full"}
    assert tables["options"]["backend"] == "jax" and tables["options"]["train_encoder"]
    assert tables["command"].startswith("python recipes/ablation.py --setting gpu --data FOLDER")
    assert not {"setting", "minutes", "workers", "loaders"} & set(tables["options"])
    with np.load(out / "cells" / "full-0.npz") as saved:
        right, labelled, predicted = saved["counts"].sum(axis=(0, 2))
    scores = json.loads((out / "cells" / "full-0.json").read_text())["scores"]
    assert right / labelled == scores["pixel_accuracy"]
    assert labelled == predicted == scores["pixels"]
