"""Model files of every format, each run by its own package, behind one small interface.

A runtime is made from a path and has:

- `description`: the `Description` inside the file.
- `dtype`: "uint8" or "float32", which the file takes images in.
- `batch`, `size`: how many images, and of which (height, width), it takes at once; None where any
  will do.
- `outputs`: what the file gives, of "class_ids" and "probabilities".
- `kind`: what runs it: a Keras backend or a format of `FORMATS`.
- `runtime(images, output)`: that output for images (B, H, W, 3), 0 to 255, of that dtype, number
  and size: integers (B, H, W) or float32 (B, H, W, C).
- `runtime.part(images, output, window)`, of exported files: the same for parts of images, seen
  through a `keras_lwm.windows.Window`. Files of earlier versions know of no windows: they take a
  part for an image, and find its features a little elsewhere.

The packages are imported when a file that needs them is opened.
"""

from pathlib import Path
from typing import Any

from keras_lwm.deployment.runtimes.keras_runtime import KerasRuntime
from keras_lwm.deployment.runtimes.litert import LiteRTRuntime
from keras_lwm.deployment.runtimes.onnx import OnnxRuntime
from keras_lwm.deployment.runtimes.openvino import OpenVINORuntime
from keras_lwm.deployment.runtimes.saved_model import SavedModelRuntime
from keras_lwm.run_folder import find_run_model

_RUNTIMES = {
    ".keras": KerasRuntime,
    ".onnx": OnnxRuntime,
    ".tflite": LiteRTRuntime,
    ".xml": OpenVINORuntime,
}
_KINDS = (
    "a run folder, a SavedModel folder, or a .keras, .onnx, .tflite (LiteRT) or .xml (OpenVINO) "
    "file"
)


def open_runtime(path) -> Any:
    """Opens a model file or folder by what it is; of a run folder the best model, else the last.

    Raises:
        ValueError: if it is no model, or one that was not made by this library.
        ImportError: if the package that runs it is missing.
    """
    path = Path(path)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise ValueError(f"Expected a model ({_KINDS}); there is nothing at {path}.")
    if path.suffix.lower() not in _RUNTIMES:
        raise ValueError(f"Expected a model ({_KINDS}); received the file {path}.")
    return _RUNTIMES[path.suffix.lower()](path)


def _open_folder(path):
    if (path / "saved_model.pb").exists():
        return SavedModelRuntime(path)
    model = find_run_model(path)
    if model is not None:
        return KerasRuntime(model)
    if (path / "options.json").exists():
        raise ValueError(
            f"The run in {path} has saved no model yet: it holds neither best.keras nor last.keras."
        )
    raise ValueError(f"Expected a model ({_KINDS}); {path} is a folder of other things.")
