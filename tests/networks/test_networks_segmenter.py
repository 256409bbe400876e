import keras
import numpy as np
import pytest

from keras_lwm.networks import RefineNet, segmenter
from keras_lwm.resampling import resize_bilinear


class TrainingModel(keras.Model):
    """A functional model that carries more than its graph, as training models do."""

    def __init__(self, *args, weighting, **kwargs):
        super().__init__(*args, **kwargs)
        self.weighting = weighting


@pytest.fixture
def network(tiny_backbone):
    return RefineNet(tiny_backbone(), 3, variant="light", channels=8)


def test_nothing_but_segmentation_is_left(network, random_images):
    weighting = keras.layers.Dense(4, name="weighting")
    weighting.build((None, 3))
    training = TrainingModel(network.inputs, network.output, weighting=weighting)
    model = segmenter(training)
    names = {layer.name for layer in model.layers}
    extra = {n for n in names if n.startswith(("depth_", "side_", "weighting"))}
    assert not extra
    heads = {x.name for x in network.layers if x.name.startswith(("depth_", "side_")) and x.weights}
    assert len(heads) == 7
    kept = {id(variable) for variable in model.weights}
    assert kept == {
        id(variable)
        for layer in network.layers
        if layer.name not in heads
        for variable in layer.weights
    }


@pytest.mark.parametrize("size", [(33, 50), (64, 32)])
def test_logits_are_the_network_s_at_the_image_s_resolution(network, random_images, size):
    images = random_images(*size)
    logits = segmenter(network).predict(images, verbose=0)
    coarse = network.predict(images, verbose=0)["segmentation"]
    assert logits.shape == (2, *size, 3)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(
        logits, keras.ops.convert_to_numpy(resize_bilinear(coarse, size)), rtol=1e-4, atol=1e-5
    )


def test_probabilities_and_labels_follow_from_logits(network, random_images):
    images = random_images(33, 50)
    logits = segmenter(network).predict(images, verbose=0)
    probabilities = segmenter(network, "probabilities").predict(images, verbose=0)
    labels = segmenter(network, output="labels").predict(images, verbose=0)
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    expected = exponentials / exponentials.sum(-1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, logits.argmax(-1))


def test_survives_saving(network, random_images, tmp_path):
    model = segmenter(network, "labels")
    model.save(tmp_path / "segmenter.keras")
    loaded = keras.models.load_model(tmp_path / "segmenter.keras")
    images = random_images(33, 50)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_logits_are_float32_under_mixed_precision(tiny_backbone, random_images):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = segmenter(RefineNet(tiny_backbone(), 3, variant="light", channels=8))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.predict(random_images(33, 50), verbose=0).dtype == np.float32


def test_a_model_without_segmentation_gets_a_sentence(tiny_backbone):
    with pytest.raises(ValueError, match="dictionary of outputs that has 'segmentation'"):
        segmenter(tiny_backbone()[0])


def test_an_unknown_output_gets_a_sentence(network):
    with pytest.raises(ValueError, match="logits, probabilities, labels; received 'depth'"):
        segmenter(network, output="depth")
