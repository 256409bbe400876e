"""What a recipe refuses, a backbone of KerasHub, a teacher: one backend is enough for all."""

import csv
import json
import re

import hub_presets
import numpy as np
import pytest
from click.testing import CliRunner
from coloured_frames import write_frames
from PIL import Image
from recipe_runs import TINY, run_recipe

from keras_lwm.datasets import load_builder
from keras_lwm.experiment import LITERATURE, report
from keras_lwm.run_folder import RunFolder
from keras_lwm_cli.evaluate import evaluate

SEES_DEPTH = ["--depth-input", "true", "--weighting", "uniform"]


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
        (["--unlabelled", "val"], "--unlabelled as the split that is trained on, 'train' .*'val'"),
        ([*SEES_DEPTH, "--unlabelled", "train"], "Expected a --teacher with --unlabelled"),
        ([*SEES_DEPTH, "--depth-loss", "berhu"], "no options of a depth branch.*depth_loss"),
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


def test_a_network_that_sees_depth_is_not_trained_without_any(tmp_path):
    folder = tmp_path / "frames"
    write_frames(folder)
    for name in ("a", "c", "d"):
        Image.fromarray(np.zeros((40, 50), "uint16")).save(folder / "depth" / f"{name}.png")
    done = run_recipe(folder, tmp_path / "run", *TINY, *SEES_DEPTH)
    assert done.returncode == 1
    assert "Error: Expected measured depth in train of rgbd_folder" in done.stderr.splitlines()[-1]
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


def last_epoch(run):
    with open(run / "history.csv", newline="") as file:
        return list(csv.DictReader(file))[-1]


def report_in_views_of_the_literature(folder, out):
    reading = {"depth_unit": 0.001, "first_id": 1, "void_ids": (0,)}
    splits = ("train", "val", "test")
    builder = load_builder(
        "rgbd_folder", folder=folder, **reading, splits=splits, data_dir=folder.parent / "data"
    )
    report(RunFolder(out, resume=True), builder, "test", LITERATURE)
    assert [path.name for path in (out / "scores").iterdir()] == ["single_scale"]


def test_a_teacher_that_sees_depth_teaches_frames_without_a_label(tmp_path):
    names = ("frames", "teacher", "second_teacher", "student")
    folder, teacher, second, run = (tmp_path / name for name in names)
    write_frames(folder)
    (folder / "label" / "b.png").unlink()
    (folder / "train.txt").write_text("a\n")
    (folder / "more.txt").write_text("a\nb\n")
    unlabelled = ["--train-split", "more", "--unlabelled", "more", "--epochs", "1"]

    done = run_recipe(folder, teacher, *TINY, "--batch-size", "1", "--epochs", "1", *SEES_DEPTH)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"another --out and --teacher {teacher};\nwith --unlabelled SPLIT" in done.stdout
    assert "distillation_loss" not in last_epoch(teacher)
    report_in_views_of_the_literature(folder, teacher)

    done = run_recipe(folder, second, *TINY, *unlabelled, *SEES_DEPTH, "--teacher", str(teacher))
    assert done.returncode == 0, done.stderr[-3000:]
    assert float(last_epoch(second)["distillation_loss"]) > 0

    done = run_recipe(folder, run, *TINY, *unlabelled, "--teacher", str(second))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "1 of the 2 images of more have no label." in done.stdout
    assert float(last_epoch(run)["distillation_loss"]) > 0

    # No option says again how the folder is read.
    words = [str(run), str(folder), "--data-dir", str(folder.parent / "data")]
    scored = CliRunner().invoke(evaluate, [*words, "--out", str(tmp_path / "scores")])
    assert scored.exit_code == 0, scored.output
    assert f"{folder} is read as {run} was trained on it: " in scored.stderr
    again, own = (
        json.loads((path / "scores.json").read_text())["confusion_matrix"]
        for path in (tmp_path / "scores", run / "scores" / "single_scale")
    )
    assert again == own
    (folder / "tune.txt").write_text("c\nd\n")
    scored = CliRunner().invoke(evaluate, [*words, "--split", "tune"])
    assert scored.exit_code == 0 and "splits=('more', 'val', 'test', 'tune')" in scored.stderr

    moved = tmp_path / "moved"
    second.rename(moved)
    done = run_recipe(folder, run, "--resume")
    assert done.stderr.splitlines()[-1].endswith("If it was moved, say where to by --teacher.")
    done = run_recipe(folder, run, "--resume", "--teacher", str(moved))
    assert done.returncode == 0, done.stderr[-3000:]
    assert run_recipe(folder, run, "--resume").returncode == 0  # It is known from now on.
    done = run_recipe(folder, run, "--resume", "--teacher", str(teacher))
    assert "trained on other data (teacher: " in done.stderr.splitlines()[-1]
    done = run_recipe(folder, teacher, "--resume", "--teacher", str(moved))
    assert "was started without a teacher; received" in done.stderr.splitlines()[-1]

    (folder / "classes.txt").write_text("wall\nfloor\nchair\n")
    done = run_recipe(folder, tmp_path / "other", *TINY, *unlabelled, "--teacher", str(teacher))
    expected = f"class 2 is 'sofa' in {teacher / 'best.keras'} and 'chair' in the data set"
    assert expected in done.stderr.splitlines()[-1] and not (tmp_path / "other").exists()
