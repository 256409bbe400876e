import numpy as np
import pytest
from click.testing import CliRunner
from deployment.small_refinenet import NUM_CLASSES, trained_model
from PIL import Image

from keras_lwm import Predictor
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model
from keras_lwm_cli import main

DESCRIPTION = Description.unnamed(NUM_CLASSES)


@pytest.fixture
def run(tmp_path):
    """A run folder with a model."""
    folder = tmp_path / "run"
    folder.mkdir()
    save_model(trained_model(), folder / "last.keras", {"epochs": 1}, DESCRIPTION)
    return folder


def keras_lwm(*arguments):
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_a_run_is_exported_quantised_and_compared(run, tmp_path):
    out, image = tmp_path / "model.tflite", tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)).save(image)
    options = ("--size", 32, 48, "--probabilities", "--quantisation", "float16")
    result = keras_lwm(run, "--format", "litert", "--out", out, *options, "--check-on", image)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith(f"wrote {out}: 0.")
    assert "input image: uint8 (1, 32, 48, 3)" in lines
    assert "output class_ids: int32 (1, 32, 48)" in lines
    assert f"output probabilities: float32 (1, 32, 48, {NUM_CLASSES})" in lines
    same, difference = (line.split(":")[1].split()[0] for line in lines[-2:])
    assert 95 < float(same) <= 100
    assert 0 < float(difference) < 0.1
    assert Predictor(out).description == DESCRIPTION


def test_an_earlier_export_is_kept_and_the_command_fails(run, tmp_path):
    out = tmp_path / "model.onnx"
    out.write_bytes(b"earlier")
    result = keras_lwm(run, "--format", "onnx", "--out", out)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {out} exists and is kept")
    assert out.read_bytes() == b"earlier"


def test_a_run_without_a_model_gets_a_sentence(tmp_path):
    result = keras_lwm(tmp_path, "--format", "saved_model", "--out", tmp_path / "model")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: Expected a run folder with best.keras or last.keras; found neither in {tmp_path}."
        "\n"
    )
