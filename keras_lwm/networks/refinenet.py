"""RefineNet, full and light, on any backbone: pieces, decoders, heads, and the whole network.

RCU, multi-resolution fusion and CRP are those of Lin et al., "RefineNet: Multi-Path Refinement
Networks for High-Resolution Semantic Segmentation" (CVPR 2017); the light variant is that of
Nekrasov et al., "Light-Weight RefineNet for Real-Time Semantic Segmentation" (BMVC 2018). Biases
follow the released models: only the first convolution of an RCU has one.
"""

import math

import keras
from keras import layers

from keras_lwm.networks.backbones import STRIDES, are_of_backbone, build_backbone, freeze_batch_norm
from keras_lwm.networks.layers import ResizeLike
from keras_lwm.networks.network import SegmentationNetwork
from keras_lwm.networks.rgbd import encoded, joined_with_depth
from keras_lwm.networks.transfer import transfer_weights
from keras_lwm.tensors import Tensor


def conv_initializer() -> keras.initializers.Initializer:
    """Starts a convolution at a sixth of He's variance, as the published PyTorch models do.

    A decoder sums dozens of paths and has no normalisation: with He's initialisation its logits
    would start in the thousands. New at every call: one initialiser gives one set of values.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def head_initializer() -> keras.initializers.Initializer:
    """Starts an output near 0: the first loss is log(classes), the first depth the initial one."""
    return keras.initializers.RandomNormal(stddev=0.003)


def conv(x, channels, kernel_size, name, use_bias=False) -> keras.KerasTensor:
    """A stride 1 convolution with 'same' padding."""
    return layers.Conv2D(
        channels,
        kernel_size,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=conv_initializer(),
        name=name,
    )(x)


def head(x, channels, name) -> keras.KerasTensor:
    """A 3x3 convolution to an output's channels, float32 under every dtype policy."""
    return layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=head_initializer(),
        dtype="float32",
        name=name,
    )(x)


def relu(x, name) -> keras.KerasTensor:
    return layers.ReLU(name=name)(x)


def residual_conv_units(x, count, name) -> keras.KerasTensor:
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


def chained_residual_pooling(x, count, kernel_size, name) -> keras.KerasTensor:
    """CRP: relu(x) plus a chain of `count` 5x5 max pools, each followed by a convolution."""
    x = pooled = relu(x, f"{name}_relu")
    terms = [x]
    for link in range(1, count + 1):
        pooled = max_pool_5x5(pooled, f"{name}_pool_{link}")
        pooled = conv(pooled, x.shape[-1], kernel_size, f"{name}_conv_{link}")
        terms.append(pooled)
    return layers.Add(name=f"{name}_add")(terms)


def max_pool_5x5(x, name) -> keras.KerasTensor:
    """Maximum over 5x5 pixels around each, image edges clipped, resolution kept."""
    # Columns, then rows: the same maxima, at a tenth of the time under JAX on a CPU.
    x = layers.MaxPooling2D((5, 1), strides=1, padding="same", name=f"{name}_columns")(x)
    return layers.MaxPooling2D((1, 5), strides=1, padding="same", name=f"{name}_rows")(x)


def fuse(fine, coarse, name) -> keras.KerasTensor:
    """Multi-resolution fusion of two paths of like width: the coarse one is upsampled, then sum."""
    coarse = ResizeLike(name=f"{name}_upsample")([coarse, fine])
    return layers.Add(name=f"{name}_add")([fine, coarse])


def full_decoder(features, widths, pools) -> keras.KerasTensor:
    """Refines backbone features from coarse to fine.

    Each stage is reduced by a 3x3 convolution and adapted by two residual conv units (RCU), fused
    with the coarser block's result (itself adapted by two RCUs; both through a 3x3 convolution to
    the smaller width), pooled by CRP, and closed by one RCU. The finest block is followed by the
    paper's two additional RCUs.

    Args:
        features: mapping of stride to feature maps (B, ceil(H / stride), ceil(W / stride), any),
            for the strides 4, 8, 16, 32.
        widths: mapping of the same strides to the decoder's channels there.
        pools: links of each pooling chain.

    Returns:
        Mapping of stride to refined maps (B, ceil(H / stride), ceil(W / stride), widths[stride]).
    """
    refined = {}
    coarser = None
    for stride in sorted(features, reverse=True):
        name = f"stage_{stride}"
        x = conv(features[stride], widths[stride], 3, f"{name}_reduce")
        x = residual_conv_units(x, 2, f"{name}_rcu")
        if coarser is not None:
            x = conv(x, widths[stride], 3, f"{name}_adapt")
            path = f"stage_{coarser}_to_{stride}"
            coarse = residual_conv_units(refined[coarser], 2, f"{path}_rcu")
            coarse = conv(coarse, widths[stride], 3, path)
            x = fuse(x, coarse, f"{name}_fusion")
        x = chained_residual_pooling(x, pools, 3, f"{name}_crp")
        refined[stride] = residual_conv_units(x, 1, f"{name}_output_rcu")
        coarser = stride
    refined[coarser] = residual_conv_units(refined[coarser], 2, "final_rcu")
    return refined


def light_decoder(features, widths, pools) -> keras.KerasTensor:
    """Refines backbone features from coarse to fine.

    Args:
        features: mapping of stride to feature maps (B, ceil(H / stride), ceil(W / stride), any),
            for the strides 4, 8, 16, 32.
        widths: mapping of the same strides to the decoder's channels there.
        pools: links of each pooling chain.

    Returns:
        Mapping of stride to refined maps (B, ceil(H / stride), ceil(W / stride), widths[stride]).
    """
    refined = {}
    coarser = None
    for stride in sorted(features, reverse=True):
        name = f"stage_{stride}"
        x = conv(features[stride], widths[stride], 1, f"{name}_reduce")
        if coarser is not None:
            x = conv(x, widths[stride], 1, f"{name}_adapt")
            coarse = conv(refined[coarser], widths[stride], 1, f"stage_{coarser}_to_{stride}")
            x = fuse(x, coarse, f"{name}_fusion")
        refined[stride] = chained_residual_pooling(x, pools, 1, f"{name}_crp")
        coarser = stride
    return refined


MAX_LOGIT = math.log(1000.0)


@keras.saving.register_keras_serializable(package="keras_lwm")
class PositiveDepth(layers.Layer):
    """Turns a logit into metres: exp(clip(logit, -log 1000, log 1000)) * initial_depth [ours].

    The exponential suits losses on log depth, whose gradient then reaches the logit unscaled. The
    clip bounds depth to a factor of 1000 around `initial_depth`, so that it is positive and
    finite for every logit, infinite ones included (a NaN stays one). Computes in float32.

    Args:
        initial_depth: metres, positive; the depth that a logit of 0 means.
    """

    def __init__(self, initial_depth=3.0, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0.0 < initial_depth < math.inf:
            raise ValueError(
                f"initial_depth must be a positive number of metres; received {initial_depth!r}."
            )
        self.initial_depth = initial_depth

    def call(self, logits) -> Tensor:
        return keras.ops.exp(keras.ops.clip(logits, -MAX_LOGIT, MAX_LOGIT)) * self.initial_depth

    def compute_output_shape(self, input_shape) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "initial_depth": self.initial_depth}


def depth_head(features, width=64, initial_depth=3.0) -> keras.KerasTensor:
    """Predicts depth from decoder features; every layer's name starts with `depth_`.

    A 1x1 convolution to `width` channels, two 3x3 convolutions and one to a single channel [ours].

    Args:
        features: maps (B, h, w, C).
        width: channels of the head's hidden layers.
        initial_depth: metres, about a typical depth of the scenes.

    Returns:
        Depth (B, h, w, 1), float32 metres, positive.
    """
    x = features
    for number, kernel_size in enumerate((1, 3, 3), start=1):
        x = layers.Conv2D(
            width,
            kernel_size,
            padding="same",
            activation="relu",
            kernel_initializer=conv_initializer(),
            name=f"depth_conv_{number}",
        )(x)
    logit = head(x, 1, "depth_logit")
    return PositiveDepth(initial_depth, name="depth_metres")(logit)


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
) -> dict[str, keras.KerasTensor]:
    """The part of `RefineNet` that comes after its backbone.

    With features computed once, it can be trained by itself, the backbone frozen:

        extractor = build_backbone("efficientnet_lite0", weights="imagenet")
        features = {
            name: keras.Input(maps.shape[1:], name=name) for name, maps in extractor.output.items()
        }
        decoder = keras.Model(features, refinenet_outputs(features, num_classes=13))

    Args:
        features: what `build_backbone` gives: a dictionary of `stride_4`, `stride_8`, `stride_16`
            and `stride_32`; and perhaps of depth, see `keras_lwm.networks.rgbd`.
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
    joined = joined_with_depth(features)
    features = {stride: joined[f"stride_{stride}"] for stride in STRIDES}
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
    depth_input=False,
    focal_length=None,
    name=None,
) -> SegmentationNetwork:
    """Builds RefineNet (Lin et al., CVPR 2017) or Light-Weight RefineNet (Nekrasov et al., 2018).

    The side outputs and the depth branch are this project's, for training with depth as privileged
    information: classifiers on the decoder's results at coarser strides, and a head that
    predicts depth from the finest. `keras_lwm.networks.segmenter` takes both off again.

    Args:
        backbone: a name of `keras_lwm.networks.BACKBONES`; "hub:" and the name or folder of one of
            KerasHub's presets; or a pair (functional `keras.Model`, {4: layer name, 8: ..., 16:
            ..., 32: ...}): see `build_backbone`. It becomes the layer named "backbone".
        num_classes: number of classes, at least 2.
        variant: "full" or "light".
        side_outputs: strides that get a classifier, out of 8, 16 and 32; () for none.
        depth_branch: whether to predict depth.
        weights: None (random); of the backbone alone "imagenet", "preset" for one of KerasHub's, or
            the path of a PyTorch checkpoint: see `build_backbone`; or the path of a `.keras` or
            `.weights.h5` file of such a network, whose classes may differ in number: see
            `transfer_weights`.
        frozen_batch_norm: whether the backbone's batch normalisations keep their statistics,
            scales and offsets.
        input_shape: (height, width, 3), each of the first two an integer or None (any size).
        channels: width of the decoder; the stage of stride 32 is twice as wide, as published.
        pools: pools in each chained residual pooling; None: 2 for "full" (as the paper says;
            its authors' later models have 4), 4 for "light".
        initial_depth: metres, about a typical depth of the scenes.
        depth_input: whether the network sees depth, in predicting too, as what depth is worth at
            most, or as a teacher (see `DepthPrivilegedModel`): its images are (B, H, W, 4), the
            last channel being metres, not finite or <= 0 = not measured, and a second encoder, of
            the same kind and initial values, sees `DepthPicture` of it.
        focal_length: of that picture's camera, pixels; to be given where crops are trained on.
        name: of the model.

    Returns:
        A functional `keras.Model`, whose attribute `backbone` is its backbone: RGB images
        (B, H, W, 3), values 0..255, to a dictionary.
        `segmentation`: logits (B, ceil(H / 4), ceil(W / 4), num_classes); `side_8`, `side_16`,
        `side_32`: logits at those strides; `depth`: metres, positive, (B, ceil(H / 4),
        ceil(W / 4), 1). All float32 under every dtype policy.

    Raises:
        ValueError: an argument is out of its range, or weights do not fit.
        ImportError: the backbone or its weights need a package that is not installed.

    Examples:
        >>> network = RefineNet("efficientnet_lite0", num_classes=13, variant="light")
        >>> sorted(network.output)
        ['depth', 'segmentation', 'side_16', 'side_32', 'side_8']
    """
    _check_input_shape(input_shape)
    of_backbone = are_of_backbone(weights)
    extractor = build_backbone(backbone, input_shape, weights if of_backbone else None)
    image, features = encoded(extractor, input_shape, depth_input, focal_length)
    outputs = refinenet_outputs(
        features,
        num_classes,
        variant,
        side_outputs,
        depth_branch,
        channels,
        pools,
        initial_depth,
    )
    network = SegmentationNetwork(image, outputs, name=name)
    if frozen_batch_norm:
        # The decoder has none.
        freeze_batch_norm(network)
    if not of_backbone:
        taken, _ = transfer_weights(network, weights)
        if depth_input and not any(name.startswith("depth_backbone/") for name in taken):
            # The file is of a network of images.
            network.get_layer("depth_backbone").set_weights(network.backbone.get_weights())
            print("depth_backbone: as backbone.")
    return network
