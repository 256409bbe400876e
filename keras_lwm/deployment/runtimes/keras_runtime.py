"""Runs `.keras` files, by the Keras backend of the process."""

import keras
from keras import ops

from keras_lwm.class_ids import largest_class, resize_logits
from keras_lwm.deployment.inference_network import (
    CLASS_IDS,
    PROBABILITIES,
    inference_network,
    load_in_float32,
)
from keras_lwm.description import Description
from keras_lwm.keras_files import check_keras_file
from keras_lwm.large_images.graph import run_network
from keras_lwm.networks.segmenter import before_resizing
from keras_lwm.resampling import resize_bilinear
from keras_lwm.run_folder.models import read_description


class KerasRuntime:
    """Computes in float32 whatever the network was trained in, as exported files do.

    Attributes:
        segmenter: the Keras model of the logits at the image's size.
        network: the Keras model of the logits: a training network with all its outputs, or the
            network that is left of a segmenter once a softmax at its end is taken off.
    """

    dtype = "float32"
    batch = None
    outputs = (CLASS_IDS, PROBABILITIES)

    def __init__(self, path):
        self.kind = keras.backend.backend()
        check_keras_file(path, path)
        described = read_description(path)
        loaded = load_in_float32(path, str(path))
        try:
            self.segmenter = inference_network(loaded)
        except ValueError as error:
            raise ValueError(f"{path} holds no network that can be used here: {error}") from error
        self.network = loaded if isinstance(loaded.output, dict) else self.segmenter
        classes = self.segmenter.output.shape[-1]
        self.description = described or Description.unnamed(classes)
        if len(self.description.class_names) != classes:
            raise ValueError(
                f"{path} describes {len(self.description.class_names)} classes; its network has "
                f"{classes}."
            )
        self.size = tuple(self.segmenter.input.shape[1:3])
        self._models = {}

    def __call__(self, images, output):
        if output not in self._models:
            self._models[output] = _Answer(before_resizing(self.segmenter), output)
            # XLA compiles anew for every size of image, which only JAX cannot do without.
            self._models[output].compile(jit_compile=keras.backend.backend() == "jax")
        return self._models[output].predict_on_batch(images)


class _Answer(keras.Model):
    def __init__(self, network, output):
        super().__init__(name=output)
        self.network = network
        self.wanted = output
        self.built = True  # Else JAX runs it once, operation by operation, to build it.

    def call(self, images):
        logits = run_network(self.network, images)["segmentation"]
        size = tuple(ops.shape(images)[1:3])
        if self.wanted == PROBABILITIES:
            return ops.softmax(resize_bilinear(ops.cast(logits, "float32"), size), axis=-1)
        # As in evaluation: the largest of numbers that are none is no class.
        return largest_class(*resize_logits(logits, size))
