"""The exported function as TensorFlow sees it: an image in, class ids and probabilities out."""

import dataclasses
from typing import Any

IMAGE = "image"
CLASS_IDS = "class_ids"
PROBABILITIES = "probabilities"


@dataclasses.dataclass(frozen=True)
class TracedSegmenter:
    """A network as a TensorFlow function with its variables.

    Attributes:
        module: a `tf.Module` that holds every variable, and `segment`.
        segment: the `tf.function` of one image argument, to a dictionary.
        image_shape: (batch, height, width, 3); None where free.
    """

    module: Any
    segment: Any
    image_shape: tuple

    @property
    def concrete(self):
        """The traced function."""
        return self.segment.get_concrete_function()


def trace(network, batch, size, input_type, probabilities):
    """Makes a TensorFlow function of an inference network; Keras must run on TensorFlow.

    Args:
        network: images (B, H, W, 3) to logits (B, H, W, C).
        batch: number of images, or None for any.
        size: (height, width), each None for any.
        input_type: "uint8" or "float32".
        probabilities: whether these are an output beside the class ids.
    """
    import tensorflow as tf

    shape = (batch, *size, 3)

    def segment(image):
        logits = network(tf.cast(image, tf.float32), training=False)
        outputs = {CLASS_IDS: tf.argmax(logits, axis=-1, output_type=tf.int32)}
        if probabilities:
            outputs[PROBABILITIES] = tf.nn.softmax(logits)
        return outputs

    module = tf.Module()
    # Paths may repeat, where layers of one name sit in models of one name.
    module.weights = {
        f"{number:04d}.{variable.path}": variable.value
        for number, variable in enumerate(network.weights)
    }
    signature = [tf.TensorSpec(shape, input_type, name=IMAGE)]
    module.segment = tf.function(segment, input_signature=signature)
    return TracedSegmenter(module, module.segment, shape)


def image_size(network, size):
    """The (height, width) to export a network for; None where it is to be any.

    Args:
        network: a functional model of images.
        size: (height, width), or None for whatever the network takes.

    Raises:
        ValueError: the network takes images of another size alone.
    """
    taken = tuple(network.inputs[0].shape[1:3])
    if size is None:
        return taken
    if any(own not in (None, asked) for own, asked in zip(taken, size, strict=True)):
        raise ValueError(
            f"Expected a size that the network takes, {_as_text(taken)}; received {_as_text(size)}."
        )
    return tuple(size)


def _as_text(size):
    return "x".join("any" if length is None else str(length) for length in size)
