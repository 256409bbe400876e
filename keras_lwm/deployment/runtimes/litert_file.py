"""LiteRT (formerly TensorFlow Lite) files, by ai-edge-litert."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY, FORMATS
from keras_lwm.deployment.graph import IMAGE
from keras_lwm.deployment.runtimes.checks import (
    fixed_lengths,
    import_package,
    known_outputs,
    opening,
    read_description,
)

_INSTALL = f"keras_lwm[{FORMATS['litert'].extra}]"
_SIGNATURE = "serving_default"


class LiteRTRuntime:
    """Runs on the CPU."""

    def __init__(self, path):
        litert = import_package("ai_edge_litert.interpreter", _INSTALL, path)
        with opening(path, "a LiteRT file"):
            content = path.read_bytes()
            self._interpreter = litert.Interpreter(model_content=content)
            text = _metadata(content, DESCRIPTION_KEY, path)
        self.description = read_description(text, path)
        signature = self._interpreter.get_signature_list().get(_SIGNATURE, {})
        inputs, outputs = signature.get("inputs", ()), signature.get("outputs", ())
        self.outputs = known_outputs(inputs, outputs, path)
        # It fits the input to the size of what it is given.
        self._run = self._interpreter.get_signature_runner(_SIGNATURE)
        image = self._run.get_input_details()[IMAGE]
        self.dtype = image["dtype"].__name__
        self.batch, self.size = fixed_lengths(image["shape_signature"].tolist())

    def __call__(self, images, output):
        return self._run(**{IMAGE: images})[output]


def _metadata(content, name, path):
    """The text of one entry of a model's metadata; None where there is no such entry."""
    schema = import_package("ai_edge_litert.schema_py_generated", _INSTALL, path)
    model = schema.Model.GetRootAs(content)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == name.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode("utf-8")
    return None
