"""ONNX files, by onnxruntime."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY, FORMATS
from keras_lwm.deployment.graph import IMAGE
from keras_lwm.deployment.runtimes.checks import (
    fixed_lengths,
    import_package,
    known_outputs,
    opening,
    read_description,
)

_INSTALL = f"keras_lwm[{FORMATS['onnx'].extra}]"
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxRuntime:
    """Runs on the GPU where onnxruntime-gpu is installed, else on the CPU."""

    def __init__(self, path):
        onnxruntime = import_package("onnxruntime", _INSTALL, path)
        available = onnxruntime.get_available_providers()
        providers = [provider for provider in _PROVIDERS if provider in available]
        with opening(path, "an ONNX file"):
            self._session = onnxruntime.InferenceSession(str(path), providers=providers)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = read_description(metadata.get(DESCRIPTION_KEY), path)
        inputs = {value.name: value for value in self._session.get_inputs()}
        outputs = [value.name for value in self._session.get_outputs()]
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = "uint8" if inputs[IMAGE].type == "tensor(uint8)" else "float32"
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)

    def __call__(self, images, output):
        return self._session.run([output], {IMAGE: images})[0]
