"""SavedModel folders, by TensorFlow."""

from keras_lwm.deployment.formats import DESCRIPTION_ASSET
from keras_lwm.deployment.graph import IMAGE
from keras_lwm.deployment.runtimes.checks import (
    fixed_lengths,
    import_package,
    known_outputs,
    opening,
    read_description,
)

_SIGNATURE = "serving_default"


class SavedModelRuntime:
    """Runs where TensorFlow puts it: on its GPU if it has one, else on the CPU."""

    def __init__(self, path):
        self._tensorflow = import_package("tensorflow", "tensorflow", path)
        asset = path / "assets" / DESCRIPTION_ASSET
        self.description = read_description(
            asset.read_text("utf-8") if asset.exists() else None, path
        )
        with opening(path, "a SavedModel"):
            # Kept, because its variables live only as long as it does.
            self._loaded = self._tensorflow.saved_model.load(str(path))
        self._run = dict(self._loaded.signatures).get(_SIGNATURE)
        inputs = self._run.structured_input_signature[1] if self._run else {}
        outputs = self._run.structured_outputs if self._run else {}
        self.outputs = known_outputs(inputs, outputs, path)
        self.dtype = inputs[IMAGE].dtype.name
        self.batch, self.size = fixed_lengths(inputs[IMAGE].shape)

    def __call__(self, images, output):
        return self._run(**{IMAGE: self._tensorflow.constant(images)})[output].numpy()
