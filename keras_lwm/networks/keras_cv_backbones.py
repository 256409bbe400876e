"""The pyramids of keras-cv that take free image sizes, built from their configuration.

keras-cv's ready-made aliases reach for a hub even when no weights are wanted; its classes do not.
keras-cv (and TensorFlow, which it brings) is imported when one of these is asked for, not before.

Left out are those whose features are not ceil(size / stride) high and wide at every image size:
CSP-DarkNet, DenseNet, EfficientNet V1, MobileNetV3 and the transformers.
"""

import keras

from keras_lwm.extras import imports_of

_RESNET = {"stackwise_filters": [64, 128, 256, 512], "stackwise_strides": [1, 2, 2, 2]}


def _resnet(blocks, block_type):
    return {**_RESNET, "stackwise_blocks": blocks, "block_type": block_type}


def _efficientnet_v2(width, depth, repeats, inputs, outputs):
    return {
        "width_coefficient": width,
        "depth_coefficient": depth,
        "stackwise_num_repeats": repeats,
        "stackwise_input_filters": inputs,
        "stackwise_output_filters": outputs,
        "stackwise_kernel_sizes": [3] * 6,
        "stackwise_expansion_ratios": [1, 4, 4, 4, 6, 6],
        "stackwise_squeeze_and_excite_ratios": [0, 0, 0, 0.25, 0.25, 0.25],
        "stackwise_strides": [1, 2, 2, 2, 1, 2],
        "stackwise_conv_types": ["fused"] * 3 + ["unfused"] * 3,
    }


_V2_B = ([1, 2, 2, 3, 5, 8], [32, 16, 32, 48, 96, 112], [16, 32, 48, 96, 112, 192])
_V2_S = ([2, 4, 4, 6, 9, 15], [24, 24, 48, 64, 128, 160], [24, 48, 64, 128, 160, 256])

# name: (class in keras_cv.models, its configuration)
CONFIGURATIONS = {
    "resnet18_v2": ("ResNetV2Backbone", _resnet([2, 2, 2, 2], "basic_block")),
    "resnet34_v2": ("ResNetV2Backbone", _resnet([3, 4, 6, 3], "basic_block")),
    "resnet50_v2": ("ResNetV2Backbone", _resnet([3, 4, 6, 3], "block")),
    "resnet101_v2": ("ResNetV2Backbone", _resnet([3, 4, 23, 3], "block")),
    "resnet152_v2": ("ResNetV2Backbone", _resnet([3, 8, 36, 3], "block")),
    "efficientnetv2_b0": ("EfficientNetV2Backbone", _efficientnet_v2(1.0, 1.0, *_V2_B)),
    "efficientnetv2_b1": ("EfficientNetV2Backbone", _efficientnet_v2(1.0, 1.1, *_V2_B)),
    "efficientnetv2_b2": ("EfficientNetV2Backbone", _efficientnet_v2(1.1, 1.2, *_V2_B)),
    "efficientnetv2_b3": ("EfficientNetV2Backbone", _efficientnet_v2(1.2, 1.4, *_V2_B)),
    "efficientnetv2_s": ("EfficientNetV2Backbone", _efficientnet_v2(1.0, 1.0, *_V2_S)),
}

NAMES = tuple(CONFIGURATIONS)


def keras_cv_backbone(name, input_shape) -> keras.Model:
    """A pyramid of keras-cv, randomly initialised.

    Args:
        name: one of `NAMES`.
        input_shape: (height, width, 3), each of the first two an integer or None.

    Returns:
        A functional `keras.Model`: RGB images (B, H, W, 3), values 0..255, to a dictionary of
        features `stride_4`, `stride_8`, `stride_16`, `stride_32`.

    Raises:
        ImportError: the extra `keras-cv` is not installed.
    """
    with imports_of("keras-cv", f"Backbone {name!r}, which is built with keras-cv,"):
        import keras_cv

    class_name, configuration = CONFIGURATIONS[name]
    build = getattr(keras_cv.models, class_name)
    images = keras.Input(input_shape, name="image")
    pyramid = build(include_rescaling=True, input_tensor=images, **configuration)
    levels = pyramid.pyramid_level_inputs
    features = {
        f"stride_{2**level}": pyramid.get_layer(levels[f"P{level}"]).output
        for level in (2, 3, 4, 5)
    }
    return keras.Model(images, features, name="backbone")
