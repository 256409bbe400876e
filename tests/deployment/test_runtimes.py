"""Model files of every format, asked through `Predictor`, against plain NumPy."""

import sys

import numpy as np
import pytest
from deployment.linear_model import (
    DESCRIPTION,
    FILES,
    class_ids_of,
    probabilities_of,
    random_image,
    write_model,
)
from evaluation.oracle import resized

from keras_lwm import Predictor


@pytest.fixture(scope="module", params=FILES)
def free(request, tmp_path_factory):
    """A file of uint8 images of any size, with probabilities."""
    return write_model(tmp_path_factory.mktemp("free") / request.param)


@pytest.fixture(scope="module", params=FILES)
def fixed(request, tmp_path_factory):
    """A file of two float32 images of one size, which gives class ids alone."""
    path = tmp_path_factory.mktemp("fixed") / request.param
    return write_model(path, "float32", (2, 8, 11, 3), probabilities=False)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_free_file_equals_numpy_at_any_size(free, dtype):
    predictor = Predictor(free)
    for size in ((7, 9), (12, 5), (7, 9)):
        image = random_image(*size).astype(dtype)
        class_ids = predictor(image)
        assert class_ids.dtype == "uint8"
        np.testing.assert_array_equal(class_ids, class_ids_of(image))
        probabilities = predictor.probabilities(image)
        assert probabilities.dtype == "float32"
        np.testing.assert_allclose(probabilities, probabilities_of(image), atol=1e-5)


def test_a_file_tells_its_classes(free):
    predictor = Predictor(str(free))
    assert predictor.description == DESCRIPTION
    assert predictor.network is None
    assert predictor.gives_probabilities


def test_a_fixed_file_sees_images_resized_to_its_size(fixed):
    predictor = Predictor(fixed)
    same = random_image(8, 11)
    np.testing.assert_array_equal(predictor(same), class_ids_of(same))
    larger = random_image(16, 33)
    seen = class_ids_of(resized(larger.astype("float64"), (8, 11)))
    np.testing.assert_array_equal(predictor(larger), seen.repeat(2, axis=0).repeat(3, axis=1))
    assert predictor.description == DESCRIPTION


def test_class_ids_alone_are_told(fixed):
    predictor = Predictor(fixed)
    assert not predictor.gives_probabilities
    with pytest.raises(ValueError, match=r"gives class ids alone: export it once more, with prob"):
        predictor.probabilities(random_image(8, 11))


def test_probabilities_of_a_fixed_size_are_brought_back_bilinearly(tmp_path):
    predictor = Predictor(write_model(tmp_path / "model.onnx", "float32", (1, 8, 11, 3)))
    image = random_image(12, 15)
    seen = probabilities_of(resized(image.astype("float64"), (8, 11)))
    expected = resized(seen, (12, 15))
    np.testing.assert_allclose(predictor.probabilities(image), expected, atol=1e-5)


PACKAGES = {
    "model.onnx": ("onnxruntime", r"keras_lwm\[onnx\]"),
    "model.tflite": ("ai_edge_litert.interpreter", r"keras_lwm\[litert\]"),
    "model.xml": ("openvino", r"keras_lwm\[openvino\]"),
    "model": ("tensorflow", r"keras_lwm\[tensorflow\]"),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_told_with_its_extra(tmp_path, monkeypatch, name):
    path = tmp_path / name
    if name == "model":
        path.mkdir()
        (path / "saved_model.pb").touch()
    else:
        path.touch()
    package, told = PACKAGES[name]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=told) as error:
        Predictor(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_damaged_file_is_told(tmp_path, name):
    path = write_model(tmp_path / name)
    damaged = path / "saved_model.pb" if name == "model" else path
    content = damaged.read_bytes()
    for rest in (content[: len(content) // 3], b"", b"something else altogether"):
        damaged.write_bytes(rest)
        with pytest.raises(ValueError, match=f"{name} cannot be opened as an? "):
            Predictor(path)


def test_files_of_others_are_told(tmp_path):
    import onnx

    def write(inputs, metadata):
        values = [onnx.helper.make_tensor_value_info(name, 1, [1, 2]) for name in (*inputs, "sum")]
        node = onnx.helper.make_node("Sum", inputs, ["sum"])
        graph = onnx.helper.make_graph([node], "sum", values[:-1], values[-1:])
        model = onnx.helper.make_model(
            graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)]
        )
        onnx.helper.set_model_props(model, metadata)
        onnx.save(model, tmp_path / "other.onnx")
        return tmp_path / "other.onnx"

    with pytest.raises(ValueError, match="other.onnx carries no description of its classes"):
        Predictor(write(["x"], {}))
    with pytest.raises(
        ValueError, match=r"Expected a description of classes .*other.onnx; received"
    ):
        Predictor(write(["x"], {"keras_lwm": "{}"}))
    with pytest.raises(ValueError, match=r"has inputs \['x', 'y'\] and outputs \['sum'\]"):
        Predictor(write(["x", "y"], {"keras_lwm": DESCRIPTION.as_json()}))
