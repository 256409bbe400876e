"""The benchmarks' recipes: the official files in, the published setting or the modern one."""

import importlib
from pathlib import Path

import pytest
from cityscapes_frames import write_cityscapes
from click.testing import CliRunner
from nyu_files import draw_frame, write_nyu
from sun_files import draw_frames, write_sun

from keras_lwm import experiment
from keras_lwm.run_folder import RunFolder

RECIPES = Path(__file__).parents[1] / "recipes"
# recipe: what writes its official files, data set, numbers of frames, split that is scored, crop
BENCHMARKS = {
    "nyu_depth_v2": (
        lambda folder: write_nyu(folder, [draw_frame(number) for number in (1, 2, 3, 4)]),
        "nyu_depth_v2_labeled/40_inpainted/",
        {"train": 2, "test": 2},
        "test",
        [400, 400],
    ),
    "sun_rgbd": (
        lambda folder: write_sun(folder, draw_frames()),
        "sun_rgbd/depth_bfx/",
        {"train": 2, "test": 3},
        "test",
        [400, 400],
    ),
    "cityscapes": (
        write_cityscapes,
        "cityscapes_depth/",
        {"train": 3, "val": 1},
        "val",
        [600, 600],
    ),
}
pytestmark = pytest.mark.filterwarnings("ignore:.*the official one")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a recipe up to its training; returns what it would have trained and scored."""
    monkeypatch.syspath_prepend(RECIPES)
    calls = {}
    monkeypatch.setattr(experiment, "train", lambda *args, devices: calls.update(train=args))
    monkeypatch.setattr(experiment, "report", lambda *args: calls.update(report=args))

    def run_recipe(name, *options):
        manual = tmp_path / "manual"
        manual.mkdir()
        BENCHMARKS[name][0](manual)
        command = importlib.import_module(name).main
        folders = {
            "--manual-dir": manual,
            "--data-dir": tmp_path / "data",
            "--out": tmp_path / "run",
        }
        words = [str(word) for option in folders.items() for word in option]
        done = CliRunner().invoke(command, [*words, *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return calls

    return run_recipe


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_it_trains_on_all_official_training_frames_as_published(run, name):
    _, full_name, numbers, scored, crop = BENCHMARKS[name]
    calls = run(name)
    folder, builder, *splits = calls["train"]
    assert builder.info.full_name.startswith(full_name)
    assert {split: info.num_examples for split, info in builder.info.splits.items()} == numbers
    assert splits == ["train"]
    assert calls["report"][1:3] == (builder, scored)
    options = folder.options
    published = {"optimizer": "sgd", "l2": 5e-4, "encoder_rate": 0.1, "weight_decay": 0.0}
    published |= {"backbone": "resnet152", "variant": "full", "crop": crop, "scale": [0.7, 1.3]}
    assert {key: options[key] for key in published} == published


def test_the_modern_setting_is_chosen_by_name_and_overruled_by_options(run):
    options = run("cityscapes", "--setting", "modern", "--batch-size", "3")["train"][0].options
    assert (options["optimizer"], options["l2"], options["batch_size"]) == ("adamw", 0.0, 3)
    assert options["warm_up"] > 0


def test_a_model_without_validation_is_scored_at_its_last_epoch(monkeypatch, tmp_path):
    run = RunFolder(tmp_path / "run", {})
    run.path.mkdir()
    run.last_model_path.touch()
    loaded = []

    class Stop(Exception):
        pass

    def load(path):
        loaded.append(path)
        raise Stop

    monkeypatch.setattr("keras.saving.load_model", load)
    with pytest.raises(Stop):
        experiment.report(run, None, "test")
    assert loaded == [run.last_model_path]
