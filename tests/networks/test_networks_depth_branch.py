import keras
import numpy as np
import pytest

from keras_lwm.networks import PositiveDepth
from keras_lwm.networks.refinenet import depth_head

EXTREMES = np.float32([-np.inf, -3.4e38, -88.0, -1e-30, 0.0, 1.0, 89.0, 3.4e38, np.inf])


@pytest.mark.parametrize("initial_depth", [0.5, 3.0, 30.0])
def test_every_logit_is_a_positive_finite_depth(initial_depth):
    layer = PositiveDepth(initial_depth)
    depth = keras.ops.convert_to_numpy(layer(EXTREMES.reshape(1, 1, -1, 1))).ravel()
    assert depth.dtype == np.float32
    assert np.isfinite(depth).all()
    assert (depth > 0).all()
    assert (np.diff(depth) >= 0).all()
    np.testing.assert_allclose(depth[4], initial_depth, rtol=1e-6)
    np.testing.assert_allclose(depth[5], initial_depth * np.e, rtol=1e-6)
    np.testing.assert_allclose(depth[[0, -1]], [initial_depth / 1000, initial_depth * 1000], 1e-5)


def test_config_round_trip():
    layer = PositiveDepth(7.5, name="metres")
    copy = PositiveDepth.from_config(layer.get_config())
    assert (copy.initial_depth, copy.name, copy.dtype) == (7.5, "metres", "float32")


@pytest.mark.parametrize("initial_depth", [0, -1.0, float("inf"), float("nan")])
def test_initial_depth_must_be_metres(initial_depth):
    with pytest.raises(ValueError, match="positive number of metres"):
        PositiveDepth(initial_depth)


def test_the_head_gives_positive_depth_for_huge_features():
    features = keras.Input((None, None, 6))
    head = keras.Model(features, depth_head(features, width=4))
    x = np.random.default_rng(0).normal(scale=1e12, size=(1, 5, 7, 6)).astype("float32")
    depth = head.predict(x, verbose=0)
    assert depth.shape == (1, 5, 7, 1)
    assert np.isfinite(depth).all()
    assert (depth > 0).all()
    assert all(layer.name.startswith("depth_") for layer in head.layers[1:])
