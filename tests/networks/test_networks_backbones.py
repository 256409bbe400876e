import sys

import keras
import numpy as np
import pytest

from keras_lwm.networks import BACKBONES, RefineNet, build_backbone, pretrained_weights

STRIDES = (4, 8, 16, 32)

# One of each family; under JAX one in all, because JAX compiles each shape's random draw.
KERAS_CV = ["resnet18_v2", "efficientnetv2_b0"]
KERAS_CV = KERAS_CV[:1] if keras.backend.backend() == "jax" else KERAS_CV


def check_pyramid(backbone, images):
    features = backbone.predict(images, verbose=0)
    assert set(features) == {f"stride_{stride}" for stride in STRIDES}
    for stride in STRIDES:
        size = tuple(-(-length // stride) for length in images.shape[1:3])
        assert features[f"stride_{stride}"].shape[1:3] == size
        assert np.isfinite(features[f"stride_{stride}"]).all()


def test_resnet50(random_images):
    network = RefineNet("resnet50", 40, "light", side_outputs=(), depth_branch=False)
    assert network.count_params() == 27_454_440  # "27M" in the paper
    check_pyramid(network.get_layer("backbone"), random_images(33, 50))


@pytest.mark.parametrize("name", KERAS_CV)
def test_keras_cv_pyramids_take_free_sizes(name, random_images):
    check_pyramid(build_backbone(name), random_images(33, 50))


def test_layers_of_your_own_model_are_used_not_copied(tiny_backbone):
    model, names = tiny_backbone()
    network = RefineNet((model, names), 3, "light", channels=8)
    assert network.get_layer("backbone").get_layer("conv_8") is model.get_layer("conv_8")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=f"'resnet1'; known are {', '.join(BACKBONES)}"):
        build_backbone("resnet1")


def test_the_names_that_weights_take_are_said():
    assert (
        pretrained_weights("resnet50") == pretrained_weights("efficientnet_lite0") == ("imagenet",)
    )
    assert pretrained_weights("hub:mit_b0_ade20k_512") == ("preset",)
    for name in BACKBONES:
        if not pretrained_weights(name):
            with pytest.raises(ValueError, match=f"no weights for backbone '{name}'"):
                build_backbone(name, weights="imagenet")
    with pytest.raises(ValueError, match="Unknown backbone 'resnet1'; known are"):
        pretrained_weights("resnet1")


def test_weights_that_do_not_exist_get_a_sentence(tiny_backbone):
    with pytest.raises(ValueError, match="no weights for backbone 'resnet18_v2'"):
        build_backbone("resnet18_v2", weights="imagenet")
    with pytest.raises(ValueError, match="brings its own weights; received weights='imagenet'"):
        build_backbone(tiny_backbone(), weights="imagenet")


def test_without_keras_cv_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    sentence = r"^Backbone 'resnet18_v2', which is built with keras-cv, .*\[keras-cv\]"
    with pytest.raises(ImportError, match=sentence):
        build_backbone("resnet18_v2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({8: "features_16"}, r"'features_16' of model 'tiny' is not a feature map of stride 8"),
        ({8: "nowhere"}, "has no layer 'nowhere', named for stride 8"),
        ({2: "features_2"}, "each of the strides 4, 8, 16, 32"),
    ],
)
def test_a_pyramid_that_is_none_gets_a_sentence(change, words, tiny_backbone):
    model, names = tiny_backbone()
    with pytest.raises(ValueError, match=words):
        build_backbone((model, names | change))


def test_a_fixed_model_of_another_size_gets_a_sentence(tiny_backbone):
    with pytest.raises(
        ValueError, match=r"shape \(64, 64, 3\); received input_shape=\(32, 64, 3\)"
    ):
        build_backbone(tiny_backbone((64, 64, 3)), (32, 64, 3))


def test_what_is_no_backbone_gets_a_sentence(tiny_backbone):
    with pytest.raises(ValueError, match="a name or a pair"):
        build_backbone(tiny_backbone()[0])
