"""Every named layout: a folder in its form, pixel by pixel, and the command that trains on it."""

import importlib.util
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from layout_folders import LAYOUTS, OPTIONS

import keras_lwm.experiment
from keras_lwm.datasets import RgbdFolder
from keras_lwm.datasets.check import check_folder
from keras_lwm.datasets.check.report import training_command
from keras_lwm.rgbd_folder import NAMED_LAYOUTS
from keras_lwm.typed_commands import python_command, recipe_path
from keras_lwm_cli.folder_options import FOLDER_OPTIONS
from keras_lwm_cli.folder_options import LAYOUTS as TYPED_LAYOUTS

RECIPE = Path(__file__).parents[2] / "recipes" / "rgbd_folder.py"


@pytest.fixture(params=LAYOUTS)
def layout(request, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    return request.param, folder, LAYOUTS[request.param](folder)


def assert_read(builder, expected, splits):
    for split in splits:
        samples = {
            sample["name"].decode(): sample
            for sample in tfds.as_numpy(builder.as_dataset(split=split))
        }
        assert set(samples) == set(expected[split])
        for name, (image, label, depth) in expected[split].items():
            np.testing.assert_array_equal(samples[name]["image"], image)
            np.testing.assert_array_equal(samples[name]["label"][..., 0], label)
            np.testing.assert_allclose(samples[name]["depth"][..., 0], depth, rtol=1e-6)


def test_pixel_by_pixel(layout, tmp_path):
    name, folder, expected = layout
    options = OPTIONS.get(name, {})
    builder = RgbdFolder(folder, layout=name, data_dir=tmp_path / "data", **options)
    builder.download_and_prepare()
    assert set(builder.info.splits) == set(expected)
    assert_read(builder, expected, expected)


def test_a_check_finds_the_layout_and_the_command_that_trains(layout, tmp_path, monkeypatch):
    """From the folder alone to the samples that the recipe trains on."""
    name, folder, expected = layout
    report = check_folder(folder, **OPTIONS.get(name, {}))
    assert report.errors == [] and report.given.layout == name
    trained = run_recipe(training_command(report), tmp_path, monkeypatch)
    assert_read(trained["builder"], expected, trained["splits"])


def test_the_command_of_a_check_that_draws_splits_trains_on_them(tmp_path, monkeypatch):
    folder = tmp_path / "frames"
    folder.mkdir()
    LAYOUTS["tum"](folder)
    for path in folder.glob("*.txt"):
        if path.stem in ("train", "val", "test"):
            path.unlink()
    drawn = {"draw_splits": (0.5, 0.25, 0.25), "draw_by": "frame"}
    report = check_folder(folder, **OPTIONS.get("tum", {}), **drawn)
    assert "--draw-splits" in training_command(report)
    trained = run_recipe(training_command(report), tmp_path, monkeypatch)
    assert trained["splits"] == ("train", "val")
    assert set(trained["builder"].info.splits) == {"train", "val", "test"}


def test_a_list_of_more_images_than_are_labelled_is_checked_and_trained_on(tmp_path, monkeypatch):
    """`train` names the labelled images, and `more` those without a label as well."""
    folder = tmp_path / "frames"
    folder.mkdir()
    LAYOUTS["scenes"](folder)
    (folder / "more.txt").write_text("train_room\n")
    (folder / "train.txt").write_text("train_room/0010\n")
    (folder / "train_room" / "label" / "0366.png").unlink()
    report = check_folder(folder, **OPTIONS["scenes"])
    assert (
        "1 of 6 images have no label, and are not used (no list names them; name them in a longer "
        "list, such as more.txt, for --unlabelled more)." in (report.notes)
    )
    report = check_folder(folder, unlabelled="more", **OPTIONS["scenes"])
    assert report.errors == [] and "1 of the 2 images of more have no label." in report.notes
    assert "--train-split more" in training_command(report)
    trained = run_recipe(training_command(report), tmp_path, monkeypatch)
    assert trained["splits"] == ("more", "val")
    with pytest.raises(ValueError, match="--unlabelled as a split to train on, .* received 'val'"):
        check_folder(folder, unlabelled="val", **OPTIONS["scenes"])


def run_recipe(command, tmp_path, monkeypatch):
    """What the recipe would train on."""
    words, trained = shlex.split(command), {}
    assert words[:2] == shlex.split(f"{python_command()} {recipe_path('rgbd_folder.py')}")

    def train(run, builder, split, *, validation, devices):
        trained.update(builder=builder, splits=(split, validation))

    monkeypatch.setattr(keras_lwm.experiment, "train", train)
    monkeypatch.setattr(keras_lwm.experiment, "report", lambda run, builder, split: None)
    where = ["--out", str(tmp_path / "run"), "--data-dir", str(tmp_path / "data")]
    recipe().main([*words[2:], *where], standalone_mode=False)
    return trained


def recipe():
    spec = importlib.util.spec_from_file_location("rgbd_folder_recipe", RECIPE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.main


def test_the_command_line_knows_every_layout_and_option():
    import dataclasses

    from keras_lwm.rgbd_folder import FolderOptions

    assert set(TYPED_LAYOUTS) == set(NAMED_LAYOUTS)
    fields = {field.name for field in dataclasses.fields(FolderOptions)}
    assert set(FOLDER_OPTIONS) == fields - {"splits"} | {"layout"}


def test_how_many_images_are_paired_is_said(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    LAYOUTS["tum"](folder)
    assert "5 of 6 images have depth within 0.02 s." in RgbdFolder(folder, layout="tum").notes


def test_what_is_given_overrules_a_layout(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    LAYOUTS["tum"](folder)
    with pytest.raises(ValueError, match="no frame has a file at"):
        RgbdFolder(folder, layout="tum", pair_within=0.001)
    with pytest.raises(ValueError, match="Unknown layout 'kitti': expected one of tum, splits"):
        RgbdFolder(folder, layout="kitti")
