import gc
import weakref

import keras
import numpy as np
import pytest
from deployment.small_refinenet import NUM_CLASSES, small_refinenet
from keras import layers, ops

from keras_lwm.large_images.graph import footprint, has_global_context, run_graph, run_network
from keras_lwm.networks import segmenter
from keras_lwm.networks.segmenter import before_resizing


def chain(*calls):
    image = keras.Input((None, None, 3))
    x = image
    for layer in calls:
        x = layer(x)
    return keras.Model(image, {"segmentation": x})


def test_a_graph_gives_what_the_model_gives():
    network = small_refinenet()
    images = np.random.default_rng(0).integers(0, 256, (1, 70, 45, 3)).astype("float32")
    images = ops.convert_to_tensor(images)
    expected = network(images, training=False)
    one_by_one = run_graph(network, images, lambda layer, *args, **kwargs: layer(*args, **kwargs))
    for actual in (one_by_one, run_network(network, images)):
        assert set(actual) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(
                ops.convert_to_numpy(actual[name]), ops.convert_to_numpy(values), 1e-5, 1e-4
            )


def test_a_tensor_is_gone_once_it_is_used():
    class Value:
        pass

    network = chain(*(layers.ReLU(name=f"relu_{number}") for number in range(6)))
    alive = weakref.WeakSet()
    counts, freed = [], []

    def call(layer, value):
        result = Value()
        alive.add(result)
        gc.collect()
        counts.append(len(alive))
        return result

    run_graph(network, Value(), call, lambda value: freed.append(type(value)))
    assert max(counts) == 2, "one that goes in and one that comes out"
    assert len(freed) == 5, "all but the output"


def test_the_footprint_of_a_chain_is_that_of_its_widest_pair_of_maps():
    network = chain(
        layers.Conv2D(16, 3, strides=2, padding="same"),
        layers.Conv2D(32, 3, strides=2, padding="same"),
        layers.ReLU(),
        layers.Conv2D(6, 1),
    )
    found = footprint(network)
    assert found.activations == 4 * (16 / 4 + 32 / 16)
    assert found.logits == 4 * 6 / 16
    assert (found.classes, found.stride) == (6, 4)


def test_the_footprint_of_a_branch_holds_what_is_still_needed():
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 1)(image)
    y = layers.Conv2D(8, 1)(layers.Conv2D(8, 1)(x))
    network = keras.Model(image, {"segmentation": layers.Add()([x, y])})
    assert footprint(network).activations == 4 * 3 * 8


def test_the_footprint_of_a_segmenter_is_taken_before_it_resizes():
    resized = segmenter(small_refinenet())
    found = footprint(before_resizing(resized))
    assert (found.classes, found.stride) == (NUM_CLASSES, 32)
    assert found.logits == 4 * NUM_CLASSES / 16
    whole = footprint(keras.Model(resized.input, {"segmentation": resized.output}))
    assert whole.logits == 4 * NUM_CLASSES


@keras.saving.register_keras_serializable(package="tests")
class PoolsWhenCalled(layers.Layer):
    """As keras-cv's squeeze-and-excitation does: of its pooling nothing shows before the call."""

    def call(self, maps):
        return maps * ops.sigmoid(layers.GlobalAveragePooling2D(keepdims=True)(maps))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="tests")
class Local(layers.Layer):
    def call(self, maps):
        return ops.average_pool(maps, 5, strides=1, padding="same")

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.ReLU(), False),
        (Local(), False),
        (PoolsWhenCalled(), True),
        (lambda x: x + layers.GlobalMaxPooling2D(keepdims=True)(x), True),
        (lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True), True),
        (lambda x: layers.MultiHeadAttention(1, 2, attention_axes=(1, 2))(x, x), True),
    ],
    ids=["relu", "local", "pools_when_called", "pooling", "mean", "attention"],
)
def test_what_carries_across_the_whole_image_is_found(layer, expected):
    network = chain(layers.Conv2D(4, 3, padding="same"), layer, layers.Conv2D(2, 1))
    assert has_global_context(network) is expected


def test_a_refinenet_sees_no_more_than_its_surroundings():
    assert not has_global_context(small_refinenet())
