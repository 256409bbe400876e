"""What the measurements find: the three figures, on pixels of which they are known."""

import keras
import numpy as np
import pytest
from benchmark_modules import module
from keras import layers

from keras_lwm.ablation import Frames

measures = module("measures")


def test_a_measurement_that_is_the_gain_finds_it_all_and_noise_a_tenth():
    random = np.random.default_rng(0)
    gain = np.where(random.random(20000) < 0.09, random.random(20000), 0.0)
    error = gain + random.random(20000)
    pixels = {"gain": gain, "error": error, "noise": random.random(20000)}
    found = measures.figures(pixels)
    assert found["gain"][1:] == pytest.approx((1.0, 1.0), abs=1e-6)
    assert found["error"][0] == pytest.approx(1.0)
    assert found["noise"][1] == pytest.approx(0.0, abs=0.03)
    assert found["noise"][2] == pytest.approx(0.1, abs=0.02)


def test_a_pixel_has_the_mean_of_its_cell():
    means = measures.by_cell(np.array([1.0, 2.0, 3.0, 8.0]), np.array([0, 2, 0, 2]))
    np.testing.assert_array_equal(means, [2.0, 5.0, 2.0, 5.0])


def constant_network(channels, bias, depth):
    """The same logits everywhere; and a depth of 2 m."""
    image = keras.Input((None, None, channels))
    maps = layers.Conv2D(len(bias), 1, 4, kernel_initializer="zeros", name="logits")
    outputs = {"segmentation": maps(image)}
    maps.bias.assign(bias)
    if depth:
        metres = layers.Conv2D(1, 1, 4, kernel_initializer="zeros", name="metres")
        outputs["depth"] = metres(image)
        metres.bias.assign([2.0])
    return keras.Model(image, outputs)


def test_the_gain_is_what_the_teacher_knows_better():
    images = np.zeros((1, 8, 8, 3), "uint8")
    labels, depths = np.zeros((1, 8, 8), "uint8"), np.full((1, 8, 8, 1), 2.0, "float32")
    labels[:, :, 4:], depths[:, :4, :4] = 1, 0.0  # A quarter is not measured.
    frames = Frames(images, labels, depths, np.zeros(1, int))
    network = constant_network(3, [0.0, 0.0], depth=True)
    teacher = constant_network(4, [2.0, 0.0], depth=False)
    pixels = measures.pixels_of(network, teacher, frames, 2, (0.7, 10.0))
    known = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(sorted(pixels["gain"]), [0, 0, known - 0.5], atol=1e-6)
    np.testing.assert_allclose(pixels["error"], 0.5, atol=1e-6)
    np.testing.assert_allclose(pixels["DPE"], 0.0, atol=1e-6)
