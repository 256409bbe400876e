"""OpenVINO models, an .xml file with a .bin file of weights beside it, by openvino."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY, FORMATS
from keras_lwm.deployment.graph import IMAGE
from keras_lwm.deployment.openvino_import import without_telemetry
from keras_lwm.deployment.runtimes.checks import (
    fixed_lengths,
    import_package,
    known_outputs,
    opening,
    read_description,
)

_INSTALL = f"keras_lwm[{FORMATS['openvino'].extra}]"
# Some processors compute in half precision unless told otherwise.
_IN_FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVINORuntime:
    """Runs on the CPU, in float32."""

    def __init__(self, path):
        with without_telemetry():
            openvino = import_package("openvino", _INSTALL, path)
        core = openvino.Core()
        with opening(path, "an OpenVINO file"):
            model = core.read_model(path)
            inputs = [port.any_name for port in model.inputs]
            outputs = [port.any_name for port in model.outputs]
        described = DESCRIPTION_KEY in model.rt_info
        text = model.get_rt_info(DESCRIPTION_KEY).astype(str) if described else None
        self.description = read_description(text, path)
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
