"""The feature extractors ResNet-18 to ResNet-152 in plain Keras, as torchvision builds them.

He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016). As in torchvision (and timm's
networks of these names) the stride of a bottleneck is in its 3x3 convolution, padding is the same
on every side, convolutions have no biases, and the batch norms' epsilon is 1e-5, so that their
weights fit.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import keras
from keras import layers

from keras_lwm.networks.checkpoint import load_checkpoint

# Of ImageNet's red, green and blue, for values from 0 to 1.
MEANS = (0.485, 0.456, 0.406)
DEVIATIONS = (0.229, 0.224, 0.225)


class Variant(NamedTuple):
    """What sets a variant apart.

    Attributes:
        blocks: of the stages at the strides 4, 8, 16 and 32.
        is_bottleneck: whether a block is three convolutions, four times as wide at its end; else
            two.
        file: torchvision's checkpoint (IMAGENET1K_V1); its name ends in the start of its SHA-256.
    """

    blocks: tuple[int, int, int, int]
    is_bottleneck: bool
    file: str


VARIANTS = {
    "resnet18": Variant((2, 2, 2, 2), False, "resnet18-f37072fd.pth"),
    "resnet34": Variant((3, 4, 6, 3), False, "resnet34-b627a593.pth"),
    "resnet50": Variant((3, 4, 6, 3), True, "resnet50-0676ba61.pth"),
    "resnet101": Variant((3, 4, 23, 3), True, "resnet101-63fe2227.pth"),
    "resnet152": Variant((3, 8, 36, 3), True, "resnet152-394f9c45.pth"),
}

ORIGIN = "https://download.pytorch.org/models/"


def imagenet_checkpoint(name: str) -> Path:
    """Path of torchvision's checkpoint of a variant in Keras' cache; downloaded if not there.

    Raises:
        ValueError: it cannot be downloaded, or is not what its name says.
    """
    file = VARIANTS[name].file
    try:
        path = Path(keras.utils.get_file(file, ORIGIN + file, cache_subdir="models"))
    except Exception as error:
        # Keras raises a bare Exception for what urllib says.
        raise ValueError(
            f"Cannot download the ImageNet weights of {name} ({error}); expected to reach "
            f"{ORIGIN}{file}, or a file of them as weights, such as weights={file!r}."
        ) from error
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    expected = path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        raise ValueError(
            f"{path} is damaged: expected a SHA-256 that starts with {expected}, received "
            f"{digest}; delete it, and it is downloaded again."
        )
    return path


def load_resnet_weights(model: keras.Model, name: str, path=None) -> None:
    """Loads a checkpoint of torchvision's or timm's into a model of `resnet`.

    Args:
        model: what `resnet` returned.
        name: that of its variant.
        path: a `.pth`, `.pt` or `.safetensors` file; None: torchvision's, of `imagenet_checkpoint`.

    Raises:
        ValueError: the file is not a checkpoint of this variant, or cannot be downloaded.
    """
    path = imagenet_checkpoint(name) if path is None else path
    load_checkpoint(model, name, path, lambda layer: layer.replace("_", "."), ("fc.",))


def _conv_norm(x, channels, kernel_size, stride, initializer, conv, norm):
    if kernel_size > 1 and stride > 1:
        # 'same' would pad an image of even size on two sides only.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{conv}_pad")(x)
    x = layers.Conv2D(
        channels,
        kernel_size,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        kernel_initializer=initializer,
        name=conv,
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=norm)(x)


def _block(inputs, channels, stride, is_bottleneck, initializer, name):
    """Convolutions, of which one has the stride, beside a shortcut."""
    if is_bottleneck:
        convolutions = ((channels, 1, 1), (channels, 3, stride), (4 * channels, 1, 1))
    else:
        convolutions = ((channels, 3, stride), (channels, 3, 1))
    x = inputs
    for number, convolution in enumerate(convolutions, start=1):
        if number > 1:
            x = layers.ReLU(name=f"{name}_relu{number - 1}")(x)
        x = _conv_norm(x, *convolution, initializer, f"{name}_conv{number}", f"{name}_bn{number}")
    if stride > 1 or inputs.shape[-1] != x.shape[-1]:
        names = f"{name}_downsample_0", f"{name}_downsample_1"
        inputs = _conv_norm(inputs, x.shape[-1], 1, stride, initializer, *names)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, inputs]))


def resnet(name: str, input_shape=(None, None, 3), kernel_initializer="he_normal") -> keras.Model:
    """A variant without its classifier or pretrained weights.

    Args:
        name: a key of `VARIANTS`.
        input_shape: (height, width, 3), each of the first two an integer or None.
        kernel_initializer: of every convolution.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary of
        features `stride_4`, `stride_8`, `stride_16` and `stride_32`, the outputs of the stages,
        ceil(size / stride) high and wide, of 64, 128, 256 and 512 channels, with bottlenecks of
        four times as many.
    """
    variant = VARIANTS[name]
    images = keras.Input(input_shape, name="image")
    scale = [1 / (255 * deviation) for deviation in DEVIATIONS]
    offset = [-mean / deviation for mean, deviation in zip(MEANS, DEVIATIONS, strict=True)]
    x = layers.Rescaling(scale, offset, dtype="float32", name="normalisation")(images)
    x = _conv_norm(x, 64, 7, 2, kernel_initializer, "conv1", "bn1")
    x = layers.ReLU(name="relu")(x)
    # Zeros are no more than what a ReLU gives.
    x = layers.MaxPooling2D(3, strides=2, name="maxpool")(layers.ZeroPadding2D(name="pad")(x))
    features = {}
    for stage, blocks in enumerate(variant.blocks, start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _block(
                x,
                32 * 2**stage,
                stride,
                variant.is_bottleneck,
                kernel_initializer,
                f"layer{stage}_{block}",
            )
        features[f"stride_{2 ** (stage + 1)}"] = x
    return keras.Model(images, features, name="backbone")
