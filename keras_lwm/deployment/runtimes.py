"""Model files of every format, each run by its own package, behind one small interface.

A runtime is made from a path and has:

- `description`: the `Description` inside the file.
- `dtype`: "uint8" or "float32", which the file takes images in.
- `batch`, `size`: how many images, and of which (height, width), it takes at once; None where any
  will do.
- `outputs`: what the file gives, of "class_ids" and "probabilities".
- `runtime(images, output)`: that output for images (B, H, W, 3), 0 to 255, of that dtype, number
  and size: integers (B, H, W) or float32 (B, H, W, C).

The packages are imported when a file that needs them is opened.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras import ops

from keras_lwm.deployment.formats import (
    DESCRIPTION_ASSET,
    DESCRIPTION_KEY,
    without_telemetry,
)
from keras_lwm.deployment.inference_network import (
    CLASS_IDS,
    IMAGE,
    PROBABILITIES,
    inference_network,
    load_in_float32,
)
from keras_lwm.description import Description
from keras_lwm.extras import imports_of
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.checkpoints import read_description


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
    return Description.from_json(text, path)


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


def fixed_lengths(shape) -> tuple:
    """The batch and (height, width) of an input's shape (B, H, W, 3); None for what is free."""
    batch, *size = (
        length if isinstance(length, int) and length > 0 else None for length in shape[:3]
    )
    return batch, tuple(size)


class KerasRuntime:
    """Computes in float32 whatever the network was trained in, as exported files do.

    Attributes:
        network: the Keras model of the logits: a training network with all its outputs, or the
            network that is left of a segmenter once a softmax at its end is taken off.
    """

    dtype = "float32"
    batch = None
    outputs = (CLASS_IDS, PROBABILITIES)

    def __init__(self, path):
        described = read_description(path)
        loaded = load_in_float32(path, str(path))
        try:
            self._segmenter = inference_network(loaded)
        except ValueError as error:
            raise ValueError(f"{path} holds no segmentation network: {error}") from error
        self.network = loaded if isinstance(loaded.output, dict) else self._segmenter
        classes = self._segmenter.output.shape[-1]
        self.description = described or Description.unnamed(classes)
        if len(self.description.class_names) != classes:
            raise ValueError(
                f"{path} describes {len(self.description.class_names)} classes; its network has "
                f"{classes}."
            )
        self.size = tuple(self._segmenter.input.shape[1:3])
        self._models = {}

    def __call__(self, images, output):
        if output not in self._models:
            self._models[output] = _compiled(self._segmenter, output)
        return self._models[output].predict_on_batch(images)


def _compiled(network, output):
    logits = network.output
    if output == PROBABILITIES:
        answer = ops.softmax(logits, axis=-1)
    else:
        # As in evaluation: the largest of numbers that are none is no class.
        finite = ops.all(ops.isfinite(logits), axis=-1)
        answer = ops.where(finite, ops.cast(ops.argmax(logits, axis=-1), "int32"), -1)
    model = keras.Model(network.input, answer)
    # XLA compiles anew for every size of image, which only JAX cannot do without.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model


_SAVED_MODEL_SIGNATURE = "serving_default"


class SavedModelRuntime:
    """Runs where TensorFlow puts it: on its GPU if it has one, else on the CPU."""

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
        self._run = dict(self._loaded.signatures).get(_SAVED_MODEL_SIGNATURE)
        inputs = self._run.structured_input_signature[1] if self._run else {}
        outputs = self._run.structured_outputs if self._run else {}
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = inputs[IMAGE].dtype.name
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)

    def __call__(self, images, output):
        return self._run(**{IMAGE: self._tensorflow.constant(images)})[output].numpy()


_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxRuntime:
    """Runs on the GPU where onnxruntime-gpu is installed, else on the CPU."""

    def __init__(self, path):
        with imports_of("onnx", f"Running {path}"):
            import onnxruntime
        available = onnxruntime.get_available_providers()
        providers = [provider for provider in _PROVIDERS if provider in available]
        with opening(path, "an ONNX file"):
            self._session = onnxruntime.InferenceSession(str(path), providers=providers)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = stored_description(metadata.get(DESCRIPTION_KEY), path)
        inputs = {value.name: value for value in self._session.get_inputs()}
        outputs = [value.name for value in self._session.get_outputs()]
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = "uint8" if inputs[IMAGE].type == "tensor(uint8)" else "float32"
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)

    def __call__(self, images, output):
        return self._session.run([output], {IMAGE: images})[0]


_LITERT_SIGNATURE = "serving_default"


class LiteRTRuntime:
    """Runs on the CPU."""

    def __init__(self, path):
        with imports_of("litert", f"Running {path}"):
            import ai_edge_litert.interpreter as litert
        with opening(path, "a LiteRT file"):
            content = path.read_bytes()
            self._interpreter = litert.Interpreter(model_content=content)
            text = _metadata(content, DESCRIPTION_KEY, path)
        self.description = stored_description(text, path)
        signature = self._interpreter.get_signature_list().get(_LITERT_SIGNATURE, {})
        inputs, outputs = signature.get("inputs", ()), signature.get("outputs", ())
        self.outputs = known_outputs(inputs, outputs, path)
        # It fits the input to the size of what it is given.
        self._run = self._interpreter.get_signature_runner(_LITERT_SIGNATURE)
        image = self._run.get_input_details()[IMAGE]
        self.dtype = image["dtype"].__name__
        self.batch, self.size = fixed_lengths(image["shape_signature"].tolist())

    def __call__(self, images, output):
        return self._run(**{IMAGE: images})[output]


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


# Some processors compute in half precision unless told otherwise.
_IN_FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVINORuntime:
    """Runs on the CPU, in float32."""

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
            self._model = core.compile_model(model, "CPU", _IN_FLOAT32)

    def __call__(self, images, output):
        return self._model(images)[output]


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
