"""KerasHub's backbones, from presets that are written here: no network is needed."""

import sys

import hub_presets
import keras
import keras_hub
import numpy as np
import pytest

from keras_lwm.large_images.graph import has_global_context
from keras_lwm.networks import (
    RefineNet,
    build_backbone,
    freeze_batch_norm,
    transfer_weights,
)

STRIDES = (4, 8, 16, 32)
TRANSFORMERS = ["mit", "dinov2", "dinov3", "vit"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Function of a family: one of its backbones and the name of its preset."""
    folder = tmp_path_factory.mktemp("presets")
    made = {}

    def write(family):
        if family not in made:
            backbone = hub_presets.fill(getattr(hub_presets, family)())
            name = hub_presets.write_preset(folder / family, backbone)
            # As read again: DINOv2 has its positions twice, and saves one of them.
            made[family] = keras_hub.models.Backbone.from_preset(str(folder / family)), name
        return made[family]

    return write


def normalised(images):
    return images * np.float32(hub_presets.SCALE) + np.float32(hub_presets.OFFSET)


def hub_maps(backbone, images):
    """KerasHub's own maps of square images, by stride."""
    inputs = backbone.inputs[0]
    levels = getattr(backbone, "pyramid_outputs", {})
    if "P4" in levels:  # A ViT's are tokens.
        return dict(zip(STRIDES, _run(inputs, list(levels.values()), images), strict=True))
    tokens = _run(inputs, backbone.output, images)
    side = images.shape[1] // 16
    return {16: tokens[:, -(side**2) :].reshape(len(images), side, side, -1)}


def _run(inputs, outputs, images):
    return keras.Model(inputs, outputs).predict(images, verbose=0)


@pytest.mark.parametrize("family", ["resnet", *TRANSFORMERS])
def test_features_are_keras_hubs_and_survive_saving(family, written, random_images, tmp_path):
    backbone, name = written(family)
    images = random_images(64, 64).astype("float32")
    extractor = build_backbone(name, weights="preset")
    features = extractor.predict(images, verbose=0)
    for stride, maps in hub_maps(backbone, normalised(images)).items():
        # MiT: KerasHub approximates the GELU.
        atol = 2e-3 if family == "mit" else 1e-4
        np.testing.assert_allclose(features[f"stride_{stride}"], maps, atol=atol, rtol=1e-4)
    extractor.save(tmp_path / "backbone.keras")
    loaded = keras.saving.load_model(tmp_path / "backbone.keras").predict(images, verbose=0)
    for stride, maps in features.items():
        np.testing.assert_allclose(loaded[stride], maps, atol=1e-6)


@pytest.mark.parametrize("family", ["resnet", *TRANSFORMERS])
def test_pyramids_take_free_sizes(family, written, random_images):
    images = random_images(33, 50)
    features = build_backbone(written(family)[1]).predict(images, verbose=0)
    for stride in STRIDES:
        size = tuple(-(-length // stride) for length in images.shape[1:3])
        assert features[f"stride_{stride}"].shape[1:3] == size
        assert np.isfinite(features[f"stride_{stride}"]).all()


def test_a_fixed_size_is_no_other_backbone(written, random_images):
    images = random_images(50, 70)
    name = written("resnet")[1]
    features = build_backbone(name, (50, 70, 3), weights="preset")
    assert features.output["stride_32"].shape[1:3] == (2, 3)
    free = build_backbone(name, weights="preset").predict(images, verbose=0)
    for stride, maps in features.predict(images, verbose=0).items():
        np.testing.assert_allclose(maps, free[stride], atol=1e-5)


def test_the_pyramid_of_a_plain_transformer_starts_as_nearest_neighbours(written, random_images):
    features = build_backbone(written("vit")[1]).predict(random_images(64, 96), verbose=0)
    maps = features["stride_16"]
    for stride in (4, 8):
        repeated = maps.repeat(16 // stride, axis=1).repeat(16 // stride, axis=2)
        np.testing.assert_allclose(features[f"stride_{stride}"], repeated, atol=1e-5)
    pooled = maps.reshape(2, 2, 2, 3, 2, -1).max(axis=(2, 4))
    np.testing.assert_allclose(features["stride_32"], pooled, atol=1e-6)


def test_without_weights_only_the_architecture_is_the_preset_s(written):
    backbone, name = written("resnet")
    features = build_backbone(name)
    assert features.count_params() == build_backbone(name, weights="preset").count_params()
    kernels = [w for w in backbone.weights if w.path.endswith("kernel")]
    own = [w for w in features.weights if w.path.endswith("kernel")]
    assert not any(map(_equal, kernels, own))


def _equal(one, other):
    return np.array_equal(*map(keras.ops.convert_to_numpy, (one, other)))


def test_a_network_on_a_preset_is_whole(written, random_images):
    network = RefineNet(written("mit")[1], 3, "light", weights="preset", channels=8)
    outputs = network.predict(random_images(40, 56), verbose=0)
    assert {name: value.shape[1:3] for name, value in outputs.items()} == {
        "segmentation": (10, 14),
        "depth": (10, 14),
        "side_8": (5, 7),
        "side_16": (3, 4),
        "side_32": (2, 2),
    }
    assert all(np.isfinite(value).all() for value in outputs.values())
    assert has_global_context(network)


def test_a_new_head_takes_all_of_a_preset_s_network_but_its_heads(written, tmp_path):
    options = {"channels": 4, "variant": "light", "side_outputs": ()}
    RefineNet(written("vit")[1], 3, **options).save(tmp_path / "network.keras")
    other = RefineNet(written("vit")[1], 5, **options)
    transfer = transfer_weights(other, tmp_path / "network.keras", verbose=False)
    assert transfer.left == ("segmentation_logits",)
    assert has_global_context(other)


def test_batch_norms_of_a_preset_can_be_frozen(written):
    features = build_backbone(written("resnet")[1])
    freeze_batch_norm(features)
    assert not any("gamma" in variable.path for variable in features.trainable_variables)
    assert features.trainable_variables


@pytest.mark.parametrize(
    ("family", "sentence"),
    [
        ("densenet", "a DenseNetBackbone, has no map of stride 8 at every size.* expected 9x13"),
        ("vgg", "is a VGGBackbone; expected one of KerasHub's with a feature pyramid"),
    ],
)
def test_a_family_without_such_features_gets_a_sentence(family, sentence, written):
    with pytest.raises(ValueError, match=sentence):
        build_backbone(written(family)[1])


def test_what_cannot_be_loaded_gets_a_sentence(tmp_path, written):
    with pytest.raises(ValueError, match="KerasHub cannot load .* received 'nothing_of_this'"):
        build_backbone("hub:nothing_of_this")
    written("vgg")[0].save_to_preset(tmp_path / "bare")
    with pytest.raises(ValueError, match=r"bare' has no image converter, .* normalise images"):
        build_backbone(f"hub:{tmp_path / 'bare'}")


def test_the_weights_of_a_preset_are_asked_for_by_name(written):
    with pytest.raises(ValueError, match="received weights='imagenet', expected 'preset', or None"):
        build_backbone(written("resnet")[1], weights="imagenet")
    with pytest.raises(
        ValueError, match="no weights for backbone 'resnet50_v2'; received weights='preset'"
    ):
        build_backbone("resnet50_v2", weights="preset")


def test_without_keras_hub_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r"^Backbone 'hub:any', which is KerasHub's, .*\[hub\]"):
        build_backbone("hub:any")
