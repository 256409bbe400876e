"""Runs SavedModel folders, by TensorFlow."""

import numpy as np

from keras_lwm.deployment.formats import DESCRIPTION_ASSET, SERVING, SERVING_PART
from keras_lwm.deployment.inference_network import IMAGE, WINDOW
from keras_lwm.deployment.runtimes.stored import (
    as_array,
    fixed_lengths,
    known_outputs,
    opening,
    stored_description,
)
from keras_lwm.extras import imports_of


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
        inputs = {IMAGE: constant(images), WINDOW: constant(as_array(window))}
        return self._run_part(**inputs)[output].numpy()
