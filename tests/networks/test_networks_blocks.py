"""The decoder's pieces against NumPy loops."""

import keras
import numpy as np
import pytest

from keras_lwm.networks.refinenet import chained_residual_pooling, fuse, residual_conv_units


def numpy_conv(x, kernel, bias=0.0):
    size = kernel.shape[0]
    pad = size // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    result = np.zeros((*x.shape[:3], kernel.shape[3]))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            patch = padded[:, row : row + size, column : column + size]
            result[:, row, column] = np.einsum("bhwi,hwio->bo", patch, kernel)
    return result + bias


def numpy_max_pool_5x5(x):
    result = np.zeros_like(x)
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            rows = slice(max(row - 2, 0), row + 3)
            columns = slice(max(column - 2, 0), column + 3)
            result[:, row, column] = x[:, rows, columns].max(axis=(1, 2))
    return result


def draw(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def test_residual_conv_unit():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, residual_conv_units(inputs, 1, "rcu"))
    assert [v.shape for v in model.weights] == [(3, 3, 3, 3), (3,), (3, 3, 3, 3)]
    model.set_weights([draw(*variable.shape) for variable in model.weights])
    first, bias, second = model.get_weights()
    x = draw(2, 6, 5, 3)
    hidden = numpy_conv(np.maximum(x, 0), first, bias)
    expected = x + numpy_conv(np.maximum(hidden, 0), second)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_chained_residual_pooling(kernel_size):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, chained_residual_pooling(inputs, 2, kernel_size, "crp"))
    x = draw(2, 7, 6, 3)
    pooled = expected = np.maximum(x, 0)
    for kernel in model.get_weights():
        pooled = numpy_conv(numpy_max_pool_5x5(pooled), kernel)
        expected = expected + pooled
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)


def test_fusion_of_a_constant_coarse_path_adds_it_everywhere():
    fine, coarse = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    model = keras.Model([fine, coarse], fuse(fine, coarse, "fusion"))
    x = draw(1, 5, 7, 3)
    constant = np.broadcast_to(np.float32([1, 2, 3]), (1, 3, 4, 3))
    np.testing.assert_allclose(
        model.predict([x, constant], verbose=0), x + constant[:, :1, :1], atol=1e-5
    )
