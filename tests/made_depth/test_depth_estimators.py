"""Depth models of three kinds, each beside what its own package, or NumPy, makes of an image."""

import json

import keras
import numpy as np
import pytest
from bright_models import normalised, write_onnx
from deployment.small_refinenet import small_refinenet, trained_model

from keras_lwm.made_depth import open_estimator
from keras_lwm.made_depth.kinds import METRES, RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH
from keras_lwm.made_depth.onnx_file import IMAGENET_DEVIATION, IMAGENET_MEAN
from keras_lwm.networks import segmenter

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3)).astype("uint8")


def test_a_runs_depth_branch(tmp_path):
    model = trained_model()
    run = tmp_path / "my run"
    run.mkdir()
    model.save(run / "last.keras")
    estimator = open_estimator(str(run))
    expected = keras.ops.convert_to_numpy(model(IMAGES.astype("float32"))["depth"])[..., 0]
    np.testing.assert_allclose(estimator(IMAGES), expected, rtol=1e-4)
    assert (estimator.name, estimator.kind, estimator.size) == ("my run", METRES, None)
    by_file = open_estimator(str(run / "last.keras"), size=(64, 96))
    assert (by_file.name, by_file.size) == ("last.keras", (64, 96))
    assert by_file.identity["digest"] == estimator.identity["digest"]
    assert by_file.identity["size"] == [64, 96] and estimator.identity["size"] is None


def test_a_network_without_depth_branch_is_refused(tmp_path):
    network = small_refinenet(with_depth=False)
    network.save(tmp_path / "no_depth.keras")
    segmenter(network).save(tmp_path / "segmenter.keras")
    for name, received in (("no_depth", "segmentation"), ("segmenter", "a single output")):
        with pytest.raises(ValueError, match=rf"output named depth in .*{name}.*{received}"):
            open_estimator(str(tmp_path / f"{name}.keras"))
    rgbd = keras.Input((None, None, 4))
    keras.Model(rgbd, {"depth": keras.ops.exp(rgbd[..., 3:])}).save(tmp_path / "sees.keras")
    with pytest.raises(ValueError, match=r"that in .*sees.keras sees depth itself"):
        open_estimator(str(tmp_path / "sees.keras"))


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "damaged.onnx").write_text("hello")
    for name, sentence in (
        ("photo.jpg", "Expected a depth model"),
        ("none.keras", "there is no file"),
        ("none.onnx", "there is no file"),
        ("", "Expected a depth model"),
        ("damaged.onnx", "cannot be opened as an ONNX file"),
    ):
        options = {"output": "depth"} if name.endswith("onnx") else None
        with pytest.raises(ValueError, match=sentence):
            open_estimator(str(tmp_path / name), onnx_options=options)
    with pytest.raises(
        ValueError, match="Expected output, mean with an .onnx file; received hub:x"
    ):
        open_estimator("hub:x", onnx_options={"output": "depth", "mean": (0, 0, 0)})


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("rank", [3, 4])
def test_an_onnx_file(tmp_path, channels_first, batch, rank):
    """Three images through a file that takes two at a time, too."""
    path = write_onnx(tmp_path / "a.onnx", channels_first, (batch, None, None), rank=rank)
    estimator = open_estimator(str(path), onnx_options={"output": "inverse-depth"})
    seen = normalised(IMAGES, IMAGENET_MEAN, IMAGENET_DEVIATION)
    np.testing.assert_allclose(estimator(IMAGES), seen.mean(axis=-1) + 3, rtol=1e-5)
    assert (estimator.name, estimator.kind) == ("a.onnx", RELATIVE_INVERSE_DEPTH)
    assert estimator.size is None


def test_an_onnx_files_options(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", shape=(1, 32, 48))
    options = {"output": "metres", "mean": (0.1, 0.2, 0.3), "deviation": (1, 2, 4)}
    estimator = open_estimator(str(path), onnx_options=options)
    assert (estimator.kind, estimator.size) == (METRES, (32, 48))
    seen = normalised(IMAGES, (0.1, 0.2, 0.3), (1, 2, 4))
    np.testing.assert_allclose(estimator(IMAGES), seen.mean(axis=-1) + 3, rtol=1e-5)
    json.dumps(estimator.identity)
    for wrong, sentence in (
        ({"output": None}, "Expected output to say what .*metres, depth, inverse-depth; rec"),
        ({"deviation": (1, 0, 1)}, "deviation above 0"),
        ({"mean": (1, 2)}, "mean of three channels; received 2"),
    ):
        with pytest.raises(ValueError, match=sentence):
            open_estimator(str(path), onnx_options={**options, **wrong})
    with pytest.raises(ValueError, match=r"takes images of \(32, 48\); received size=\(32, 40\)"):
        open_estimator(str(path), (32, 40), options)


def test_which_input_and_output_an_onnx_file_has(tmp_path):
    options = {"output": "depth"}
    path = write_onnx(tmp_path / "a.onnx", outputs=("mask", "predicted_depth"))
    estimator = open_estimator(str(path), onnx_options=options)
    seen = normalised(IMAGES, IMAGENET_MEAN, IMAGENET_DEVIATION)
    np.testing.assert_allclose(estimator(IMAGES), seen.mean(axis=-1) + 3, rtol=1e-5)
    for form, sentence in (
        ({"outputs": ("mask", "other")}, "one with depth in its name; received mask, other"),
        ({"channels": 4}, r"one input of images, .* received image: tensor\(float\) \['b', 4,"),
    ):
        with pytest.raises(ValueError, match=sentence):
            open_estimator(str(write_onnx(path, **form)), onnx_options=options)
    path = write_onnx(path, shape=(None, 32, None))
    with pytest.raises(ValueError, match=r"takes images of \(32, None\): give a size"):
        open_estimator(str(path), onnx_options=options)
    assert open_estimator(str(path), (32, 48), options)(IMAGES).shape == (3, 32, 48)


def tiny_depth_anything(**options):
    """As KerasHub builds it, of a few thousand weights; its image converter has a scale."""
    from keras_hub import layers, models

    encoder = models.DINOV2Backbone(
        patch_size=4,
        num_layers=4,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=16,
        image_shape=(32, 32, 3),
        position_embedding_shape=(32, 32),
    )
    backbone = models.DepthAnythingBackbone(
        image_encoder=encoder,
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_dims=[4, 4, 8, 8],
        fusion_hidden_dim=8,
        head_hidden_dim=4,
        head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )
    converter = layers.DepthAnythingImageConverter(
        image_size=(32, 32), scale=1 / 128, offset=-1.0, crop_to_aspect_ratio=True
    )
    preprocessor = models.DepthAnythingDepthEstimatorPreprocessor(converter)
    return models.DepthAnythingDepthEstimator(backbone, preprocessor=preprocessor, **options)


def test_a_folder_of_keras_hub(tmp_path):
    relative = {"depth_estimation_type": "relative"}
    metric = {"depth_estimation_type": "metric", "max_depth": 10.0}
    for number, (options, kind) in enumerate(
        (
            (relative, RELATIVE_INVERSE_DEPTH),
            (metric, METRES),
            ({"depth_estimation_type": "metric"}, RELATIVE_DEPTH),
        )
    ):
        keras.utils.set_random_seed(number)
        task = tiny_depth_anything(**options)
        folder = tmp_path / str(number)
        task.save_to_preset(str(folder))
        estimator = open_estimator(f"hub:{folder}")
        assert (estimator.kind, estimator.size) == (kind, (32, 32))
        images = IMAGES[:, :, :32]
        expected = task.predict(images, verbose=0)["depths"][..., 0]
        assert expected.std() > 0
        np.testing.assert_allclose(estimator(images), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"takes images of \(32, 32\); received size=\(32, 48\)"):
        open_estimator(f"hub:{folder}", (32, 48))
    with pytest.raises(ValueError, match=f"hub:{tmp_path}; KerasHub cannot load it"):
        open_estimator(f"hub:{tmp_path}")
