"""The depth branch: a head that exists in training only. Its design is [ours]: see docs/method.md.

Depth is privileged: known for training images alone. The branch predicts it from the decoder's
finest features, so that the Loss Weight Module can measure depth errors, and so that the depth
loss shapes the features. `keras_lwm.networks.segmenter` leaves every layer of it out.
"""

import math

import keras
from keras import layers

from keras_lwm.networks.blocks import conv_initializer, head

MAX_LOGIT = math.log(1000.0)


@keras.saving.register_keras_serializable(package="keras_lwm")
class PositiveDepth(layers.Layer):
    """Turns a logit into metres: exp(clip(logit, -log 1000, log 1000)) * initial_depth [ours].

    The exponential suits losses on log depth, whose gradient then reaches the logit unscaled. The
    clip bounds depth to a factor of 1000 around `initial_depth`, so that it is positive and
    finite for every logit, infinite ones included (a NaN stays one). Computes in float32.

    Args:
        initial_depth: metres, positive; the depth that a logit of 0 means.
    """

    def __init__(self, initial_depth=3.0, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0.0 < initial_depth < math.inf:
            raise ValueError(
                f"initial_depth must be a positive number of metres; received {initial_depth!r}."
            )
        self.initial_depth = initial_depth

    def call(self, logits):
        return keras.ops.exp(keras.ops.clip(logits, -MAX_LOGIT, MAX_LOGIT)) * self.initial_depth

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "initial_depth": self.initial_depth}


def depth_head(features, width=64, initial_depth=3.0):
    """Predicts depth from decoder features; every layer's name starts with `depth_`.

    A 1x1 convolution to `width` channels, two 3x3 convolutions and one to a single channel [ours].

    Args:
        features: maps (B, h, w, C).
        width: channels of the head's hidden layers.
        initial_depth: metres, about a typical depth of the scenes.

    Returns:
        Depth (B, h, w, 1), float32 metres, positive.
    """
    x = features
    for number, kernel_size in enumerate((1, 3, 3), start=1):
        x = layers.Conv2D(
            width,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer=conv_initializer(),
            name=f"depth_conv_{number}",
        )(x)
    logit = head(x, 1, "depth_logit")
    return PositiveDepth(initial_depth, name="depth_metres")(logit)
