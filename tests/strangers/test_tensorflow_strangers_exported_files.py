"""Exported files whose weights lie elsewhere on the machine are refused in a sentence."""

import json
import re

import numpy as np
import onnx
import onnxruntime
import pytest
from deployment.linear_model import DESCRIPTION, NAMES, write_model
from onnx import TensorProto, helper

from keras_lwm import Predictor
from keras_lwm.deployment.formats import DESCRIPTION_KEY, onnx_with_window


def refuses(read, path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def write_onnx(path, location, description=None):
    """A segmenter by 4 weights a channel, which lie in another file."""
    weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[3, 4])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("length", "48")):
        weights.external_data.add(key=key, value=value)
    free = ["b", "h", "w"]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["image", "weights"], ["logits"]),
            helper.make_node("ArgMax", ["logits"], ["best"], axis=3, keepdims=0),
            helper.make_node("Cast", ["best"], ["class_ids"], to=TensorProto.INT32),
        ],
        "segmenter",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [*free, 3])],
        [helper.make_tensor_value_info("class_ids", TensorProto.INT32, free)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    text = DESCRIPTION.as_json() if description is None else description
    helper.set_model_props(model, {DESCRIPTION_KEY: text})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def folder(tmp_path):
    """The folder of an ONNX file, beside which lies what is none of its business."""
    folder = tmp_path / "model"
    folder.mkdir()
    weights = np.eye(3, 4, dtype="f4").tobytes()
    (tmp_path / "secret.bin").write_bytes(weights)
    (folder / "own.bin").write_bytes(weights)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    return folder


@pytest.mark.parametrize("location", ["../secret.bin", "link.bin", "{}/secret.bin", "x/../../s"])
def test_an_onnx_file_does_not_read_other_files(location, folder, tmp_path):
    path = write_onnx(folder / "model.onnx", location.format(tmp_path))
    refuses(Predictor, path, "cannot be opened as an ONNX file")
    # What tiles of large images are predicted by.
    with pytest.raises(onnx.checker.ValidationError):
        onnx_with_window(path)


def test_the_attack_is_one_but_for_its_place(folder):
    path = write_onnx(folder / "model.onnx", "own.bin")
    onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_an_openvino_file_with_weights_beyond_its_end(tmp_path):
    path = write_model(tmp_path / "model.xml")
    text = path.read_text()
    offset = re.search(r'offset="\d+" size="48"', text)
    path.write_text(text.replace(offset[0], 'offset="1099511627776" size="48"'))
    refuses(Predictor, path, "cannot be opened as an OpenVINO file")


FOOTPRINT = {"activations": 1.0, "logits": 1.0, "classes": 4, "stride": 4}


@pytest.mark.parametrize(
    "changes",
    [
        {"footprint": {**FOOTPRINT, "activations": -1.0}},
        {"footprint": {**FOOTPRINT, "stride": "4"}},
        {"footprint": {**FOOTPRINT, "more": 1}},
        {"footprint": {"stride": 4}},
        {"options": []},
    ],
)
def test_a_description_of_other_things(changes, folder):
    values = {"class_names": NAMES, "palette": DESCRIPTION.palette, "options": {}, **changes}
    path = write_onnx(folder / "model.onnx", "own.bin", json.dumps(values))
    refuses(Predictor, path, "^Expected a (description|footprint)")
