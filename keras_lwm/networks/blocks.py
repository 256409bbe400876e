"""The pieces of both RefineNet decoders, as functions on feature maps.

RCU, multi-resolution fusion and CRP are those of Lin et al., "RefineNet: Multi-Path Refinement
Networks for High-Resolution Semantic Segmentation" (CVPR 2017). Biases follow the released models:
only the first convolution of an RCU has one.
"""

import keras
from keras import layers

from keras_lwm.networks.resize import ResizeLike


def conv_initializer():
    """Starts a convolution at a sixth of He's variance, as the published PyTorch models do.

    A decoder sums dozens of paths and has no normalisation: with He's initialisation its logits
    would start in the thousands. New at every call: one initialiser gives one set of values.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def head_initializer():
    """Starts an output near 0: the first loss is log(classes), the first depth the initial one."""
    return keras.initializers.RandomNormal(stddev=0.003)


def conv(x, channels, kernel_size, name, use_bias=False):
    """A stride 1 convolution with 'same' padding."""
    return layers.Conv2D(
        channels,
        kernel_size,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=conv_initializer(),
        name=name,
    )(x)


def head(x, channels, name):
    """A 3x3 convolution to an output's channels, float32 under every dtype policy."""
    return layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=head_initializer(),
        dtype="float32",
        name=name,
    )(x)


def relu(x, name):
    return layers.ReLU(name=name)(x)


def residual_conv_units(x, count, name):
    """`count` residual conv units (RCU) in a row: x + conv3x3(relu(conv3x3(relu(x))))."""
    channels = x.shape[-1]
    for unit in range(1, count + 1):
        prefix = f"{name}_{unit}"
        residual = relu(x, f"{prefix}_relu_1")
        residual = conv(residual, channels, 3, f"{prefix}_conv_1", use_bias=True)
        residual = relu(residual, f"{prefix}_relu_2")
        residual = conv(residual, channels, 3, f"{prefix}_conv_2")
        x = layers.Add(name=f"{prefix}_add")([x, residual])
    return x


def chained_residual_pooling(x, count, kernel_size, name):
    """CRP: relu(x) plus a chain of `count` 5x5 max pools, each followed by a convolution."""
    x = pooled = relu(x, f"{name}_relu")
    terms = [x]
    for link in range(1, count + 1):
        pooled = max_pool_5x5(pooled, f"{name}_pool_{link}")
        pooled = conv(pooled, x.shape[-1], kernel_size, f"{name}_conv_{link}")
        terms.append(pooled)
    return layers.Add(name=f"{name}_add")(terms)


def max_pool_5x5(x, name):
    """Maximum over 5x5 pixels around each, image edges clipped, resolution kept."""
    # Columns, then rows: the same maxima, at a tenth of the time under JAX on a CPU.
    x = layers.MaxPooling2D((5, 1), strides=1, padding="same", name=f"{name}_columns")(x)
    return layers.MaxPooling2D((1, 5), strides=1, padding="same", name=f"{name}_rows")(x)


def fuse(fine, coarse, name):
    """Multi-resolution fusion of two paths of like width: the coarse one is upsampled, then sum."""
    coarse = ResizeLike(name=f"{name}_upsample")([coarse, fine])
    return layers.Add(name=f"{name}_add")([fine, coarse])
