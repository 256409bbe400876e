"""`Predictor` on images that are too large for the memory allowed, by files of every format."""

import re
import warnings

import keras
import numpy as np
import pytest
from deployment.export_children import export_requests, request
from large_images.memory_growth import growth, many_classes, needs_linux
from large_images.pictures import SIZES, are_varied, memory_for, network, picture

from keras_lwm import Predictor
from keras_lwm.large_images.memory import LargeImageWarning

SIZE = SIZES[1]
LARGE, CLASSES, BOUND = (2000, 2500), 24, 0.45
FILES = {"keras": "model.keras"}
if keras.backend.backend() == "tensorflow":
    # Whatever the backend, TensorFlow makes these, and none runs them.
    FILES |= {
        "saved_model": "saved_model",
        "onnx": "model.onnx",
        "litert": "model.tflite",
        "openvino": "model.xml",
    }
    # They hold more at once than a Keras model: within that bound they would see hundreds of tiles.
    CLASSES, BOUND = 40, 0.75


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, and a file of every format, of probabilities too; and one of class ids alone.

    And in `many` the files of a network of many classes.
    """
    folder = tmp_path_factory.mktemp("large")
    network().save(folder / "model.keras")
    requests = [
        request(source=str(folder / "model.keras"), format=name, path=str(folder / file))
        for name, file in FILES.items()
        if name != "keras"
    ]
    many = folder / "many"
    many.mkdir()
    many_classes(CLASSES, channels=64).save(many / "model.keras")
    requests += [
        request(
            source=str(many / "model.keras"),
            format=name,
            path=str(many / file),
            probabilities=False,
        )
        for name, file in FILES.items()
        if name != "keras"
    ]
    if "onnx" in FILES:
        path = str(folder / "classes.onnx")
        source = str(folder / "model.keras")
        requests.append(request(source=source, format="onnx", path=path, probabilities=False))
    export_requests(requests, folder)
    return folder


def in_tiles(path, size=SIZE):
    """A predictor that sees images of this size in a few tiles."""
    bytes_per_pixel = Predictor(path)._tiled.bytes_per_pixel
    return Predictor(path, max_memory=memory_for(750_000, bytes_per_pixel, size))


@pytest.fixture(scope="module")
def image():
    return picture(*SIZE)


@pytest.mark.parametrize("name", FILES)
def test_tiles_of_a_file_find_what_it_finds_in_the_whole_image(folder, image, name):
    path = folder / FILES[name]
    whole, tiled = Predictor(path, max_memory=10), in_tiles(path)
    expected = whole(image)
    with pytest.warns(LargeImageWarning, match=r"941x1207 is predicted in \d+ overlapping tiles"):
        class_ids = tiled(image)
    assert are_varied(expected) and class_ids.dtype == expected.dtype
    assert np.mean(class_ids != expected) < 1e-3
    smaller = (400, 513)
    other = tiled.class_ids(image, smaller)
    assert np.mean(other != whole.class_ids(image, smaller)) < 1e-3
    far = np.abs(tiled.probabilities(image) - whole.probabilities(image)).max(axis=-1) > 1e-2
    assert far.mean() < 1e-3
    if name == "onnx":
        path = folder / "classes.onnx"
        with pytest.warns(LargeImageWarning):
            class_ids = in_tiles(path)(image)
        assert np.mean(class_ids != Predictor(path, max_memory=10)(image)) < 1e-3


@pytest.mark.parametrize("name", FILES)
def test_an_ordinary_image_is_seen_whole_and_nothing_is_said(folder, name):
    image = picture(480, 640)
    predictor = Predictor(folder / FILES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error", LargeImageWarning)
        class_ids = predictor(image)
    np.testing.assert_array_equal(class_ids, Predictor(folder / FILES[name], max_memory=50)(image))


@needs_linux
@pytest.mark.parametrize("name", FILES)
def test_a_large_image_stays_within_the_bound(folder, name):
    """It would not if it were predicted whole."""
    path = folder / "many" / FILES[name]
    within, unbounded = growth(path, LARGE, [("predict", BOUND), ("predict", 50)])
    assert within <= BOUND < 4e-9 * CLASSES * LARGE[0] * LARGE[1] < unbounded


def test_a_bound_that_is_too_low_is_refused_and_says_what_would_do(folder, image):
    sentence = r"of at least (0\.\d\d) GB for an image of 941x1207, .*; received 0.11 GB"
    for name in FILES.values():
        with pytest.raises(ValueError, match=sentence) as caught:
            Predictor(folder / name, max_memory=0.11)(image)
        enough = float(re.search(sentence, str(caught.value))[1])
        with pytest.warns(LargeImageWarning):
            Predictor(folder / name, max_memory=enough)(image)
        with pytest.raises(ValueError, match="above 0; received -1"):
            Predictor(folder / name, max_memory=-1)


def test_a_reduced_image_gets_class_ids_at_its_own_size(folder):
    image = picture(300, 451)
    for name in FILES.values():
        reduced = Predictor(folder / name, longest_side=200)
        class_ids = reduced(image)
        assert class_ids.shape == (300, 451)
        # Every result of the reduced image covers two and a quarter pixels a side.
        assert 1.8 * np.mean(class_ids[1:] != class_ids[:-1]) < np.mean(image[1:] != image[:-1])
        np.testing.assert_array_equal(
            Predictor(folder / name, longest_side=451)(image), Predictor(folder / name)(image)
        )
    with pytest.raises(ValueError, match="longest_side of at least 1 pixel; received 0"):
        Predictor(folder / FILES["keras"], longest_side=0)
