"""Backbones of KerasHub, by the name of a preset or the folder of one.

KerasHub is imported when one of these is asked for, not before. Its image converter, which it keeps
outside of a network, goes inside, but for its resizing: images keep their size.
"""

import keras
import numpy as np
from keras import layers

from keras_lwm.extras import imports_of
from keras_lwm.networks.mix_transformer import Stage, mix_transformer
from keras_lwm.networks.vision_transformer import (
    PatchTokens,
    RotaryPositions,
    TokensAsMap,
    simple_feature_pyramid,
)

PREFIX = "hub:"
STRIDES = (4, 8, 16, 32)

# No multiple of a stride among them, and odd ones: what holds for these holds for every size.
_PROBED_SIZES = ((65, 97), (50, 78), (33, 64))


def hub_backbone(name, input_shape, weights) -> keras.Model:
    """A pyramid of one of KerasHub's backbones.

    Convolutional ones are KerasHub's own graphs. Of its transformers, which take square images of
    one size, the layers or the weights are taken, and the graph is this library's:
    `mix_transformer` for MiT; `vision_transformer` for DINOv2, DINOv3 and ViT.

    Args:
        name: "hub:" and what KerasHub's `from_preset` takes: the name of a preset, which is
            downloaded, or the folder of one.
        input_shape: (height, width, 3), each of the first two an integer or None.
        weights: "preset" for the preset's, None for random ones.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary of
        features `stride_4`, `stride_8`, `stride_16`, `stride_32`, each ceil(size / stride) high and
        wide.

    Raises:
        ImportError: the extra `hub` is not installed.
        ValueError: there is no such preset, it does not say how it wants images, or it is no
            backbone of images with such features.
    """
    with imports_of("hub", f"Backbone {name!r}, which is KerasHub's,"):
        import keras_hub

    backbone, converter = _load(keras_hub, name, weights)
    images = keras.Input(input_shape, name="image")
    x = normalisation(converter)(images)
    families = {
        keras_hub.models.MiTBackbone: _mix_transformer,
        keras_hub.models.DINOV2Backbone: _dinov2,
        keras_hub.models.DINOV3Backbone: _dinov3,
        keras_hub.models.ViTBackbone: _vit,
        keras_hub.models.FeaturePyramidBackbone: _pyramid,
    }
    for family, features_of in families.items():
        if isinstance(backbone, family):
            return keras.Model(images, features_of(backbone, x, name), name="backbone")
    raise ValueError(
        f"Backbone {name!r} is a {type(backbone).__name__}; expected one of KerasHub's with a "
        "feature pyramid (such as ResNet and EfficientNet), MiT, DINOv2, DINOv3 or ViT."
    )


def _load(keras_hub, name, weights):
    preset = name.removeprefix(PREFIX)
    try:
        backbone = keras_hub.models.Backbone.from_preset(preset, load_weights=weights is not None)
    except Exception as error:
        # Whatever a download, a damaged file or a class of another version raises.
        raise ValueError(
            f"KerasHub cannot load backbone {name!r}: expected after {PREFIX!r} the name of a "
            f"preset or the folder of one; received {preset!r} ({_first_line(error)})."
        ) from error
    try:
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
    except (ValueError, FileNotFoundError):
        converter = None
    if converter is None:
        raise ValueError(
            f"The preset of backbone {name!r} has no image converter, which would say how to "
            "normalise images: expected one, as KerasHub's ImageConverter.save_to_preset writes it."
        )
    return backbone, converter


def _first_line(error):
    return str(error).strip().partition("\n")[0]


def normalisation(converter) -> layers.Layer:
    """What an `ImageConverter` of KerasHub computes of RGB images 0..255, but for its resizing."""
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return layers.Rescaling(scale, offset, dtype="float32", name="normalisation")


def _pyramid(backbone, x, name):
    backbone = _of_shape(backbone, tuple(x.shape[1:]))
    image, levels = backbone.inputs[0], backbone.pyramid_outputs
    sizes = [tuple(map(_length, image.shape[1:3], probed)) for probed in _PROBED_SIZES]
    whole = keras.Model(image, levels)
    maps = [whole.compute_output_shape((1, *size, 3)) for size in sizes]
    features = {}
    for stride in STRIDES:
        expected = [tuple(-(-length // stride) for length in size) for size in sizes]
        # The last of them, where several have this stride.
        for level, features_there in levels.items():
            if [tuple(shapes[level][1:3]) for shapes in maps] == expected:
                features[f"stride_{stride}"] = features_there
        if f"stride_{stride}" not in features:
            received = ", ".join(_by(shape[1:3]) for shape in maps[0].values())
            raise ValueError(
                f"Backbone {name!r}, a {type(backbone).__name__}, has no map of stride {stride} at "
                f"every size: of an image of {_by(sizes[0])} its maps are {received}, expected "
                f"{_by(expected[0])} among them."
            )
    return keras.Model(image, features, name="pyramid")(x)


def _length(own, probed):
    return probed if own is None else own


def _by(size):
    return "x".join(map(str, size))


def _of_shape(backbone, shape):
    """The backbone, or one like it with its weights, for images of this shape."""
    if tuple(backbone.inputs[0].shape[1:]) == shape:
        return backbone
    config = backbone.get_config()
    argument = "input_shape" if "input_shape" in config else "image_shape"
    other = type(backbone).from_config({**config, argument: shape})
    other.set_weights(backbone.get_weights())
    return other


def _mix_transformer(backbone, x, name):
    stages = [
        Stage(*values)
        for values in zip(
            backbone.layerwise_depths,
            backbone.hidden_dims,
            backbone.layerwise_num_heads,
            backbone.layerwise_sr_ratios,
            backbone.layerwise_patch_sizes,
            backbone.layerwise_strides,
            strict=True,
        )
    ]
    drop_rate = backbone.get_layer(f"hierarchical_encoder_3_{stages[3].blocks - 1}").drop_prop
    features = mix_transformer(x, stages, float(drop_rate))
    model = keras.Model(x, features)
    norms = [each for each in backbone.layers if isinstance(each, layers.LayerNormalization)]
    for number, (stage, norm) in enumerate(zip(stages, norms, strict=True)):
        own = f"stage_{number}"
        embed = backbone.get_layer(f"patch_and_embed_{number}")
        _copy(embed.proj, model.get_layer(f"{own}_embed"))
        _copy(embed.norm, model.get_layer(f"{own}_embed_norm"))
        _copy(norm, model.get_layer(f"{own}_norm"))
        for block in range(stage.blocks):
            theirs = backbone.get_layer(f"hierarchical_encoder_{number}_{block}")
            _copy_block(theirs, model, f"{own}_block_{block}")
    return features


def _copy_block(theirs, model, name):
    attention = model.get_layer(f"{name}_attention")
    inner = attention.attention
    pairs = {"q": "query_dense", "k": "key_dense", "v": "value_dense", "proj": "output_dense"}
    for source, target in pairs.items():
        _copy(getattr(theirs.attn, source), getattr(inner, target))
    if attention.reduction > 1:
        _copy(theirs.attn.sr, attention.reduce)
        _copy(theirs.attn.norm, attention.norm)
    _copy(theirs.norm1, model.get_layer(f"{name}_norm_1"))
    _copy(theirs.norm2, model.get_layer(f"{name}_norm_2"))
    _copy(theirs.mlp.fc1, model.get_layer(f"{name}_expand"))
    _copy(theirs.mlp.dwconv, model.get_layer(f"{name}_depthwise"))
    _copy(theirs.mlp.fc2, model.get_layer(f"{name}_project"))


def _copy(source, target):
    """Copies weights that differ in shape at most by how channels are split into heads."""
    for variable, value in zip(target.weights, source.weights, strict=True):
        variable.assign(np.reshape(_numpy(value), variable.shape))


def _numpy(value):
    return keras.ops.convert_to_numpy(value)


def _dinov2(backbone, x, name):
    theirs = backbone.embeddings
    # Registers have no positions.
    first, *others = _prefix(theirs)
    positions = _numpy(theirs.position_embeddings)
    prefix = [first + positions[:, :1], *others]
    grid = [length // backbone.patch_size for length in theirs.position_embedding_shape]
    convolution = theirs.patch_embeddings.projection
    tokens, as_map = _tokens(x, convolution, prefix, positions[0, 1:], grid)
    tokens, _ = backbone.encoder(tokens)
    return simple_feature_pyramid(as_map(backbone.layernorm(tokens)), x)


def _dinov3(backbone, x, name):
    theirs = backbone.embeddings
    tokens, as_map = _tokens(x, theirs.patch_embeddings.projection, _prefix(theirs))
    head_width = backbone.hidden_dim // backbone.num_heads
    rotary = RotaryPositions(head_width, backbone.rope_theta, name="positions")(x)
    tokens, _ = backbone.encoder(
        tokens,
        position_embeddings=rotary,
        num_prefix_tokens=1 + theirs.num_register_tokens,
    )
    return simple_feature_pyramid(as_map(backbone.layernorm(tokens)), x)


def _prefix(embeddings):
    """Class token and registers of DINO, each (1, any, width)."""
    tokens = [embeddings.cls_token]
    if embeddings.num_register_tokens:
        tokens.append(embeddings.register_tokens)
    return [_numpy(token) for token in tokens]


def _vit(backbone, x, name):
    theirs = backbone.get_layer("vit_patching_and_embedding")
    positions = _numpy(theirs.position_embedding.embeddings)
    prefix = []
    if theirs.use_class_token:
        prefix, positions = [_numpy(theirs.class_token) + positions[:1]], positions[1:]
    sizes = zip(theirs.image_size, theirs.patch_size, strict=True)
    grid = [length // patch for length, patch in sizes]
    tokens, as_map = _tokens(x, theirs.patch_embedding, prefix, positions, grid)
    return simple_feature_pyramid(as_map(backbone.get_layer("vit_encoder")(tokens)), x)


def _tokens(images, convolution, prefix, positions=None, grid=None):
    """An image's tokens by the given weights, and a function from tokens like them to a map.

    Args:
        images: the network's, normalised.
        convolution: of patches.
        prefix: tokens before the patches', each (1, any, width), with what positions they have.
        positions: of the patches of the image that they were learned for, row by row.
        grid: rows and columns of these positions.
    """
    count = sum(token.shape[1] for token in prefix)
    patch_size = convolution.kernel_size[0]
    layer = PatchTokens(patch_size, convolution.filters, count, grid, name="tokens")
    tokens = layer(images)
    _copy(convolution, layer.embed)
    if count:
        layer.prefix_tokens.assign(np.concatenate(prefix, axis=1))
    if grid:
        layer.positions.assign(np.reshape(positions, layer.positions.shape))
    return tokens, lambda x: TokensAsMap(count, name="map")([x, images])
