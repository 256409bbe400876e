"""EfficientNet-Lite0's feature extractor in plain Keras.

Tan and Le, "EfficientNet" (ICML 2019), in the Lite form that TensorFlow's model garden released in
2020: no squeeze-and-excitation, ReLU6 for swish, stem not scaled. 'same' padding and
batch-norm epsilon 1e-3 are those of the TensorFlow original, so that its weights fit.
"""

from typing import NamedTuple

import keras
from keras import layers


class Stage(NamedTuple):
    repeats: int
    kernel_size: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def _batch_norm(x, name):
    return layers.BatchNormalization(epsilon=1e-3, name=name)(x)


def _conv_norm(x, channels, kernel_size, stride, initializer, name):
    x = layers.Conv2D(
        channels,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
        name=name,
    )(x)
    return _batch_norm(x, f"{name}_norm")


def _relu6(x, name):
    return layers.ReLU(max_value=6.0, name=name)(x)


def _inverted_bottleneck(inputs, stage, stride, initializer, name):
    x = inputs
    if stage.expansion > 1:
        channels = inputs.shape[-1] * stage.expansion
        x = _conv_norm(x, channels, 1, 1, initializer, f"{name}_expand")
        x = _relu6(x, f"{name}_expand_relu")
    x = layers.DepthwiseConv2D(
        stage.kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=initializer,
        name=f"{name}_depthwise",
    )(x)
    x = _relu6(_batch_norm(x, f"{name}_depthwise_norm"), f"{name}_depthwise_relu")
    x = _conv_norm(x, stage.channels, 1, 1, initializer, f"{name}_project")
    if stride == 1 and inputs.shape[-1] == stage.channels:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def efficientnet_lite0(input_shape=(None, None, 3), kernel_initializer="he_normal"):
    """EfficientNet-Lite0 without its classifier or pretrained weights.

    Args:
        input_shape: (height, width, 3), each of the first two an integer or None.
        kernel_initializer: of every convolution.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary of
        features `stride_4` (24 channels), `stride_8` (40), `stride_16` (112), `stride_32` (320),
        each the last block's output at that stride, ceil(size / stride) high and wide.
    """
    images = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="normalisation")(images)
    x = _relu6(_conv_norm(x, 32, 3, 2, kernel_initializer, "stem"), "stem_relu")
    features = {}
    reached, block = 2, 0
    for stage in STAGES:
        reached *= stage.stride
        for repeat in range(stage.repeats):
            stride = 1 if repeat else stage.stride
            x = _inverted_bottleneck(x, stage, stride, kernel_initializer, f"block_{block}")
            block += 1
        if reached > 2:
            features[f"stride_{reached}"] = x
    return keras.Model(images, features, name="backbone")
