"""Images that are too large for the memory allowed are seen in tiles, and nobody need notice."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from small_refinenet import NUM_CLASSES, small_refinenet

from keras_lwm import Predictor, export_segmenter
from keras_lwm.evaluation import MultiScale, SingleScale
from keras_lwm.large_images.memory import LargeImageWarning

HERE = Path(__file__).parent
SIZE = (577, 830)
SMALL = 0.115  # GB, of which 0.1 count for code and buffers: a few tiles of the image below


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "model.keras"
    small_refinenet().save(path)
    return path


@pytest.fixture(scope="module")
def image():
    """Patches of several sizes, as an image has them, and noise."""
    random = np.random.default_rng(3)
    layers = [
        np.kron(random.uniform(0, 85, (*shape, 3)), np.ones((64 // s, 64 // s, 1)))
        for s, shape in ((1, (10, 13)), (8, (80, 104)), (64, (640, 832)))
    ]
    return sum(layers)[: SIZE[0], : SIZE[1]].astype("uint8")


def share_that_differs(one, other):
    assert one.shape == other.shape and one.dtype == other.dtype
    return np.mean(one != other)


def test_tiles_find_what_the_whole_image_has(model, image):
    whole = Predictor(model)(image)
    assert len(np.unique(whole)) == NUM_CLASSES
    with pytest.warns(LargeImageWarning, match="577x830 is seen in [0-9]+ overlapping tiles"):
        tiled = Predictor(model, max_memory=SMALL)(image)
    assert share_that_differs(whole, tiled) <= 1e-3


def test_an_ordinary_image_is_seen_whole_and_nothing_is_said(model, image):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LargeImageWarning)
        Predictor(model)(image)


@pytest.mark.parametrize("view", [SingleScale(), MultiScale((0.5, 1.0))])
def test_views_of_an_evaluation_find_the_same_in_tiles(model, image, view):
    network = keras.saving.load_model(model)
    size = (300, 431)
    whole, _ = view.predictor(network, 2.0).class_ids(image, size)
    with pytest.warns(LargeImageWarning):
        tiled, _ = view.predictor(network, SMALL).class_ids(image, size)
    assert share_that_differs(whole, tiled) <= 1e-3


@pytest.mark.parametrize(("format", "name"), [("onnx", "m.onnx"), ("litert", "m.tflite")])
def test_exported_files_see_tiles_too(model, image, tmp_path, format, name):
    export_segmenter(model, tmp_path / name, format)
    whole = Predictor(tmp_path / name)(image)
    with pytest.warns(LargeImageWarning):
        tiled = Predictor(tmp_path / name, max_memory=SMALL)(image)
    assert share_that_differs(whole, tiled) <= 1e-3


def test_probabilities_by_tiles_are_those_of_the_whole(model, image):
    whole = Predictor(model).probabilities(image)
    with pytest.warns(LargeImageWarning):
        tiled = Predictor(model, max_memory=SMALL).probabilities(image)
    assert np.mean(np.abs(whole - tiled).max(axis=-1) > 1e-2) <= 1e-3


def test_a_large_image_stays_within_the_bound(model):
    """The peak of a process, beside its peak for a small image; whole it would take twice that."""
    bound = 0.4
    command = [sys.executable, HERE / "memory_of_prediction.py", model, bound, 2000, 3000]
    paths = [HERE.parents[1], *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    done = subprocess.run(
        list(map(str, command)), env=environment, check=True, capture_output=True, text=True
    )
    assert 0 < float(done.stdout.split()[-1]) <= bound


def test_a_bound_that_is_too_low_is_refused_and_says_what_would_do(model, image):
    with pytest.raises(ValueError, match="max_memory of at least 0.1.* GB for an image of 577x830"):
        Predictor(model, max_memory=0.1)(image)
    with pytest.raises(ValueError, match="above 0; received -1"):
        Predictor(model, max_memory=-1)


def test_a_reduced_image_gets_class_ids_at_its_own_size(model, image):
    reduced = Predictor(model, longest_side=300)(image)
    assert reduced.shape == SIZE
    assert share_that_differs(Predictor(model)(image), reduced) < 0.5
    with pytest.raises(ValueError, match="longest_side of at least 1 pixel; received 0"):
        Predictor(model, longest_side=0)
