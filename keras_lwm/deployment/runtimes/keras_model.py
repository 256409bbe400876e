"""`.keras` files, in this process, on whichever backend Keras has."""

import keras
from keras import ops

from keras_lwm.deployment.float32 import load_in_float32
from keras_lwm.deployment.graph import CLASS_IDS, PROBABILITIES
from keras_lwm.deployment.inference_network import inference_network
from keras_lwm.description import Description
from keras_lwm.run_folder.checkpoints import read_description


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
