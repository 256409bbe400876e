"""The peak memory of processes that predict a large image by a Keras model of many classes."""

import keras
import pytest
from large_images.memory_growth import growth, many_classes, needs_linux

from keras_lwm.large_images.graph import footprint
from keras_lwm.large_images.memory import Bound, activation_bytes

CLASSES = 60
SIZE = (1000, 1500)
BOUND = 0.3


@pytest.fixture(scope="module")
def network():
    return many_classes(CLASSES, channels=4)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "model.keras"
    network.save(path)
    return path


def test_the_network_needs_no_tiles_but_strips(network):
    """What it computes of the whole image fits; the scores of all classes at full size do not."""
    pixels = SIZE[0] * SIZE[1]
    free = Bound(BOUND).free(SIZE)
    needed = activation_bytes(footprint(network), keras.backend.backend())
    assert needed * pixels < free < 4 * CLASSES * pixels


@needs_linux
def test_scores_of_all_classes_are_never_there_at_full_size(path):
    tasks = ["predict", "single", "multi", "window"]
    within = growth(path, SIZE, [(task, BOUND) for task in tasks])
    assert max(within) <= BOUND, dict(zip(tasks, within, strict=True))
    scores = 4e-9 * CLASSES * SIZE[0] * SIZE[1]
    assert scores > BOUND
    if keras.backend.backend() != "jax":
        # XLA finds the largest score while it resizes: under JAX they are never there anyway.
        [unbounded] = growth(path, SIZE, [("predict", 50)])
        assert unbounded > scores
