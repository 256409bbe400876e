"""Runs LiteRT (TensorFlow Lite) files, by LiteRT."""

import functools

import numpy as np

from keras_lwm.deployment.formats import DESCRIPTION_KEY, SERVING, SERVING_PART
from keras_lwm.deployment.inference_network import IMAGE, WINDOW
from keras_lwm.deployment.runtimes.stored import (
    as_array,
    fixed_lengths,
    known_outputs,
    opening,
    stored_description,
)
from keras_lwm.extras import imports_of


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
        return self._run_part(**{IMAGE: images, WINDOW: as_array(window)})[output]

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
