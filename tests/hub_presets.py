"""Tiny backbones of KerasHub, and their folders as its `save_to_preset` writes them."""

import keras_hub
import numpy as np

SCALE = (0.02, 0.025, 0.03)
OFFSET = (-2.0, -1.5, -1.0)


def resnet():
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 8, 8, 8],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block_vd",
    )


def densenet():
    return keras_hub.models.DenseNetBackbone(stackwise_num_repeats=[1, 1, 1, 1], growth_rate=4)


def vgg():
    return keras_hub.models.VGGBackbone([1] * 5, [4] * 5)


def mit(side=64):
    return keras_hub.models.MiTBackbone(
        layerwise_depths=[1, 2, 1, 1],
        num_layers=4,
        layerwise_num_heads=[1, 2, 2, 4],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        hidden_dims=[4, 8, 12, 16],
        image_shape=(side, side, 3),
    )


def dinov2():
    return keras_hub.models.DINOV2Backbone(
        patch_size=16,  # DINOv2's is 14, of which 64 is no multiple
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=8,
        num_register_tokens=2,
        image_shape=(64, 64, 3),
        position_embedding_shape=(64, 64, 3),
    )


def dinov3():
    return keras_hub.models.DINOV3Backbone(
        patch_size=16,
        num_layers=1,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=8,
        image_shape=(64, 64, 3),
    )


def vit():
    return keras_hub.models.ViTBackbone((64, 64, 3), 16, 1, 2, 8, 8)


def fill(model, seed=0):
    """Draws every weight that does not scale, so that a network of zeros hides nothing."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if not any(part in variable.path for part in ("gamma", "variance", "seed")):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return model


def converter(backbone):
    """An image converter of the backbone's family, with the scale and offset above."""
    name = type(backbone).__name__.replace("Backbone", "ImageConverter")
    return getattr(keras_hub.layers, name)(image_size=(64, 64), scale=SCALE, offset=OFFSET)


def write_preset(folder, backbone):
    """Returns the name by which `RefineNet` knows it."""
    backbone.save_to_preset(folder)
    converter(backbone).save_to_preset(folder)
    return f"hub:{folder}"
