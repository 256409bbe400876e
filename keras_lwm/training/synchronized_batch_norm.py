"""Batch statistics over the images of all replicas, as on one device.

Keras has them under TensorFlow, by an option that a file keeps and other backends refuse to load;
under PyTorch it has none, and under JAX nothing else.
"""

import keras
from keras import ops

from keras_lwm import replicas


def synchronize_batch_norm(model: keras.Model) -> None:
    """From now on, batch normalisation in training sees the images of all replicas.

    Each replica has to have as many images as any other. Nothing of it is saved with the model.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer._moments = _Moments(layer)


class _Moments:
    """Mean and variance of a layer's input over all replicas, in place of the layer's own."""

    def __init__(self, layer):
        self._of_one = type(layer)._moments.__get__(layer)
        self._axes = tuple(layer._reduction_axes)

    def __call__(self, inputs, mask):
        number = replicas.number()
        if number == 1:
            return self._of_one(inputs, mask)
        if mask is not None:
            raise ValueError(
                "Expected maps without a mask for batch normalisation on several devices; "
                "received a mask."
            )
        inputs = ops.cast(inputs, "float32")
        own = ops.mean(inputs, axis=self._axes, keepdims=True)
        mean = replicas.differentiable_total(own) / number
        # About the mean of all: a mean of squares less a squared mean would cancel.
        own = ops.mean(ops.square(inputs - mean), axis=self._axes)
        return ops.squeeze(mean, self._axes), replicas.differentiable_total(own) / number
