"""Runs ONNX files, by ONNX Runtime."""

import numpy as np

from keras_lwm.deployment.formats import DESCRIPTION_KEY, onnx_with_window
from keras_lwm.deployment.inference_network import IMAGE, WINDOW
from keras_lwm.deployment.runtimes.stored import (
    as_array,
    fixed_lengths,
    known_outputs,
    opening,
    stored_description,
)
from keras_lwm.extras import check_installed, imports_of

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
        inputs = {WINDOW: as_array(window)} if self._knows_windows else {}
        return self._session.run([output], {**inputs, IMAGE: images})[0]

    def _look_for_windows(self):
        check_installed("onnx", f"Running {self._path} on tiles of a large image", "onnx")
        model = onnx_with_window(self._path)
        self._knows_windows = model is not None
        if self._knows_windows:
            # In place of the first, so that weights are held once.
            self._session = self._session_of(model)
            self._inputs = {WINDOW: np.zeros(4, "int32")}
