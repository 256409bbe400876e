"""RefineNet with side outputs and a depth branch, on any backbone."""

import keras

from keras_lwm.networks.backbones import STRIDES, build_backbone, freeze_batch_norm
from keras_lwm.networks.blocks import head
from keras_lwm.networks.depth_branch import depth_head
from keras_lwm.networks.full_refinenet import full_decoder
from keras_lwm.networks.light_refinenet import light_decoder
from keras_lwm.networks.transfer import transfer_weights

VARIANTS = ("full", "light")
SIDE_STRIDES = (8, 16, 32)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _check_decoder(num_classes, variant, side_outputs, channels, pools):
    if not _is_count(num_classes) or num_classes < 2:
        raise ValueError(f"num_classes must be an integer of at least 2; received {num_classes!r}.")
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}; received {variant!r}.")
    if len(set(side_outputs)) != len(side_outputs) or not set(side_outputs) <= set(SIDE_STRIDES):
        raise ValueError(
            f"side_outputs must be strides out of {SIDE_STRIDES}, each once; "
            f"received {side_outputs!r}."
        )
    for name, value in (("channels", channels), ("pools", pools)):
        if not _is_count(value):
            raise ValueError(f"{name} must be a positive integer; received {value!r}.")


def _check_input_shape(input_shape):
    sizes = tuple(input_shape)
    if len(sizes) != 3 or sizes[2] != 3 or not all(s is None or _is_count(s) for s in sizes[:2]):
        raise ValueError(
            "input_shape must be (height, width, 3) with a positive integer or None for height "
            f"and width; received {input_shape!r}."
        )


def refinenet_outputs(
    features,
    num_classes,
    variant="full",
    side_outputs=SIDE_STRIDES,
    depth_branch=True,
    channels=256,
    pools=None,
    initial_depth=3.0,
):
    """The part of `RefineNet` that comes after its backbone.

    With features computed once, it can be trained by itself, the backbone frozen:

        extractor = build_backbone("efficientnet_lite0", weights="imagenet")
        features = {
            name: keras.Input(maps.shape[1:], name=name) for name, maps in extractor.output.items()
        }
        decoder = keras.Model(features, refinenet_outputs(features, num_classes=13))

    Args:
        features: what `build_backbone` gives: a dictionary of `stride_4`, `stride_8`, `stride_16`
            and `stride_32`.
        num_classes, variant, side_outputs, depth_branch, channels, pools, initial_depth: see
            `RefineNet`.

    Returns:
        The dictionary of outputs of `RefineNet`.

    Raises:
        ValueError: an argument is out of its range.
    """
    if pools is None:
        pools = {"light": 4}.get(variant, 2)
    _check_decoder(num_classes, variant, side_outputs, channels, pools)
    features = {stride: features[f"stride_{stride}"] for stride in STRIDES}
    widths = {4: channels, 8: channels, 16: channels, 32: 2 * channels}
    decoder = full_decoder if variant == "full" else light_decoder
    refined = decoder(features, widths, pools)

    outputs = {"segmentation": head(refined[4], num_classes, "segmentation_logits")}
    for stride in side_outputs:
        outputs[f"side_{stride}"] = head(refined[stride], num_classes, f"side_{stride}_logits")
    if depth_branch:
        outputs["depth"] = depth_head(refined[4], initial_depth=initial_depth)
    return outputs


def RefineNet(
    backbone,
    num_classes,
    variant="full",
    side_outputs=SIDE_STRIDES,
    depth_branch=True,
    weights=None,
    frozen_batch_norm=False,
    input_shape=(None, None, 3),
    channels=256,
    pools=None,
    initial_depth=3.0,
    name=None,
):
    """Builds RefineNet (Lin et al., CVPR 2017) or Light-Weight RefineNet (Nekrasov et al., 2018).

    The side outputs and the depth branch are this project's, for training with depth as privileged
    information: classifiers on the decoder's results at coarser strides, and a head that
    predicts depth from the finest. `keras_lwm.networks.segmenter` takes both off again.

    Args:
        backbone: a name of `keras_lwm.networks.BACKBONES`, or a pair (functional `keras.Model`,
            {4: layer name, 8: ..., 16: ..., 32: ...}). It becomes the layer named "backbone".
        num_classes: number of classes, at least 2.
        variant: "full" or "light".
        side_outputs: strides that get a classifier, out of 8, 16 and 32; () for none.
        depth_branch: whether to predict depth.
        weights: None (random), "imagenet" (the backbone's), or the path of a `.keras` or
            `.weights.h5` file of such a network, whose classes may differ in number: see
            `transfer_weights`.
        frozen_batch_norm: whether the backbone's batch normalisations keep their statistics,
            scales and offsets.
        input_shape: (height, width, 3), each of the first two an integer or None (any size).
        channels: width of the decoder; the stage of stride 32 is twice as wide, as published.
        pools: pools in each chained residual pooling; None: 2 for "full" (as the paper says;
            its authors' later models have 4), 4 for "light".
        initial_depth: metres, about a typical depth of the scenes.
        name: of the model.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary.
        `segmentation`: logits (B, ceil(H / 4), ceil(W / 4), num_classes); `side_8`, `side_16`,
        `side_32`: logits at those strides; `depth`: metres, positive, (B, ceil(H / 4),
        ceil(W / 4), 1). All float32 under every dtype policy.

    Raises:
        ValueError: an argument is out of its range, or weights do not fit.
        ImportError: the backbone or its weights need a package that is not installed.

    Example:
        >>> network = RefineNet("efficientnet_lite0", num_classes=13, variant="light")
        >>> sorted(network.output)
        ['depth', 'segmentation', 'side_16', 'side_32', 'side_8']
    """
    _check_input_shape(input_shape)
    imagenet = weights if weights == "imagenet" else None
    extractor = build_backbone(backbone, input_shape, imagenet)
    if frozen_batch_norm:
        freeze_batch_norm(extractor)
    image = keras.Input(input_shape, name="image")
    outputs = refinenet_outputs(
        extractor(image),
        num_classes,
        variant,
        side_outputs,
        depth_branch,
        channels,
        pools,
        initial_depth,
    )
    network = keras.Model(image, outputs, name=name)
    if weights not in (None, "imagenet"):
        transfer_weights(network, weights)
    return network
