"""What `export_segmenter` takes and refuses, and what it leaves at the path in each case."""

import importlib.util
import subprocess

import keras
import numpy as np
import pytest
from deployment.small_refinenet import NUM_CLASSES, small_refinenet

from keras_lwm import Predictor, export_segmenter
from keras_lwm.deployment import export_process
from keras_lwm.deployment.export_process import ExportRequest
from keras_lwm.description import Description
from keras_lwm.networks import segmenter

SIZE = (37, 53)


@pytest.fixture(scope="module")
def network():
    return small_refinenet()


def test_a_model_in_memory_is_exported_at_a_fixed_size_over_an_earlier_file(network, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"earlier")
    description = Description.unnamed(NUM_CLASSES)
    options = {"size": SIZE, "input_type": "float32", "probabilities": True}
    with pytest.raises(ValueError, match=r"model.onnx exists and is kept"):
        export_segmenter(network, path, "onnx", **options)
    assert path.read_bytes() == b"earlier"
    exported = export_segmenter(
        network, path, "onnx", **options, description=description, overwrite=True
    )
    assert exported.inputs == {"image": ("float32", (None, *SIZE, 3))}
    assert exported.outputs == {
        "class_ids": ("int32", (None, *SIZE)),
        "probabilities": ("float32", (None, *SIZE, NUM_CLASSES)),
    }
    assert exported.num_bytes == path.stat().st_size
    assert exported.parameters == segmenter(network).count_params()
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]

    image = np.random.default_rng(0).uniform(0, 255, (*SIZE, 3)).astype("float32")
    expected = segmenter(network, "probabilities").predict(image[None], verbose=0)[0]
    predictor = Predictor(path)
    np.testing.assert_allclose(predictor.probabilities(image), expected, atol=1e-4)
    assert predictor.description == description


def test_the_child_s_sentence_is_the_caller_s_and_the_earlier_file_stays(network, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"earlier")
    with pytest.raises(ValueError, match="^Expected a description of the 5 classes of model .*; "):
        export_segmenter(
            network, path, "litert", description=Description.unnamed(3), overwrite=True
        )
    assert path.read_bytes() == b"earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["model.tflite"]


def test_a_process_that_dies_is_told_of(monkeypatch):
    died = subprocess.CompletedProcess([], -9, "", "the last words")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: died)
    request = ExportRequest("m.keras", "m.keras", "m", "onnx", None, "uint8", False, None, None)
    with pytest.raises(RuntimeError, match="exports m.keras ended with exit code -9") as caught:
        export_process.export_in_child(request)
    assert caught.value.__notes__ == ["the last words"]


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("model", {"format": "coreml"}, "one of saved_model, onnx, litert, openvino; received 'co"),
        ("model", {"format": "onnx"}, "a path ending in .onnx; received .*model"),
        ("model.onnx", {}, "the path of a folder; received .*model.onnx"),
        ("none/model", {}, "a path in an existing folder; received .*none/model"),
        ("model", {"input_type": "int8"}, "one of uint8, float32; received 'int8'"),
        ("model", {"size": (480, 0)}, r"two positive integers, or None; received \(480, 0\)"),
        ("model", {"size": 480}, "two positive integers, or None; received 480"),
        ("model", {"quantisation": "float16"}, "received 'float16' for saved_model"),
        (
            "model.tflite",
            {"format": "litert", "quantisation": "int4"},
            "one of float16, dynamic_int8; received 'int4' for litert",
        ),
    ],
)
def test_options_out_of_range_get_a_sentence(network, tmp_path, name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        export_segmenter(network, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_trained_model_gets_a_sentence(tmp_path):
    run, out = tmp_path / "run", tmp_path / "model"
    run.mkdir()
    with pytest.raises(ValueError, match=r"best.keras or last.keras; found neither in .*run"):
        export_segmenter(run, out)
    with pytest.raises(ValueError, match=r"found nothing at .*gone.keras"):
        export_segmenter(tmp_path / "gone.keras", out)
    (run / "best.keras").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"Expected a .keras file; received .*best.keras"):
        export_segmenter(run, out)
    with pytest.raises(ValueError, match="Expected a functional keras.Model"):
        export_segmenter(keras.Model(), out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("format", "name", "absent", "sentence"),
    [
        ("saved_model", "m", "tensorflow", r"needs tensorflow, .*keras_lwm\[tensorflow\]"),
        ("onnx", "m.onnx", "tf2onnx", r"ONNX needs tf2onnx, not .*keras_lwm\[onnx\]"),
        ("openvino", "m.xml", "openvino", r"needs openvino, not .*keras_lwm\[openvino\]"),
    ],
)
def test_a_missing_package_gets_a_sentence(
    network, tmp_path, monkeypatch, format, name, absent, sentence
):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda asked: None if asked == absent else find_spec(asked)
    )
    with pytest.raises(ImportError, match=sentence):
        export_segmenter(network, tmp_path / name, format)
