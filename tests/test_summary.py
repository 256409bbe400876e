"""The end of a recipe: true scores, places that are there, commands that exist."""

import shlex

import numpy as np
import pytest

from keras_lwm.experiment.summary import summary
from keras_lwm.metrics.scores import segmentation_scores
from keras_lwm.run_folder import RunFolder
from keras_lwm.typed_commands import keras_lwm_command
from keras_lwm_cli import main

NAMES = ["wall", "floor"]


def scores(correct):
    matrix = np.array([[correct, 100 - correct], [0, 100]])
    return {**segmentation_scores(matrix, NAMES), "frames": 3}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder("my run", {"epochs": 8})
    run.scores_path.mkdir(parents=True)
    for path in (run.best_model_path, run.page_path):
        path.touch()
    run.seconds = 252.4
    return run


def test_it_says_scores_times_and_places(run):
    views = {"single_scale": scores(50), "multi_scale": scores(80)}
    text = summary(run, run.best_model_path, "test", views)
    # IoU 50/100 and 100/150; accuracy 50 and 100; 150 of 200 pixels.
    assert "single scale   58.33   75.00     75.00" in text
    assert "multi scale" in text and "floor  66.67" in text
    assert "Trained: 8 epochs in 0:04:12\n" in text and "Best" not in text
    assert "test, frames: 3, model: best.keras" in text
    listed = text.partition("Trained")[2].splitlines()[2:5]
    assert [line.partition("  ")[0] for line in listed] == [
        str(path) for path in (run.page_path, run.best_model_path, run.scores_path)
    ]
    assert "tensorboard" not in text


def test_of_a_resumed_run_the_time_is_said_to_be_of_the_rest(run):
    run._progress = {"epochs": 3, "steps": 0}
    text = summary(run, run.best_model_path, "test", {"single_scale": scores(50)})
    assert "Trained: 5 of 8 epochs in 0:04:12\n" in text


def test_its_commands_exist(run):
    text = summary(run, run.best_model_path, "test", {"single_scale": scores(50)})
    start = f"  {keras_lwm_command()} "
    commands = [line for line in text.splitlines() if line.startswith(start)]
    for command in commands:
        name, *words = shlex.split(command.removeprefix(start))
        context = main.get_command(None, name).make_context(name, words)
        assert "my run" in (context.params.get("model"), context.params.get("run")) or (
            context.params["runs"][0] == "my run"
        )
    assert len(commands) == 3


def test_what_comes_next_of_a_network_that_sees_depth_is_to_teach(run):
    run.options["depth_input"] = True
    text = summary(run, run.best_model_path, "test", {"single_scale": scores(50)})
    assert "--teacher 'my run'" in text and " export " not in text and " predict " not in text
