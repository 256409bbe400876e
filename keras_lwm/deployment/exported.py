"""What is asked of an export, and what is said of the file that came of it."""

import dataclasses
from pathlib import Path

REQUEST = "request.json"
RESULT = "result.json"
"""Files by which the exporting process is asked, and answers."""


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """What the exporting process is asked to do, in plain values.

    Attributes:
        source: the `.keras` file.
        title: what sentences call the model.
        path: what to write.
        format: a name of `FORMATS`.
        size: (height, width), or None for any.
        input_type: "uint8" or "float32".
        probabilities: whether these are an output too.
        quantisation: None, "float16" or "dynamic_int8".
        description: `Description.as_json()`, or None where nothing is known.
        modules: what to import first, because layers are defined there.
    """

    source: str
    title: str
    path: str
    format: str
    size: tuple[int, int] | None
    input_type: str
    probabilities: bool
    quantisation: str | None
    description: str | None
    modules: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A file that a segmenter was exported to.

    Attributes:
        path: the file, or the folder of a SavedModel.
        format: "saved_model", "onnx", "litert" or "openvino".
        num_bytes: on disk, all files together.
        inputs, outputs: by name, (dtype, shape); None in a shape stands for any length.
        parameters: number of weights, before any quantisation.
    """

    path: Path
    format: str
    num_bytes: int
    inputs: dict
    outputs: dict
    parameters: int
