"""Tiles and strips of a Keras model find what the model finds in the whole image."""

import warnings

import keras
import numpy as np
import pytest
from deployment.small_refinenet import NUM_CLASSES
from large_images.pictures import SIZES, are_varied, memory_for, network, picture

from keras_lwm.evaluation import MultiScale, SingleScale, SlidingWindow, evaluate
from keras_lwm.large_images.graph import footprint
from keras_lwm.large_images.memory import LargeImageWarning, activation_bytes
from keras_lwm.large_images.network import TiledNetwork
from keras_lwm.networks import segmenter

ENOUGH = 10
VIEWS = {
    "single": (SingleScale(), 750_000),
    "multi": (MultiScale((0.7, 1.1)), 900_000),
    "window": (SlidingWindow((320, 400), scales=(0.8, 1.0), flip=True), 200_000),
}


@pytest.fixture(scope="module")
def model():
    return network()


def activations(model):
    return activation_bytes(footprint(model), keras.backend.backend())


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("size", "label_size"), [(SIZES[0], (401, 460)), (SIZES[1], SIZES[1])])
def test_class_ids_and_depth_are_those_of_the_whole_image(model, view, size, label_size):
    (view, pixels), image = VIEWS[view], picture(*size)
    whole, depth = view.predictor(model, ENOUGH).class_ids(image, label_size)
    little = memory_for(pixels, activations(model) + 10, size)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tiled, depth_of_tiles = view.predictor(model, little).class_ids(image, label_size)
    assert are_varied(whole)
    assert tiled.shape == whole.shape == label_size
    assert np.mean(tiled != whole) < 1e-3
    if depth is None:
        assert depth_of_tiles is None
    else:
        near = np.isclose(depth_of_tiles, depth, rtol=0.01)
        assert depth_of_tiles.shape == depth.shape and near.mean() > 0.999
    sentences = [str(each.message) for each in caught if each.category is LargeImageWarning]
    if not isinstance(view, SlidingWindow):
        [sentence] = sentences
        assert f"An image of {size[0]}x{size[1]} is predicted in" in sentence


def test_strips_of_an_image_seen_whole_are_the_whole(model):
    image = picture(200, 170)
    for each in (model, segmenter(model)):
        whole, _ = SingleScale().predictor(each, ENOUGH).class_ids(image, (200, 170))
        tiled = TiledNetwork(each, ENOUGH)
        assert tiled.fits_whole((200, 170))
        assert np.mean(tiled.class_ids(image, (200, 170)) != whole) < 1e-4


def test_what_does_not_fit_is_refused_and_says_what_would_do(model):
    image = picture(*SIZES[0])
    with pytest.raises(ValueError, match=r"at least 0.\d\d GB for an image of 928x1216, or"):
        TiledNetwork(model, 0.11).class_ids(image, SIZES[0])
    frames = [(image[None], {"label": np.zeros((1, *SIZES[0]), "uint8")})]
    with pytest.raises(ValueError, match=r"^Frame 0 is too large\. Expected max_memory"):
        evaluate(model, frames, NUM_CLASSES, max_memory=0.11, progress=False)
    view = SlidingWindow((900, 900))
    little = memory_for(500_000, activations(model), SIZES[0])
    with pytest.raises(ValueError, match=r"at most about 4\d+ pixels; received 900x900|about 5"):
        view.predictor(model, little).class_ids(image, SIZES[0])
    with pytest.raises(ValueError, match="max_memory in GB, above 0; received 0"):
        TiledNetwork(model, 0)


def test_a_network_that_pools_over_all_that_it_sees_says_so(model):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = x + keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    pooling = keras.Model(image, {"segmentation": keras.layers.Conv2D(3, 1)(x)})
    little = memory_for(750_000, activations(pooling) + 10, SIZES[0])
    with pytest.warns(LargeImageWarning, match="This network pools over the whole of its input"):
        TiledNetwork(pooling, little).class_ids(picture(*SIZES[0]), SIZES[0])
