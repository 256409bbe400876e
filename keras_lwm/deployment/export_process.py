"""The process that exports: Keras on TensorFlow, whatever backend its parent runs.

    python -m keras_lwm.deployment.export_process FOLDER

FOLDER holds `request.json`, an `ExportRequest`; `result.json` is written beside it: `error` and the
sentence, or what is known of the file written.
"""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from keras_lwm.deployment.formats import (
    FORMATS,
    write_litert,
    write_onnx,
    write_openvino,
    write_saved_model,
)
from keras_lwm.deployment.inference_network import (
    image_size,
    inference_network,
    load_in_float32,
    trace,
)
from keras_lwm.description import Description
from keras_lwm.large_images.graph import footprint, has_global_context
from keras_lwm.networks.segmenter import before_resizing

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


def export_in_child(request: ExportRequest) -> dict:
    """Has a request fulfilled, by Keras on TensorFlow and without a GPU.

    Keras chooses its backend once a process, and TensorFlow beside another user of the GPU takes
    its memory: hence a process of its own.

    Returns:
        `inputs`, `outputs` and `parameters` of the file written.

    Raises:
        ValueError: the model cannot be exported; the sentence is the child's, and its traceback
            a note of the error.
        RuntimeError: the process died.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(dataclasses.asdict(request))
        Path(folder, REQUEST).write_text(text, encoding="utf-8")
        process = subprocess.run(
            [sys.executable, "-P", "-m", "keras_lwm.deployment.export_process", folder],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        result = Path(folder, RESULT)
        if not result.exists():
            error = RuntimeError(
                f"The process that exports {request.title} ended with exit code "
                f"{process.returncode} before it was done."
            )
            error.add_note(process.stderr[-4000:])
            raise error
        answer = json.loads(result.read_text(encoding="utf-8"))
    if "error" in answer:
        error = ValueError(answer["error"])
        error.add_note(process.stderr[-4000:])
        raise error
    return answer


def _environment():
    importable = [str(Path(entry or ".").resolve()) for entry in sys.path]
    return {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONPATH": os.pathsep.join(importable),
    }


_WRITERS = {
    "saved_model": write_saved_model,
    "onnx": write_onnx,
    "litert": write_litert,
    "openvino": write_openvino,
}


def export(request: ExportRequest) -> dict:
    """Writes one file; returns its inputs, outputs and number of parameters as plain values.

    Raises:
        ValueError: the model cannot be exported, or not so.
    """
    network = inference_network(_load(request))
    description = _description(request, network)
    size = image_size(network, request.size)
    # LiteRT's accelerators take graphs whose every shape is known.
    batch = 1 if request.format == "litert" and None not in size else None
    traced = trace(network, batch, size, request.input_type, request.probabilities)
    options = {} if request.quantisation is None else {"quantisation": request.quantisation}
    try:
        _WRITERS[request.format](traced, Path(request.path), description, **options)
    except Exception as error:
        # Some layers resize by operations that need to know every size.
        wanted = "" if None not in size else " of images of any size (a fixed one may do)"
        *_, last = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
        raise ValueError(
            f"{FORMATS[request.format].title} cannot take {request.title}{wanted}: "
            f"{type(error).__name__}: {last.strip()[:300]}"
        ) from error
    outputs = traced.concrete.structured_outputs
    return {
        "inputs": {"image": (request.input_type, traced.image_shape)},
        "outputs": {k: (v.dtype.name, v.shape.as_list()) for k, v in outputs.items()},
        "parameters": network.count_params(),
    }


def _load(request):
    for module in request.modules:
        try:
            importlib.import_module(module)
        except ImportError:
            continue  # Perhaps this model has no layer from there; if it has, Keras says which.
    return load_in_float32(request.source, request.title)


def _description(request, network):
    num_classes = network.output.shape[-1]
    if request.description is None:
        description = Description.unnamed(num_classes)
    else:
        description = Description.from_json(request.description, request.title)
    if len(description.class_names) != num_classes:
        raise ValueError(
            f"Expected a description of the {num_classes} classes of {request.title}; received "
            f"one of {len(description.class_names)}."
        )
    network = before_resizing(network)
    needs = dataclasses.replace(footprint(network), global_context=has_global_context(network))
    return dataclasses.replace(description, footprint=dataclasses.asdict(needs)).as_json()


def main(folder: str) -> None:
    """Answers the request in a folder."""
    folder = Path(folder)
    request = ExportRequest(**json.loads((folder / REQUEST).read_text(encoding="utf-8")))
    try:
        result = export(request)
    except (ValueError, ImportError) as error:
        traceback.print_exc()
        result = {"error": str(error)}
    (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
