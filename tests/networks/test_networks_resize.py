import keras
import numpy as np
import pytest

from keras_lwm.networks import ResizeLike
from keras_lwm.resampling import resize_bilinear


def free_model():
    maps = keras.Input((None, None, 2))
    reference = keras.Input((None, None, 5))
    return keras.Model([maps, reference], ResizeLike()([maps, reference]))


def test_symbolic_shape_keeps_what_is_known():
    maps = keras.Input((None, 4, 2))
    reference = keras.Input((7, None, 5))
    assert ResizeLike()([maps, reference]).shape == (None, 7, None, 2)


@pytest.mark.parametrize("size", [(5, 7), (3, 4), (2, 2), (11, 1)])
def test_resizes_to_the_reference_at_unknown_sizes(size):
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype("float32")
    reference = np.zeros((2, *size, 5), "float32")
    resized = free_model().predict([maps, reference], verbose=0)
    expected = keras.ops.convert_to_numpy(resize_bilinear(maps, size))
    assert resized.shape == (2, *size, 2)
    np.testing.assert_allclose(resized, expected, atol=1e-6)


def test_a_model_with_it_survives_saving(tmp_path):
    model = free_model()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = [np.random.rand(1, 3, 4, 2), np.zeros((1, 6, 5, 5))]
    np.testing.assert_allclose(
        loaded.predict(inputs, verbose=0), model.predict(inputs, verbose=0), atol=1e-6
    )
