"""Runs OpenVINO files, by OpenVINO."""

import numpy as np

from keras_lwm.deployment.formats import DESCRIPTION_KEY, openvino_with_window, without_telemetry
from keras_lwm.deployment.inference_network import IMAGE, WINDOW
from keras_lwm.deployment.runtimes.stored import (
    as_array,
    fixed_lengths,
    known_outputs,
    opening,
    stored_description,
)
from keras_lwm.extras import imports_of

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
        return self._answer(images, output, as_array(window))

    def _answer(self, images, output, window):
        inputs = {WINDOW: window} if self._takes_window else {}
        return self._model({IMAGE: images, **inputs})[output]
