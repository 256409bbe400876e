"""The encoder MiT (mix transformer) in plain Keras, for images of any size.

Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers"
(NeurIPS 2021). It has no positional encoding. KerasHub's takes square images of one size only: its
layers know a map by the number of its pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import layers, ops

from keras_lwm.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_lwm")
class SpatialReductionAttention(layers.Layer):
    """Every pixel of maps (B, H, W, C) attends to a map reduced by `reduction`; shape kept.

    Queries are the pixels, keys and values those of a convolution of size and stride `reduction`,
    normalised. At sizes that it does not divide, that convolution pads, where the authors' leaves
    the last pixels out: so there is a key at every size.

    Args:
        heads: number of attention heads; it divides C.
        reduction: how many times fewer rows and columns keys have; 1: as many.
    """

    def __init__(self, heads, reduction=1, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.reduction = reduction
        self.reduce = self.norm = None

    def build(self, input_shape) -> None:
        channels = input_shape[-1]
        dtype = self.dtype_policy
        self.attention = layers.MultiHeadAttention(
            self.heads, channels // self.heads, dtype=dtype, name="attention"
        )
        self.attention.build((None, None, channels), (None, None, channels))
        if self.reduction > 1:
            self.reduce = layers.Conv2D(
                channels,
                self.reduction,
                strides=self.reduction,
                padding="same",
                dtype=dtype,
                name="reduce",
            )
            self.reduce.build(input_shape)
            self.norm = layers.LayerNormalization(epsilon=1e-5, dtype=dtype, name="norm")
            self.norm.build(input_shape)

    def call(self, x) -> Tensor:
        keys = x if self.reduce is None else self.norm(self.reduce(x))
        return ops.reshape(self.attention(_as_tokens(x), _as_tokens(keys)), ops.shape(x))

    def compute_output_shape(self, input_shape) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads, "reduction": self.reduction}


def _as_tokens(maps):
    shape = ops.shape(maps)
    return ops.reshape(maps, (shape[0], shape[1] * shape[2], shape[3]))


class Stage(NamedTuple):
    """One of the encoder's stages.

    Attributes:
        blocks: number of transformer blocks.
        channels: of its maps.
        heads: of each attention.
        reduction: of the maps that keys and values are made of, along each side.
        patch_size: of the convolution that the stage begins with, odd.
        stride: of that convolution.
    """

    blocks: int
    channels: int
    heads: int
    reduction: int
    patch_size: int
    stride: int


def _layer_norm(x, name, epsilon=1e-6):
    return layers.LayerNormalization(epsilon=epsilon, name=name)(x)


def _add(x, residual, drop_rate, name):
    """The sum; in training a sample's residual is left out at this rate (stochastic depth)."""
    drop = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")
    return layers.Add(name=name)([x, drop(residual)])


def _block(x, stage, drop_rate, name):
    residual = _layer_norm(x, f"{name}_norm_1")
    residual = SpatialReductionAttention(stage.heads, stage.reduction, name=f"{name}_attention")(
        residual
    )
    x = _add(x, residual, drop_rate, f"{name}_add_1")
    residual = _layer_norm(x, f"{name}_norm_2")
    residual = layers.Conv2D(4 * stage.channels, 1, name=f"{name}_expand")(residual)
    residual = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(residual)
    # Exact, of the error function, as the authors trained it; KerasHub approximates it by tanh.
    residual = layers.Activation("gelu", name=f"{name}_gelu")(residual)
    residual = layers.Conv2D(stage.channels, 1, name=f"{name}_project")(residual)
    return _add(x, residual, drop_rate, f"{name}_add_2")


def mix_transformer(
    images: keras.KerasTensor, stages: Sequence[Stage], drop_rate: float = 0.1
) -> dict[str, keras.KerasTensor]:
    """The features of images at the strides 4, 8, 16 and 32.

    Args:
        images: (B, H, W, 3), normalised; any size.
        stages: the four, the finest first; their strides are 4, 2, 2, 2.
        drop_rate: of stochastic depth in the last block; it rises from 0 in the first.

    Returns:
        `stride_4` to `stride_32`, each (B, ceil(H / stride), ceil(W / stride), its channels).
    """
    blocks = sum(stage.blocks for stage in stages)
    x, stride, done, features = images, 1, 0, {}
    for number, stage in enumerate(stages):
        name = f"stage_{number}"
        x = layers.ZeroPadding2D(stage.patch_size // 2, name=f"{name}_pad")(x)
        x = layers.Conv2D(
            stage.channels, stage.patch_size, strides=stage.stride, name=f"{name}_embed"
        )(x)
        x = _layer_norm(x, f"{name}_embed_norm", 1e-5)
        for block in range(stage.blocks):
            rate = drop_rate * done / max(blocks - 1, 1)
            x = _block(x, stage, rate, f"{name}_block_{block}")
            done += 1
        x = _layer_norm(x, f"{name}_norm", 1e-5)
        stride *= stage.stride
        features[f"stride_{stride}"] = x
    return features
