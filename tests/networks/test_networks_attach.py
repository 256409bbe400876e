import keras
import numpy as np
import pytest
from keras import layers

from keras_lwm.networks import attach_depth_branch, segmenter


def encoder(size=(32, 48)):
    image = keras.Input((*size, 3))
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="fine")(image)
    coarse = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="coarse")(x)
    up = layers.UpSampling2D(2, name="up")(coarse)
    return image, layers.Concatenate(name="decoder")([x, up])


def softmax_in_convolution(x):
    return layers.Conv2D(5, 1, activation="softmax", name="classifier")(x)


def softmax_layer(x):
    x = layers.Conv2D(5, 1, name="classifier")(x)
    return layers.Softmax(name="softmax")(x)


def softmax_activation(x):
    x = layers.Conv2D(5, 1, name="classifier")(x)
    return layers.Activation("softmax", name="softmax")(x)


def softmax_operation(x):
    return keras.ops.softmax(layers.Conv2D(5, 1, name="classifier")(x))


def nested_twice(x):
    inner = keras.Sequential(
        [layers.Conv2D(7, 1, activation="relu", name="hidden"), layers.UpSampling2D(4)]
        + [layers.Conv2D(5, 1, activation="softmax", name="classifier")]
    )
    inputs = keras.Input(x.shape[1:])
    return keras.Model(inputs, inner(inputs), name="head")(x)


def linear(x):
    x = layers.Conv2D(5, 1, name="classifier")(x)
    return layers.UpSampling2D(4, interpolation="bilinear")(x)


ENDS = [softmax_in_convolution, softmax_layer, softmax_activation, softmax_operation]


def build(end, **options):
    image, x = encoder(**options)
    return keras.Model(image, end(x), name="somebody_s")


def numpy_softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.mark.parametrize("end", [*ENDS, nested_twice])
def test_the_softmax_of_the_logits_is_the_model_s_output(end, random_images):
    model = build(end)
    network = attach_depth_branch(model)
    images = random_images(32, 48)
    outputs = network.predict(images, verbose=0)
    assert set(outputs) == {"segmentation", "depth"}
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(numpy_softmax(outputs["segmentation"]), expected, atol=1e-5)
    assert outputs["depth"].shape == (*expected.shape[:3], 1)
    assert (outputs["depth"] > 0).all()
    assert {id(v) for v in model.weights} < {id(v) for v in network.weights}


def test_logits_without_softmax_stay_as_they_are(random_images):
    model = build(linear)
    images = random_images(32, 48)
    result = attach_depth_branch(model).predict(images, verbose=0)
    np.testing.assert_allclose(result["segmentation"], model.predict(images, verbose=0), atol=1e-6)
    assert result["depth"].shape == (2, 32, 48, 1)


def test_features_are_taken_before_upsampling():
    network = attach_depth_branch(build(nested_twice))
    assert network.get_layer("depth_conv_1").input.shape == (None, 8, 12, 7)
    network = attach_depth_branch(build(softmax_layer), features="coarse")
    assert network.get_layer("depth_conv_1").kernel.shape[2] == 6


def test_named_logits_and_side_outputs(random_images):
    def two_steps(x):
        return layers.UpSampling2D(2)(softmax_in_convolution(x))

    network = attach_depth_branch(
        build(two_steps), logits="classifier", side_outputs={8: "coarse"}, name="named"
    )
    outputs = network.predict(random_images(32, 48), verbose=0)
    assert {key: value.shape[1:] for key, value in outputs.items()} == {
        "segmentation": (8, 12, 5),
        "depth": (8, 12, 1),
        "side_8": (4, 6, 5),
    }
    assert network.name == "named"


def test_free_sizes(random_images):
    model = build(softmax_in_convolution, size=(None, None))
    outputs = attach_depth_branch(model).predict(random_images(40, 24), verbose=0)
    assert outputs["depth"].shape == (2, 10, 6, 1)


def test_everything_is_float32_under_mixed_precision(random_images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = attach_depth_branch(build(softmax_layer), side_outputs={8: "coarse"})
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = network.predict(random_images(32, 48), verbose=0)
    assert all(value.dtype == np.float32 for value in outputs.values())


def test_the_segmenter_inside_is_whole_and_survives_saving(random_images, tmp_path):
    model = build(nested_twice)
    network = attach_depth_branch(model, side_outputs={8: "coarse"})
    network.save(tmp_path / "network.keras")
    loaded = segmenter(keras.models.load_model(tmp_path / "network.keras"), "probabilities")
    images = random_images(32, 48)
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
    assert loaded.count_params() == model.count_params()


def test_keras_cv_deeplab(random_images):
    import keras_cv

    backbone = keras_cv.models.ResNetBackbone(
        stackwise_filters=[64, 8, 8, 8],
        stackwise_blocks=[1, 1, 1, 1],
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block",
        include_rescaling=True,
        input_shape=(64, 96, 3),
    )
    model = keras_cv.models.DeepLabV3Plus(backbone=backbone, num_classes=5, projection_filters=4)
    network = attach_depth_branch(model, side_outputs={16: "v2_stack_2_block1_out"})
    images = random_images(64, 96)
    outputs = network.predict(images, verbose=0)
    assert {key: value.shape[1:] for key, value in outputs.items()} == {
        "segmentation": (64, 96, 5),
        "depth": (64, 96, 1),
        "side_16": (4, 6, 5),
    }
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(numpy_softmax(outputs["segmentation"]), expected, atol=1e-5)
    assert network.get_layer("depth_conv_1").input.shape == (None, 16, 24, 256)
    assert segmenter(network).count_params() == model.count_params()


def resized_softmax(x):
    return layers.UpSampling2D(4)(softmax_in_convolution(x))


def sigmoid(x):
    return layers.Conv2D(5, 1, activation="sigmoid", name="classifier")(x)


def one_class(x):
    return layers.Conv2D(1, 1, name="classifier")(x)


def pooled(x):
    return layers.Dense(5, name="classifier")(layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (resized_softmax, "the softmax of 'classifier' is resized after it"),
        (sigmoid, "'classifier' has another activation than softmax"),
        (one_class, r"expected \(batch, height, width, classes\), received \(None, 8, 12, 1\)"),
        (pooled, r"expected \(batch, height, width, classes\), received \(None, 5\)"),
        (lambda x: x, "nothing tells whether 'decoder' gives logits"),
    ],
)
def test_logits_that_cannot_be_found_get_a_sentence(end, why):
    with pytest.raises(ValueError, match=f"logits of model 'somebody_s': {why}"):
        attach_depth_branch(build(end))


@pytest.mark.parametrize("option", ["features", "logits"])
def test_an_unknown_layer_gets_a_sentence(option):
    with pytest.raises(ValueError, match="has no layer 'nowhere'; its last layers are .*decoder"):
        attach_depth_branch(build(softmax_layer), **{option: "nowhere"})


def test_an_unknown_stride_gets_a_sentence():
    with pytest.raises(ValueError, match=r"strides out of \(8, 16, 32\)"):
        attach_depth_branch(build(softmax_layer), side_outputs={4: "fine"})


def test_a_model_without_a_graph_gets_a_sentence():
    with pytest.raises(ValueError, match="one input and one output"):
        attach_depth_branch(keras.Model())
