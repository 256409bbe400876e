"""A recipe from the command line to the end, on a folder of a few tiny frames."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from coloured_frames import write_frames

ROOT = Path(__file__).parents[1]
TINY = ["--batch-size", "2", "--crop", "32", "32", "--channels", "4", "--seed", "3"]


def run_recipe(folder, out, *options):
    command = [sys.executable, ROOT / "recipes" / "rgbd_folder.py", folder, "--out", out]
    command += ["--data-dir", folder.parent / "data", "--backend", keras.backend.backend()]
    command += ["--depth-unit", "0.001", "--first-id", "1", "--void-ids", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, *options], env=environment, text=True, capture_output=True)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe") / "frames"
    write_frames(folder)
    return folder


def test_a_run_trains_scores_and_keeps_everything(frames, tmp_path):
    out = tmp_path / "run"
    done = run_recipe(
        frames,
        out,
        *TINY,
        "--epochs",
        "1",
        "--gathering",
        "binned",
        "--depth-range",
        "1",
        "5",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "mIoU" in done.stdout and "sofa" in done.stdout
    assert {path.name for path in out.iterdir()} >= {
        "options.json",
        "last.keras",
        "best.keras",
        "history.csv",
        "tensorboard",
        "scores",
        "training_samples.png",
        "predictions.png",
        "command.txt",
        "report",
        "report.html",
    }
    page = (out / "report.html").read_text()
    assert "loss weight of training frame 1 after epoch 1" in page and "of frame d" in page
    assert f"<pre>python {ROOT / 'recipes' / 'rgbd_folder.py'} " in page
    assert " holds no " not in page
    scores = json.loads((out / "scores" / "single_scale" / "scores.json").read_text())
    assert scores["frames"] == 1 and 0 <= scores["mean_iou"] <= 1
    with open(out / "history.csv", newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert float(epoch["skipped_steps"]) == 0 and np.isfinite(float(epoch["loss"]))

    again = run_recipe(frames, out, *TINY, "--epochs", "1")
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1].startswith(f"Error: {out} holds another run")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--weighting", "hard"], "Error: Expected a weighting among .*; received 'hard'."),
        (["--backbone", "vgg"], "Error: Unknown backbone 'vgg'; .*efficientnet_lite0"),
        (["--first-id", "2"], "Error: .*label.*"),
    ],
)
def test_what_is_refused_ends_in_one_sentence_and_leaves_no_folder(
    frames, tmp_path, options, sentence
):
    done = run_recipe(frames, tmp_path / "run", *TINY, *options)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "Error: " in last and re.search(sentence, last), done.stderr[-2000:]
    assert not (tmp_path / "run").exists()
