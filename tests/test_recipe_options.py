"""Options that a recipe refuses, and a backbone of KerasHub: one backend is enough for both."""

import csv
import re

import hub_presets
import numpy as np
import pytest
from coloured_frames import write_frames
from recipe_runs import TINY, run_recipe


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe") / "frames"
    write_frames(folder)
    return folder


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


def test_a_backbone_of_keras_hub_by_the_folder_of_its_preset(frames, tmp_path):
    name = hub_presets.write_preset(tmp_path / "preset", hub_presets.resnet())
    options = ["--backbone", name, "--weights", "preset", "--epochs", "1"]
    options += ["--weighting", "uniform"]
    done = run_recipe(frames, tmp_path / "run", *TINY, *options)
    assert done.returncode == 0, done.stderr[-3000:]
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert float(epoch["skipped_steps"]) == 0 and np.isfinite(float(epoch["loss"]))
