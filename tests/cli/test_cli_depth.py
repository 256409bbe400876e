"""`keras-lwm depth`: what it makes, what it says, and how it ends."""

import json
import re

import numpy as np
import pytest
from bright_models import normalised, write_onnx
from click.testing import CliRunner
from PIL import Image
from rgbd_frames import random_frame, write_frame, write_lists

from keras_lwm.made_depth.onnx_file import IMAGENET_DEVIATION, IMAGENET_MEAN
from keras_lwm_cli import main


@pytest.fixture
def folder(tmp_path):
    """Two measured frames, whose depth is twice what the model says, and two without depth."""
    path = tmp_path / "my frames"
    path.mkdir()
    for seed, name in enumerate("abcd"):
        image, label, _ = random_frame(seed, (12, 16))
        depth = np.rint(2000 * seen(image)).astype(np.uint16)
        write_frame(path, name, image, label, depth if name in "ab" else None)
    write_lists(path, train=list("abc"), val=["d"])
    return path


@pytest.fixture
def model(tmp_path):
    return write_onnx(tmp_path / "bright.onnx")


def seen(image):
    return normalised(image, IMAGENET_MEAN, IMAGENET_DEVIATION).mean(axis=-1) + 3


def depth(*arguments):
    return CliRunner().invoke(main, ["depth", *map(str, arguments)])


def test_it_makes_what_is_missing_once(folder, model):
    options = ("--model", model, "--output", "depth", "--depth-unit", "0.001")
    answer = depth(folder, *options)
    assert answer.exit_code == 0, answer.output
    made = folder / "made_depth"
    assert answer.stdout.splitlines() == [
        f"2 frames without depth, 2 of them made now, in {made}",
        "Depth is made by bright.onnx, in metres; over 2 measured frames it is off by 0.0 % at the "
        "median",
        "To read it, add: --made-depth 'made_depth/{name}'",
    ]
    for name in "cd":
        with (
            Image.open(made / f"{name}.png") as picture,
            Image.open(folder / "rgb" / f"{name}.png") as image,
        ):
            np.testing.assert_allclose(np.asarray(picture), 2000 * seen(image), atol=1.5)
    record = json.loads((made / "made.json").read_text())
    assert record["model"]["mean"] == list(IMAGENET_MEAN)
    assert record["alignment"]["scale"] == pytest.approx(2, rel=1e-3)
    again = depth(folder, *options)
    assert "2 frames without depth, 0 of them made now" in again.stdout


def test_without_measured_frames_it_says_how_to_train_on_relative_depth(folder, model):
    for path in (folder / "depth").iterdir():
        path.unlink()
    options = ("--output", "inverse-depth", "--splits", "train", "--size", "6", "8")
    answer = depth(folder, "--model", model, *options)
    assert answer.exit_code == 0, answer.output
    assert "3 frames without depth, 3 of them made" in answer.stdout
    assert "Depth is made by bright.onnx, relative\n" in answer.stdout
    assert answer.stdout.endswith(
        "--made-depth 'made_depth/{name}' --initial-depth 1 --depth-range 0.25 4 --scale 1 1\n"
    )


def test_what_is_wrong_ends_in_one_sentence(folder, model, tmp_path):
    onnx = ("--model", model, "--output", "depth")
    assert depth(folder, *onnx, "--depth-unit", "0.001").exit_code == 0
    for arguments, sentence in (
        ((folder, "--model", model), "Expected output to say what .* gives"),
        ((folder, "--model", tmp_path), "Expected a depth model"),
        ((folder, "--model", tmp_path / "a.keras", "--mean", 0, 0, 0), "Expected mean with an"),
        ((tmp_path / "none", *onnx), "Expected a folder of RGB-D frames"),
        ((folder, *onnx, "--size", 6, 8), r"made with size=None; received size=\[6, 8\]"),
    ):
        answer = depth(*arguments)
        assert answer.exit_code == 1
        assert re.search(sentence, answer.stderr) and answer.stderr.startswith("Error: ")
        assert answer.stderr.count("\n") == 1
    answer = depth(folder, *onnx, "--made-depth", "made_depth/{name}")
    assert answer.exit_code == 2 and "leave it out" in answer.stderr
