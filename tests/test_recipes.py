"""A recipe from the command line to the end, on a folder of a few tiny frames."""

import csv
import json
import re

import numpy as np
from coloured_frames import write_frames
from recipe_runs import ROOT, TINY, run_recipe

REMARKS = r"^[IWE]\d{4} |absl|oneDNN|cuda|deprecat|Warning"


def test_a_run_trains_scores_and_keeps_everything(tmp_path):
    frames, out = tmp_path / "frames", tmp_path / "run"
    write_frames(frames)
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
    remarks = [line for line in done.stderr.splitlines() if re.search(REMARKS, line)]
    assert remarks == []
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
