"""Exported files are the same network, run alone, and have nothing of depth left in them."""

import json

import keras
import numpy as np
import onnx
import pytest
from deployment.export_children import export_requests, in_child, request
from deployment.small_refinenet import NUM_CLASSES, small_refinenet, trained_model

from keras_lwm.description import Description
from keras_lwm.networks import segmenter

SIZES = ((64, 96), (48, 32), (37, 53))
FORMATS = {
    "saved_model": "saved_model",
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "openvino": "model.xml",
}
DESCRIPTION = Description(
    [f"Möbel {index}" for index in range(NUM_CLASSES)],
    [(index, 0, 255) for index in range(NUM_CLASSES)],
    {"weighting": "lwm", "epochs": 3},
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of every format of one trained model, its own answers, and what the files gave.

    Each process takes seconds to import TensorFlow: so one exports everything, and one runs it.
    """
    folder = tmp_path_factory.mktemp("files")
    model = trained_model()
    model.save(folder / "trained.keras")
    small_refinenet(with_depth=False).save(folder / "bare.keras")
    probabilities = segmenter(model, "probabilities")
    random = np.random.default_rng(1)
    for number, size in enumerate(SIZES):
        images = random.integers(0, 256, (1 + number % 2, *size, 3), dtype=np.uint8)
        np.save(folder / f"images_{number}.npy", images)
        np.save(folder / f"answer_{number}.npy", probabilities.predict(images, verbose=0))
    described = {"description": DESCRIPTION.as_json()}
    requests = [
        request(
            source=str(folder / "trained.keras"), format=name, path=str(folder / file), **described
        )
        for name, file in FORMATS.items()
    ]
    bare = {"source": str(folder / "bare.keras"), "path": str(folder / "bare")}
    requests.append(request(format="saved_model", **bare, **described))
    export_requests(requests, folder)
    return folder


@pytest.fixture(scope="module")
def saved_models(files):
    return in_child("run_saved_models", files)


@pytest.fixture(scope="module")
def other_files(files):
    return in_child("run_files", files)


@pytest.mark.parametrize("name", FORMATS)
def test_probabilities_and_classes_are_the_model_s(files, saved_models, other_files, name):
    for number, size in enumerate(SIZES):
        expected = np.load(files / f"answer_{number}.npy")
        outputs = np.load(files / f"{name}_images_{number}.npz")
        assert set(outputs) == {"class_ids", "probabilities"}
        assert outputs["probabilities"].dtype == np.float32
        assert outputs["class_ids"].dtype == np.int32
        assert outputs["class_ids"].shape == (len(expected), *size)
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-4)
        assert np.mean(outputs["class_ids"] == expected.argmax(axis=-1)) >= 0.999
    assert len(np.unique(expected.argmax(axis=-1))) > 2
    assert 0.4 < expected.max(axis=-1).mean() < 0.9, "an answer that is easy to agree with"


def test_tensorflow_alone_finds_the_serving_signatures(saved_models):
    assert saved_models["signatures"] == {
        "serving_default": ["image"],
        "serving_part": ["image", "window"],
        "serving_bytes": ["encoded"],
    }
    assert saved_models["kinds_agree"], "grey, RGB and RGBA files of one picture differ"


def test_no_variable_and_no_operation_belongs_to_depth(saved_models):
    graph = saved_models["graphs"]["saved_model"]
    assert graph["inputs"] == ["image"]
    for name in graph["names"]:
        for word in ("depth_", "side_", "lwm", "loss", "weighting", "privileged"):
            # "depthwise" is a kind of convolution.
            assert word not in name.lower(), name


def test_variables_and_operations_are_those_of_a_network_built_without_depth(files, saved_models):
    graph, bare = (saved_models["graphs"][name] for name in ("saved_model", "bare"))
    for what in ("variables", "parameters", "operations"):
        assert graph[what] == bare[what]
    network = segmenter(small_refinenet(with_depth=False))
    assert graph["parameters"] == network.count_params()
    assert graph["variables"] == len(network.weights)
    assert graph["parameters"] < keras.saving.load_model(files / "trained.keras").count_params()


def test_every_file_holds_its_description(files, saved_models, other_files):
    asset = (files / "saved_model" / "assets" / "keras_lwm.json").read_text(encoding="utf-8")
    texts = {
        **other_files,
        "saved_model": asset,
        "litert": _litert_metadata(files / "model.tflite"),
    }
    assert set(texts) == set(FORMATS)
    for name, text in texts.items():
        assert Description.from_json(text, name) == DESCRIPTION
        assert json.loads(text)["void"] == 255


def test_an_onnx_file_names_its_free_dimensions(files):
    graph = onnx.load(files / "model.onnx").graph
    shape = graph.input[0].type.tensor_type.shape
    names = [dimension.dim_param or dimension.dim_value for dimension in shape.dim]
    assert names == ["batch", "height", "width", 3]


def test_a_litert_file_keeps_tensors_aligned(files):
    """As the format's schema asks of all data in `buffers`: 16 bytes."""
    from ai_edge_litert import schema_py_generated as schema

    content = (files / "model.tflite").read_bytes()
    model = schema.Model.GetRootAs(content)
    assert model.BuffersLength() > 10
    for index in range(model.BuffersLength()):
        data = model.Buffers(index).DataAsNumpy()
        if isinstance(data, np.ndarray) and len(data) > 1:
            whole = np.frombuffer(content, np.uint8)
            assert (data.ctypes.data - whole.ctypes.data) % 16 == 0


def _litert_metadata(path):
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    (entry,) = [entry for entry in entries if entry.Name() == b"keras_lwm"]
    return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode("utf-8")
