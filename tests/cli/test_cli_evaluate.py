"""`keras-lwm evaluate`: one set of scores, whatever file the model is in."""

import json

import keras
import pytest
from click.testing import CliRunner
from evaluation import oracle
from rgbd_frames import CLASSES, write_random_folder
from tiny_encoder import tiny_encoder

import keras_lwm
from keras_lwm.description import Description
from keras_lwm.networks import RefineNet
from keras_lwm.run_folder.models import save_model
from keras_lwm_cli import main

COLOURS = [(index, 0, 0) for index in range(len(CLASSES))]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    description = Description(CLASSES, COLOURS)
    save_model(oracle.network(depth=True), folder / "best.keras", {}, description)
    return folder


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """Function of a model and options: the command's answer on a folder of frames."""
    frames = tmp_path_factory.mktemp("frames")
    write_random_folder(frames, number=1, size=(20, 26), val=3)
    data = ["--depth-unit", 0.001, "--data-dir", tmp_path_factory.mktemp("tfds")]

    def answer(model, *options):
        arguments = ["evaluate", model, frames, *data, "--split", "val", *options]
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return answer


@pytest.fixture(scope="module")
def scores(evaluate, run, tmp_path_factory):
    """The run's own scores, from its report."""
    out = tmp_path_factory.mktemp("scores")
    answer = evaluate(run, "--boundary", 2, "--depth-ranges", "--out", out)
    assert answer.exit_code == 0, answer.output
    for name in ("scores.json", "scores.md", "classes.csv", "confusion_matrix.csv"):
        assert f"wrote {out / name}\n" in answer.stdout
        assert (out / name).exists()
    assert "\nmIoU " in answer.stdout
    return json.loads((out / "scores.json").read_text())


def test_a_report_says_what_was_scored(scores, run):
    evaluated = scores["evaluated"]
    assert evaluated.pop("dataset").startswith("rgbd_folder/")
    assert evaluated == {"model": str(run), "split": "val", "view": "single-scale"}
    assert scores["frames"] == 3
    assert [row["name"] for row in scores["classes"]] == list(CLASSES)
    assert scores["depth"]["pixels"] > 0
    assert list(scores["subsets"]) == [
        "within 2 px of a boundary",
        "0 to 2 m",
        "2 to 4 m",
        "4 to 6 m",
        "from 6 m",
    ]


def test_an_exported_file_scores_as_the_run_that_it_was_made_of(evaluate, run, scores, tmp_path):
    keras_lwm.export_segmenter(run, tmp_path / "model.onnx", "onnx", input_type="float32")
    answer = evaluate(tmp_path / "model.onnx", "--out", tmp_path / "scores")
    assert answer.exit_code == 0, answer.output
    exported = json.loads((tmp_path / "scores" / "scores.json").read_text())
    for name in ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou"):
        assert exported[name] == pytest.approx(scores[name], abs=2e-3)  # ties
    assert exported["pixels"] == scores["pixels"]
    refused = evaluate(tmp_path / "model.onnx", "--view", "multi-scale")
    assert refused.exit_code == 1
    assert "Error: Expected a Keras model for the view MultiScale" in refused.stderr


@pytest.mark.parametrize(
    "view", [["--view", "multi-scale"], ["--view", "sliding-window", "--window", 12, 12]]
)
def test_a_run_is_looked_at_in_other_views(evaluate, run, view):
    answer = evaluate(run, *view)
    assert answer.exit_code == 0, answer.output
    assert "mIoU" in answer.stdout


def test_a_model_of_other_classes_is_refused(evaluate, tmp_path):
    others = Description(("wall", "floor", "bed", "lamp"), COLOURS)
    save_model(oracle.network(), tmp_path / "last.keras", {}, others)
    answer = evaluate(tmp_path)
    assert answer.exit_code == 1
    assert "class 2 is 'bed' in the model and 'chair' in the data set" in answer.stderr


def test_what_cannot_be_used_is_refused(evaluate, run, tmp_path):
    answer = evaluate(tmp_path / "none.onnx")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: Expected a model (a run folder, ")
    answer = evaluate(run, "--split", "test")
    assert answer.exit_code == 1
    assert "has no split 'test': expected one of ['train', 'val']" in answer.stderr
    for arguments in (["--view", "sliding-window"], ["--window", 9, 9]):
        answer = evaluate(run, *arguments)
        assert answer.exit_code == 2
        assert "--view sliding-window needs --window" in answer.stderr


@pytest.mark.parametrize("names", [CLASSES, tuple(reversed(CLASSES))])
def test_a_network_that_sees_depth_is_scored_by_its_run(evaluate, tmp_path, names):
    keras.utils.set_random_seed(0)
    network = RefineNet(tiny_encoder(), len(CLASSES), "light", channels=4, depth_input=True)
    model = keras_lwm.DepthPrivilegedModel(network, weighting="uniform")
    description = Description(names, COLOURS)
    save_model(model, tmp_path / "best.keras", {}, description)
    answer = evaluate(tmp_path, "--out", tmp_path / "scores")
    if names != CLASSES:
        assert answer.exit_code == 1 and "Expected a network of the data set's classes" in (
            answer.stderr
        )
        return
    assert answer.exit_code == 0, answer.output
    scored = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert scored["frames"] == 3 and 0 < scored["pixel_accuracy"] < 1
    refused = evaluate(tmp_path, "--view", "multi-scale")
    assert "SingleScale for a network that sees depth" in refused.stderr
