"""The process that exports: Keras on TensorFlow, whatever backend its parent runs.

    python -m keras_lwm.deployment.export_process FOLDER

FOLDER holds `request.json`, an `ExportRequest`; `result.json` is written beside it: `error` and the
sentence, or what is known of the file written.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

from keras_lwm.deployment.exported import REQUEST, RESULT, ExportRequest
from keras_lwm.deployment.float32 import load_in_float32
from keras_lwm.deployment.formats import FORMATS
from keras_lwm.deployment.formats.litert_file import write_litert
from keras_lwm.deployment.formats.onnx_file import write_onnx
from keras_lwm.deployment.formats.openvino_file import write_openvino
from keras_lwm.deployment.formats.saved_model import write_saved_model
from keras_lwm.deployment.graph import image_size, trace
from keras_lwm.deployment.inference_network import inference_network
from keras_lwm.description import Description

_WRITERS = {
    "saved_model": write_saved_model,
    "onnx": write_onnx,
    "litert": write_litert,
    "openvino": write_openvino,
}


def export(request):
    """Writes one file; returns its inputs, outputs and number of parameters as plain values.

    Raises:
        ValueError: the model cannot be exported, or not so.
    """
    network = inference_network(_load(request))
    num_classes = network.output.shape[-1]
    description = _description(request, num_classes)
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


def _description(request, num_classes):
    if request.description is None:
        return Description.unnamed(num_classes).as_json()
    described = len(Description.from_json(request.description, request.title).class_names)
    if described != num_classes:
        raise ValueError(
            f"Expected a description of the {num_classes} classes of {request.title}; received "
            f"one of {described}."
        )
    return request.description


def main(folder):
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
