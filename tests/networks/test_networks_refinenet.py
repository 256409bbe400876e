import keras
import numpy as np
import pytest
from keras import layers, ops
from training_samples import tiny_network

from keras_lwm.networks import RefineNet, build_backbone, freeze_batch_norm, refinenet_outputs
from keras_lwm.training import DepthPrivilegedModel

OUTPUTS = {"segmentation", "side_8", "side_16", "side_32", "depth"}


def ceil_div(size, stride):
    return -(-size // stride)


def build(tiny_backbone, variant="light", input_shape=(None, None, 3), **options):
    backbone = tiny_backbone(input_shape)
    return RefineNet(backbone, 3, variant=variant, channels=8, input_shape=input_shape, **options)


@pytest.mark.parametrize(
    ("variant", "sizes"), [("full", [(33, 50)]), ("light", [(65, 97), (33, 50)])]
)
def test_free_and_fixed_networks_agree_at_any_size(variant, sizes, tiny_backbone, random_images):
    free = build(tiny_backbone, variant)
    assert set(free.output) == OUTPUTS
    for size in sizes:
        fixed = build(tiny_backbone, variant, (*size, 3))
        fixed.set_weights(free.get_weights())
        images = random_images(*size)
        results = free.predict(images, verbose=0)
        expected = fixed.predict(images, verbose=0)
        for key, result in results.items():
            stride = int(key.removeprefix("side_")) if key.startswith("side_") else 4
            channels = 1 if key == "depth" else 3
            assert result.shape == (
                2,
                ceil_div(size[0], stride),
                ceil_div(size[1], stride),
                channels,
            )
            assert fixed.output[key].shape[1:] == result.shape[1:]
            np.testing.assert_allclose(result, expected[key], rtol=1e-4, atol=1e-5)
        assert (results["depth"] > 0).all()


def test_its_backbone_is_found_and_frozen_by_name(tiny_backbone, tmp_path):
    network = build(tiny_backbone)
    model = DepthPrivilegedModel(network)
    assert network.backbone is model.backbone is network.get_layer("backbone")
    network.backbone.trainable = False
    for saved in (network, model):
        saved.save(tmp_path / "saved.keras")
        loaded = keras.saving.load_model(tmp_path / "saved.keras")
        assert loaded.backbone.trainable_variables == []
        decoder = len(network.trainable_variables)
        assert len(loaded.trainable_variables) == decoder > 0
    with pytest.raises(ValueError, match="No such layer: backbone"):
        DepthPrivilegedModel(tiny_network()).backbone  # noqa: B018


def test_uint8_and_float_images_are_the_same(tiny_backbone, random_images):
    network = build(tiny_backbone)
    images = random_images(32, 32)
    a, b = (network.predict(x, verbose=0) for x in (images, images.astype("float32")))
    np.testing.assert_array_equal(a["segmentation"], b["segmentation"])


def test_outputs_are_those_asked_for(tiny_backbone):
    plain = build(tiny_backbone, side_outputs=(), depth_branch=False)
    assert set(plain.output) == {"segmentation"}
    assert not [x.name for x in plain.layers if x.name.startswith(("depth", "side"))]
    assert set(build(tiny_backbone, side_outputs=(16,)).output) == {
        "segmentation",
        "side_16",
        "depth",
    }


def as_wide_as_resnet():
    """Feature maps of the widths of ResNet-50, 101 and 152."""
    images = keras.Input((None, None, 3))
    x = images
    for stride, channels in {4: 256, 8: 512, 16: 1024, 32: 2048}.items():
        x = layers.MaxPooling2D(4 if stride == 4 else 2, padding="same")(x)
        x = layers.Conv2D(channels, 1, kernel_initializer="zeros", name=f"features_{stride}")(x)
    return keras.Model(images, x), {stride: f"features_{stride}" for stride in (4, 8, 16, 32)}


@pytest.mark.parametrize(
    ("variant", "pools", "decoder"),
    [
        # With ResNet-101's 42,658,176: 118 million, as published for the authors' four pools.
        ("full", 4, 75_596_072),
        # With ResNet-50's 23,587,712: 27 million, as published.
        ("light", None, 3_893_288),
    ],
)
def test_parameter_counts_are_the_published_ones(variant, pools, decoder):
    network = RefineNet(
        as_wide_as_resnet(), 40, variant, side_outputs=(), depth_branch=False, pools=pools
    )
    backbone = network.get_layer("backbone")
    assert network.count_params() - backbone.count_params() == decoder


@pytest.mark.parametrize(("variant", "pools"), [("full", 2), ("light", 4)])
def test_pooling_chains_are_as_long_as_published(variant, pools, tiny_backbone):
    network = build(tiny_backbone, variant, side_outputs=(), depth_branch=False)
    chain = [x.name for x in network.layers if x.name.startswith("stage_4_crp_conv")]
    assert len(chain) == pools


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_heads_are_float32_under_mixed_precision(policy, tiny_backbone, random_images):
    keras.config.set_dtype_policy(policy)
    try:
        network = build(tiny_backbone)
    finally:
        keras.config.set_dtype_policy("float32")
    assert network.get_layer("stage_4_reduce").compute_dtype == policy.removeprefix("mixed_")
    for value in network.predict(random_images(33, 50), verbose=0).values():
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


@pytest.mark.parametrize("variant", ["full", "light"])
def test_survives_saving(variant, tiny_backbone, random_images, tmp_path):
    network = build(tiny_backbone, variant)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    images = random_images(33, 50)
    expected = network.predict(images, verbose=0)
    for key, value in loaded.predict(images, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-6)


def test_the_backbone_can_be_frozen_as_one_layer(tiny_backbone):
    network = build(tiny_backbone)
    total = len(network.trainable_weights)
    backbone = network.get_layer("backbone")
    inside = len(backbone.trainable_weights)
    backbone.trainable = False
    assert inside > 0
    assert len(network.trainable_weights) == total - inside


def test_frozen_batch_norm_keeps_its_statistics(tiny_backbone, random_images):
    network = build(tiny_backbone, frozen_batch_norm=True)
    norms = [x for x in network.get_layer("backbone").layers if "norm" in x.name]
    assert norms
    before = [norm.get_weights() for norm in norms]
    assert not any(norm.trainable_weights for norm in norms)
    network(random_images(32, 32), training=True)
    for norm, weights in zip(norms, before, strict=True):
        for old, new in zip(weights, norm.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_freezing_reaches_into_composite_layers():
    class Composite(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = layers.BatchNormalization()

        def call(self, x):
            return self.norm(x)

    inner = keras.Sequential([keras.Input((4,)), Composite(), layers.BatchNormalization()])
    model = keras.Sequential([keras.Input((4,)), inner])
    freeze_batch_norm(model)
    assert model.trainable_weights == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_classes": 1}, "num_classes must be an integer of at least 2; received 1"),
        ({"num_classes": 2.5}, "received 2.5"),
        ({"variant": "heavy"}, "full, light; received 'heavy'"),
        ({"side_outputs": (4, 8)}, r"received \(4, 8\)"),
        ({"side_outputs": (8, 8)}, r"each once; received \(8, 8\)"),
        ({"input_shape": (32, 32)}, r"received \(32, 32\)"),
        ({"input_shape": (32, 0, 3)}, r"received \(32, 0, 3\)"),
        ({"input_shape": (None, None, 4)}, r"received \(None, None, 4\)"),
        ({"channels": 0}, "channels must be a positive integer; received 0"),
        ({"pools": -1}, "pools must be a positive integer; received -1"),
        ({"initial_depth": 0}, "initial_depth must be a positive number of metres; received 0"),
        ({"weights": "no/such.keras"}, "no file no/such.keras"),
    ],
)
def test_bad_arguments_get_a_sentence(options, words, tiny_backbone):
    with pytest.raises(ValueError, match=words):
        RefineNet(
            tiny_backbone(), **{"num_classes": 3, "variant": "light", "channels": 8} | options
        )


def test_its_decoder_alone_gives_the_same_from_the_backbones_features():
    """With the same weights, and fed with what the backbone makes of an image."""
    extractor = build_backbone("efficientnet_lite0")
    features = {
        name: keras.Input(maps.shape[1:], name=name) for name, maps in extractor.output.items()
    }
    decoder = keras.Model(features, refinenet_outputs(features, 5, "light", channels=8))
    network = RefineNet("efficientnet_lite0", 5, "light", channels=8)
    network.get_layer("backbone").set_weights(extractor.get_weights())
    for layer in decoder.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())
    image = np.random.default_rng(0).uniform(0, 255, (1, 33, 50, 3)).astype("float32")
    whole, parts = network(image), decoder(extractor(image))
    assert set(whole) == set(parts)
    for name, expected in whole.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(parts[name]), ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-5
        )
