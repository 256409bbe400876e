"""Plain vision transformers on images of any size: tokens, maps, and a feature pyramid of one map.

A ViT (Dosovitskiy et al., ICLR 2021) has one map, of one token a patch. Li et al., "Exploring Plain
Vision Transformer Backbones for Object Detection" (ECCV 2022), make a pyramid of it by transposed
convolutions and pooling alone. KerasHub's take images of one size, most of them square; here the
image is resized so that a patch is 16 of its pixels, and the learned positions are resized with it.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from keras_lwm.resampling import resize_bilinear
from keras_lwm.tensors import Tensor
from keras_lwm.windows import current_window

STRIDE = 16
"""Pixels of the image to a patch, along each side."""


def _cells(length, stride=STRIDE):
    """ceil(length / stride); None of None."""
    # Of positive numbers: tf2onnx rounds quotients of others towards 0.
    return None if length is None else (length + stride - 1) // stride


@keras.saving.register_keras_serializable(package="keras_lwm")
class PatchTokens(layers.Layer):
    """Images (B, H, W, 3) to tokens (B, prefix + patches, width): the prefix, then row by row.

    There are ceil(H / 16) times ceil(W / 16) patches.

    Args:
        patch_size: pixels along a side of what the patches' convolution sees; where it is not 16,
            or does not divide the image, the image is resized bilinearly first.
        width: of each token.
        prefix: number of learned tokens before the patches' (class token, registers).
        grid: (rows, columns) of the learned positions of patches, which are resized bilinearly to
            the image's; None for none.
    """

    def __init__(self, patch_size, width, prefix=0, grid=None, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.width = width
        self.prefix = prefix
        self.grid = None if grid is None else tuple(grid)
        self.prefix_tokens = self.positions = None

    def build(self, input_shape) -> None:
        self.embed = layers.Conv2D(
            self.width,
            self.patch_size,
            strides=self.patch_size,
            dtype=self.dtype_policy,
            name="embed",
        )
        self.embed.build(input_shape)
        if self.prefix:
            self.prefix_tokens = self._weight("prefix", (1, self.prefix, self.width))
        if self.grid:
            self.positions = self._weight("positions", (1, *self.grid, self.width))

    def _weight(self, name, shape):
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def call(self, images) -> Tensor:
        batch, height, width, _ = ops.shape(images)
        rows, columns = _cells(height), _cells(width)
        x = resize_bilinear(images, (rows * self.patch_size, columns * self.patch_size))
        x = self.embed(x)
        if self.positions is not None:
            positions = ops.cast(self.positions, x.dtype)
            x = x + resize_bilinear(positions, (rows, columns))
        x = ops.reshape(x, (batch, rows * columns, self.width))
        if self.prefix_tokens is None:
            return x
        prefix = ops.cast(self.prefix_tokens, x.dtype)
        prefix = ops.broadcast_to(prefix, (batch, self.prefix, self.width))
        return ops.concatenate([prefix, x], axis=1)

    def compute_output_shape(self, input_shape) -> tuple:
        rows, columns = map(_cells, input_shape[1:3])
        tokens = None if None in (rows, columns) else self.prefix + rows * columns
        return (input_shape[0], tokens, self.width)

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("patch_size", "width", "prefix", "grid")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_lwm")
class TokensAsMap(layers.Layer):
    """Tokens of `PatchTokens` as a map (B, ceil(H / 16), ceil(W / 16), width), without the prefix.

    Call it with `[tokens, images]`.

    Args:
        prefix: number of tokens before the patches'.
    """

    def __init__(self, prefix=0, **kwargs):
        super().__init__(**kwargs)
        self.prefix = prefix

    def call(self, inputs) -> Tensor:
        tokens, images = inputs
        batch, height, width, _ = ops.shape(images)
        shape = (batch, _cells(height), _cells(width), tokens.shape[-1])
        return ops.reshape(tokens[:, self.prefix :], shape)

    def compute_output_shape(self, input_shape) -> tuple:
        tokens, images = input_shape
        return (images[0], *map(_cells, images[1:3]), tokens[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "prefix": self.prefix}


@keras.saving.register_keras_serializable(package="keras_lwm")
class RotaryPositions(layers.Layer):
    """Cosines and sines of the rotary positions of an image's patches, as DINOv3 takes them.

    Images (B, H, W, 3) to two arrays (patches, head_width). Siméoni et al., "DINOv3" (2025).

    Args:
        head_width: width of an attention head, a multiple of 4.
        theta: ratio of the longest period to the shortest.
    """

    def __init__(self, head_width, theta=100.0, **kwargs):
        super().__init__(**kwargs)
        self.head_width = head_width
        self.theta = theta

    def call(self, images) -> tuple[Tensor, Tensor]:
        rows, columns = map(_cells, ops.shape(images)[1:3])
        frequencies = self.theta ** -np.arange(0, 1, 4 / self.head_width, dtype="float32")
        frequencies = ops.convert_to_tensor(2 * math.pi * frequencies, "float32")
        shape = (rows, columns, self.head_width // 4)
        angles = [
            ops.broadcast_to(ops.reshape(_centres(rows), (-1, 1, 1)) * frequencies, shape),
            ops.broadcast_to(ops.reshape(_centres(columns), (1, -1, 1)) * frequencies, shape),
        ]
        angles = ops.reshape(ops.concatenate(angles * 2, -1), (rows * columns, self.head_width))
        dtype = self.compute_dtype
        return ops.cast(ops.cos(angles), dtype), ops.cast(ops.sin(angles), dtype)

    def compute_output_shape(self, input_shape) -> tuple:
        rows, columns = map(_cells, input_shape[1:3])
        patches = None if None in (rows, columns) else rows * columns
        return ((patches, self.head_width),) * 2

    def get_config(self) -> dict:
        return {**super().get_config(), "head_width": self.head_width, "theta": self.theta}


def _centres(count):
    """Centres of so many cells that share the range from -1 to 1."""
    cells = ops.cast(ops.arange(count), "float32")
    return (2 * cells + 1) / ops.cast(count, "float32") - 1


@keras.saving.register_keras_serializable(package="keras_lwm")
class ResizeToStride(layers.Layer):
    """Resizes maps bilinearly to ceil(size / stride) rows and columns of an image.

    Call it with `[maps, images]`. Maps of stride 16, doubled, have a few more where 16 does not
    divide the image.

    Args:
        stride: pixels of the image to a pixel of the result, along each side.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs) -> Tensor:
        maps, images = inputs
        size = tuple(_cells(length, self.stride) for length in ops.shape(images)[1:3])
        return resize_bilinear(maps, size, current_window())

    def compute_output_shape(self, input_shape) -> tuple:
        maps, images = input_shape
        return (maps[0], *(_cells(length, self.stride) for length in images[1:3]), maps[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="keras_lwm")
class NearestUpsampling(keras.initializers.Initializer):
    """Starts a transposed convolution, kernel and stride 2, as doubling by the nearest neighbour.

    So the pyramid is of use before it has learned anything, and where the backbone is frozen.
    """

    def __call__(self, shape, dtype=None) -> Tensor:
        return ops.convert_to_tensor(np.broadcast_to(np.eye(*shape[2:]), shape), dtype)


def simple_feature_pyramid(maps, images) -> dict[str, keras.KerasTensor]:
    """Features at the strides 4, 8, 16 and 32 of a map at stride 16.

    As Li et al. but without normalisation between the two transposed convolutions of stride 4.

    Args:
        maps: (B, ceil(H / 16), ceil(W / 16), C).
        images: (B, H, W, any), for their size.

    Returns:
        `stride_4` to `stride_32`, each (B, ceil(H / stride), ceil(W / stride), C).
    """
    eighth = _doubled(maps, "pyramid_8")
    quarter = _doubled(_doubled(maps, "pyramid_4_first"), "pyramid_4")
    return {
        "stride_4": ResizeToStride(4, name="pyramid_4_size")([quarter, images]),
        "stride_8": ResizeToStride(8, name="pyramid_8_size")([eighth, images]),
        "stride_16": maps,
        "stride_32": layers.MaxPooling2D(2, padding="same", name="pyramid_32")(maps),
    }


def _doubled(maps, name):
    return layers.Conv2DTranspose(
        maps.shape[-1], 2, strides=2, kernel_initializer=NearestUpsampling(), name=name
    )(maps)
