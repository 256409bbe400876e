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

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_lwm.class_ids import largest_class, resize_logits
from keras_lwm.deployment.formats import (
    DESCRIPTION_ASSET,
    DESCRIPTION_KEY,
    SERVING,
    SERVING_PART,
    onnx_with_window,
    openvino_with_window,
    without_telemetry,
)
from keras_lwm.deployment.inference_network import (
    CLASS_IDS,
    IMAGE,
    PROBABILITIES,
    WINDOW,
    inference_network,
    load_in_float32,
)
from keras_lwm.description import Description
from keras_lwm.extras import check_installed, imports_of
from keras_lwm.keras_files import check_keras_file
from keras_lwm.large_images.graph import Footprint, run_network
from keras_lwm.networks.segmenter import before_resizing
from keras_lwm.resampling import resize_bilinear
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.models import read_description


@contextlib.contextmanager
def opening(path, kind) -> Iterator[None]:
    """Turns whatever a package raises over a damaged file into a sentence that names the file.

    Packages written in C++ raise RuntimeError and classes of their own, so every `Exception` has
    to count.
    """
    try:
        yield
    except Exception as error:
        first, *_ = str(error).strip().splitlines() or [""]
        message = f"{type(error).__name__}: {first}".rstrip(": .")
        raise ValueError(f"{path} cannot be opened as {kind} ({message}).") from error


def stored_description(text, path) -> Description:
    """Reads the description that a file carries; `text` is None where it carries none.

    Raises:
        ValueError: if it carries none, or one that cannot be read.
    """
    if text is None:
        raise ValueError(
            f"Expected a model exported by keras_lwm; {path} carries no description of its classes."
        )
    description = Description.from_json(text, path)
    if description.footprint:
        try:
            Footprint(**description.footprint)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Expected a footprint as keras_lwm writes it in {path}; received "
                f"{description.footprint} ({error})."
            ) from error
    return description


def known_outputs(inputs, outputs, path) -> tuple[str, ...]:
    """Checks the names of a file's inputs and outputs, and returns the outputs to be used.

    Raises:
        ValueError: if they are not what keras_lwm exports.
    """
    if list(inputs) != [IMAGE] or CLASS_IDS not in outputs:
        raise ValueError(
            f"Expected a model exported by keras_lwm, with the input {IMAGE} and the output "
            f"{CLASS_IDS}; {path} has inputs {sorted(inputs)} and outputs {sorted(outputs)}."
        )
    return tuple(name for name in (CLASS_IDS, PROBABILITIES) if name in outputs)


def fixed_lengths(shape) -> tuple[int | None, tuple[int | None, int | None]]:
    """The batch and (height, width) of an input's shape (B, H, W, 3); None for what is free."""
    batch, *size = (
        length if isinstance(length, int) and length > 0 else None for length in shape[:3]
    )
    return batch, tuple(size)


class KerasRuntime:
    """Computes in float32 whatever the network was trained in, as exported files do.

    Attributes:
        segmenter: the Keras model of the logits at the image's size.
        network: the Keras model of the logits: a training network with all its outputs, or the
            network that is left of a segmenter once a softmax at its end is taken off.
    """

    dtype = "float32"
    batch = None
    outputs = (CLASS_IDS, PROBABILITIES)

    def __init__(self, path):
        self.kind = keras.backend.backend()
        check_keras_file(path, path)
        described = read_description(path)
        loaded = load_in_float32(path, str(path))
        try:
            self.segmenter = inference_network(loaded)
        except ValueError as error:
            raise ValueError(f"{path} holds no segmentation network: {error}") from error
        self.network = loaded if isinstance(loaded.output, dict) else self.segmenter
        classes = self.segmenter.output.shape[-1]
        self.description = described or Description.unnamed(classes)
        if len(self.description.class_names) != classes:
            raise ValueError(
                f"{path} describes {len(self.description.class_names)} classes; its network has "
                f"{classes}."
            )
        self.size = tuple(self.segmenter.input.shape[1:3])
        self._models = {}

    def __call__(self, images, output):
        if output not in self._models:
            self._models[output] = _Answer(before_resizing(self.segmenter), output)
            # XLA compiles anew for every size of image, which only JAX cannot do without.
            self._models[output].compile(jit_compile=keras.backend.backend() == "jax")
        return self._models[output].predict_on_batch(images)


class _Answer(keras.Model):
    def __init__(self, network, output):
        super().__init__(name=output)
        self.network = network
        self.wanted = output
        self.built = True  # Else JAX runs it once, operation by operation, to build it.

    def call(self, images):
        logits = run_network(self.network, images)["segmentation"]
        size = tuple(ops.shape(images)[1:3])
        if self.wanted == PROBABILITIES:
            return ops.softmax(resize_bilinear(ops.cast(logits, "float32"), size), axis=-1)
        # As in evaluation: the largest of numbers that are none is no class.
        return largest_class(*resize_logits(logits, size))


def _as_array(window):
    return np.array([*window.start, *window.whole], "int32")


class SavedModelRuntime:
    """Runs where TensorFlow puts it: on its GPU if it has one, else on the CPU."""

    kind = "saved_model"

    def __init__(self, path):
        with imports_of("tensorflow", f"Running {path}"):
            import tensorflow
        self._tensorflow = tensorflow
        asset = path / "assets" / DESCRIPTION_ASSET
        self.description = stored_description(
            asset.read_text("utf-8") if asset.exists() else None, path
        )
        with opening(path, "a SavedModel"):
            # Kept, because its variables live only as long as it does.
            self._loaded = self._tensorflow.saved_model.load(str(path))
        self._run = dict(self._loaded.signatures).get(SERVING)
        self._run_part = dict(self._loaded.signatures).get(SERVING_PART)
        inputs = self._run.structured_input_signature[1] if self._run else {}
        outputs = self._run.structured_outputs if self._run else {}
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = inputs[IMAGE].dtype.name
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)

    def __call__(self, images, output):
        return self._run(**{IMAGE: self._tensorflow.constant(images)})[output].numpy()

    def part(self, images, output, window) -> np.ndarray:
        if self._run_part is None:
            return self(images, output)
        constant = self._tensorflow.constant
        inputs = {IMAGE: constant(images), WINDOW: constant(_as_array(window))}
        return self._run_part(**inputs)[output].numpy()


_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxRuntime:
    """Runs on the GPU where onnxruntime-gpu is installed, else on the CPU."""

    kind = "onnx"

    def __init__(self, path):
        self._path = path
        with imports_of("onnx", f"Running {path}"):
            import onnxruntime
        self._onnxruntime = onnxruntime
        with opening(path, "an ONNX file"):
            self._session = self._session_of(str(path))
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = stored_description(metadata.get(DESCRIPTION_KEY), path)
        inputs = {value.name: value for value in self._session.get_inputs()}
        outputs = [value.name for value in self._session.get_outputs()]
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = "uint8" if inputs[IMAGE].type == "tensor(uint8)" else "float32"
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)
        self._inputs = {}
        self._knows_windows = None

    def _session_of(self, model):
        available = self._onnxruntime.get_available_providers()
        providers = [provider for provider in _PROVIDERS if provider in available]
        options = self._onnxruntime.SessionOptions()
        # It would keep a block for each size of image, beside the memory that is there already.
        options.enable_mem_pattern = False
        return self._onnxruntime.InferenceSession(model, options, providers=providers)

    def __call__(self, images, output):
        return self._session.run([output], {**self._inputs, IMAGE: images})[0]

    def part(self, images, output, window) -> np.ndarray:
        if self._knows_windows is None:
            self._look_for_windows()
        inputs = {WINDOW: _as_array(window)} if self._knows_windows else {}
        return self._session.run([output], {**inputs, IMAGE: images})[0]

    def _look_for_windows(self):
        check_installed("onnx", f"Running {self._path} on tiles of a large image", "onnx")
        model = onnx_with_window(self._path)
        self._knows_windows = model is not None
        if self._knows_windows:
            # In place of the first, so that weights are held once.
            self._session = self._session_of(model)
            self._inputs = {WINDOW: np.zeros(4, "int32")}


class LiteRTRuntime:
    """Runs on the CPU."""

    kind = "litert"

    def __init__(self, path):
        with imports_of("litert", f"Running {path}"):
            import ai_edge_litert.interpreter as litert
        with opening(path, "a LiteRT file"):
            content = path.read_bytes()
            self._interpreter = litert.Interpreter(model_content=content)
            text = _metadata(content, DESCRIPTION_KEY, path)
        self.description = stored_description(text, path)
        signatures = self._interpreter.get_signature_list()
        signature = signatures.get(SERVING, {})
        inputs, outputs = signature.get("inputs", ()), signature.get("outputs", ())
        self.outputs = known_outputs(inputs, outputs, path)
        # It fits the input to the size of what it is given.
        self._run = self._interpreter.get_signature_runner(SERVING)
        self._has_part = SERVING_PART in signatures
        image = self._run.get_input_details()[IMAGE]
        self.dtype = image["dtype"].__name__
        self.batch, self.size = fixed_lengths(image["shape_signature"].tolist())

    def __call__(self, images, output):
        return self._run(**{IMAGE: images})[output]

    def part(self, images, output, window) -> np.ndarray:
        if not self._has_part:
            return self(images, output)
        return self._run_part(**{IMAGE: images, WINDOW: _as_array(window)})[output]

    @functools.cached_property
    def _run_part(self):
        return self._interpreter.get_signature_runner(SERVING_PART)


def _metadata(content, name, path):
    """The text of one entry of a model's metadata; None where there is no such entry."""
    with imports_of("litert", f"Running {path}"):
        import ai_edge_litert.schema_py_generated as schema
    model = schema.Model.GetRootAs(content)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == name.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode("utf-8")
    return None


# Some processors compute in half precision unless asked not to.
_IN_FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVINORuntime:
    """Runs on the CPU, in float32."""

    kind = "openvino"

    def __init__(self, path):
        with without_telemetry(), imports_of("openvino", f"Running {path}"):
            import openvino
        core = openvino.Core()
        with opening(path, "an OpenVINO file"):
            model = core.read_model(path)
            inputs = [port.any_name for port in model.inputs]
            outputs = [port.any_name for port in model.outputs]
        described = DESCRIPTION_KEY in model.rt_info
        text = model.get_rt_info(DESCRIPTION_KEY).astype(str) if described else None
        self.description = stored_description(text, path)
        self.outputs = known_outputs(inputs, outputs, path)
        image = model.input(IMAGE)
        self.dtype = "uint8" if image.element_type == openvino.Type.u8 else "float32"
        self.batch, self.size = fixed_lengths(
            [None if length.is_dynamic else length.get_length() for length in image.partial_shape]
        )
        with opening(path, "an OpenVINO file"):
            self._takes_window = openvino_with_window(model)
            self._model = core.compile_model(model, "CPU", _IN_FLOAT32)

    def __call__(self, images, output):
        return self._answer(images, output, np.zeros(4, "int32"))

    def part(self, images, output, window) -> np.ndarray:
        return self._answer(images, output, _as_array(window))

    def _answer(self, images, output, window):
        inputs = {WINDOW: window} if self._takes_window else {}
        return self._model({IMAGE: images, **inputs})[output]


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
