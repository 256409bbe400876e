"""The weighting is independent of the network: KerasHub's segmenters, trained and exported."""

import hub_presets
import keras
import keras_hub
import numpy as np
import pytest

from keras_lwm import DepthPrivilegedModel, Predictor, export_segmenter
from keras_lwm.networks import attach_depth_branch, segmenter

CLASSES = 3
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)


def deeplab():
    return keras_hub.models.DeepLabV3ImageSegmenter(
        keras_hub.models.DeepLabV3Backbone(
            image_encoder=hub_presets.resnet(),
            spatial_pyramid_pooling_key="P4",
            upsampling_size=4,
            dilation_rates=[2],
            low_level_feature_key="P2",
            projection_filters=4,
            image_shape=(64, 64, 3),  # Of free size, TensorFlow cannot trace its pooling.
        ),
        num_classes=CLASSES,
        preprocessor=keras_hub.models.DeepLabV3ImageSegmenterPreprocessor(
            keras_hub.layers.DeepLabV3ImageConverter(
                scale=hub_presets.SCALE, offset=hub_presets.OFFSET
            )
        ),
    )


def segformer():
    return keras_hub.models.SegFormerImageSegmenter(
        keras_hub.models.SegFormerBackbone(hub_presets.mit(), projection_filters=8),
        num_classes=CLASSES,
        preprocessor=keras_hub.models.SegFormerImageSegmenterPreprocessor(
            keras_hub.layers.SegFormerImageConverter(
                image_size=(64, 64), scale=hub_presets.SCALE, offset=hub_presets.OFFSET
            )
        ),
    )


# The model, and the shape of the map that its classifier works on.
SEGMENTERS = {deeplab: (None, 64, 64, 256), segformer: (None, 16, 16, 8)}


@pytest.mark.parametrize("build", SEGMENTERS)
def test_logits_are_found_and_the_preprocessing_is_inside(build):
    model = hub_presets.fill(build())
    network = attach_depth_branch(model)
    images = IMAGES.astype("float32")
    outputs = network.predict(images, verbose=0)
    normalised = images * np.float32(hub_presets.SCALE) + np.float32(hub_presets.OFFSET)
    model.preprocessor = None
    expected = model.predict(normalised, verbose=0)
    np.testing.assert_allclose(outputs["segmentation"], expected, atol=1e-4)
    assert outputs["depth"].shape == (4, 64, 64, 1) and (outputs["depth"] > 0).all()
    assert network.get_layer("depth_conv_1").input.shape == SEGMENTERS[build]
    assert segmenter(network).count_params() == model.count_params()


@pytest.mark.parametrize("build", SEGMENTERS)
def test_two_steps_of_training_and_export(build, tmp_path):
    network = attach_depth_branch(build())
    model = DepthPrivilegedModel(network)
    model.compile(keras.optimizers.Adam(1e-3))
    rng = np.random.default_rng(1)
    labels = rng.integers(0, CLASSES, IMAGES.shape[:3], dtype=np.uint8)
    depths = rng.uniform(1, 5, (*IMAGES.shape[:3], 1)).astype("float32")
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    history = model.fit(
        IMAGES, {"label": labels, "depth": depths}, batch_size=2, epochs=1, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    after = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    moved = [not np.array_equal(old, new) for old, new in zip(before, after, strict=True)]
    assert np.mean(moved) > 0.8  # DeepLab has the stage of stride 32, and does not use it.

    export_segmenter(model, tmp_path / "segmenter.onnx", "onnx")
    logits = segmenter(model).predict(IMAGES[:1], verbose=0)
    exported = Predictor(tmp_path / "segmenter.onnx")(IMAGES[0])
    assert np.mean(exported == logits[0].argmax(-1)) > 0.99
