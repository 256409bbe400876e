import keras
import numpy as np
import pytest
import reference
from gradients import values_and_gradient
from keras import ops

from keras_lwm import resampling

SIZES = [((7, 9), (4, 5)), ((8, 8), (2, 4)), ((5, 3), (10, 7)), ((6, 5), (6, 5)), ((9, 4), (1, 1))]


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_labels_come_from_under_the_cells_centres(source, target):
    labels = np.random.default_rng(0).integers(0, 256, (2, *source)).astype("int32")
    actual = ops.convert_to_numpy(resampling.resize_labels(labels, target))
    expected = np.stack([reference.labels_at(image, target) for image in labels])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_depth_is_the_mean_of_the_measured_pixels_of_a_cell(source, target):
    random = np.random.default_rng(0)
    depth = random.uniform(0.5, 9, (2, *source, 1)).astype("float32")
    depth[random.random(depth.shape) < 0.4] = np.nan
    depth[random.random(depth.shape) < 0.2] = -1
    depth[random.random(depth.shape) < 0.1] = np.inf
    actual = ops.convert_to_numpy(resampling.resize_depth(depth, target))
    expected = np.stack([reference.depth_at(image[..., 0], target) for image in depth])
    np.testing.assert_allclose(actual[..., 0], expected, rtol=1e-5)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_bilinear_interpolates_between_pixel_centres(source, target):
    maps = np.random.default_rng(0).normal(size=(2, *source, 3)).astype("float32")
    actual = ops.convert_to_numpy(resampling.resize_bilinear(maps, target))
    for channel in range(3):
        expected = np.stack([reference.bilinear_at(image[..., channel], target) for image in maps])
        np.testing.assert_allclose(actual[..., channel], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("source", "target"), [*SIZES, ((4, 6), (8, 12)), ((1, 3), (4, 9))])
def test_the_gradient_is_the_transposed_interpolation(source, target):
    random = np.random.default_rng(0)
    maps = random.normal(size=(1, *source, 1)).astype("float32")
    upstream = random.normal(size=(1, *target, 1)).astype("float32")
    _, actual = values_and_gradient(
        lambda x: resampling.resize_bilinear(x, target) * ops.convert_to_tensor(upstream), maps
    )
    for row, column in np.ndindex(source):
        unit = np.zeros(source)
        unit[row, column] = 1
        expected = (reference.bilinear_at(unit, target) * upstream[0, ..., 0]).sum()
        np.testing.assert_allclose(actual[0, row, column, 0], expected, rtol=1e-4, atol=1e-5)


def test_resizing_keeps_the_dtype():
    for dtype in ("float16", "bfloat16", "float32"):
        maps = ops.ones((1, 3, 4, 2), dtype)
        assert (
            keras.backend.standardize_dtype(resampling.resize_bilinear(maps, (7, 8)).dtype) == dtype
        )
