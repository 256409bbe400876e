"""What an exported file may be: one file here writes one format."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Format:
    """A format to export to.

    Attributes:
        title: its name in sentences.
        suffix: what its path ends in; "" for a folder.
        packages: what writing it needs beside TensorFlow.
        extra: the extra of keras_lwm that brings them, and what runs the file.
    """

    title: str
    suffix: str
    packages: tuple[str, ...]
    extra: str | None


FORMATS = {
    "saved_model": Format("SavedModel", "", (), None),
    "onnx": Format("ONNX", ".onnx", ("onnx", "tf2onnx"), "onnx"),
    "litert": Format("LiteRT", ".tflite", (), "litert"),
    "openvino": Format("OpenVINO", ".xml", ("openvino",), "openvino"),
}
"""By the name that `export_segmenter` takes."""

DESCRIPTION_KEY = "keras_lwm"
"""Under this key ONNX, LiteRT and OpenVINO files hold `Description.as_json()` in their metadata."""

DESCRIPTION_ASSET = "keras_lwm.json"
"""The file of that content in a SavedModel's folder `assets`."""
