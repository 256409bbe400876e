import numpy as np
import pytest
import reference
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
