"""A window puts features where they are in the whole image."""

import numpy as np
import pytest
from keras import ops

from keras_lwm.networks import ResizeLike
from keras_lwm.resampling import resize_bilinear
from keras_lwm.windows import Window, current_window, seen_through, stride_of


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16, 32])
def test_strides_follow_from_lengths(stride):
    for size in range(14 * stride, 16 * stride + 3):
        assert stride_of(size, -(-size // stride)) == stride


# Of stride 8 to stride 4: 12 rows over 23, of an image whose length is a multiple of neither.
@pytest.mark.parametrize(("start", "size"), [(16, 58), (32, 58), (0, 74), (0, 90)])
def test_resized_maps_of_a_window_are_that_part_of_the_whole_s(start, size, whole=90):
    maps = np.random.default_rng(0).normal(size=(1, 12, 12, 2)).astype("float32")
    expected = ops.convert_to_numpy(resize_bilinear(maps, (23, 23)))
    length = -(-size // 4)
    expected = expected[0, start // 4 : start // 4 + length]
    part = maps[:, start // 8 : start // 8 + -(-size // 8)]
    reference = np.zeros((1, length, 23, 1), "float32")
    window = Window((start, 0), (size, whole), (whole, whole))
    with seen_through(window):
        assert current_window() is window
        seen = ops.convert_to_numpy(ResizeLike()([part, reference]))[0]
    assert current_window() is None
    alone = ops.convert_to_numpy(ResizeLike()([part, reference]))[0]
    # At a cut, what lies beyond is missing.
    inner = slice(1 if start else 0, -1 if start + size < whole else None)
    np.testing.assert_allclose(seen[inner], expected[inner], atol=1e-5)
    if size < whole:
        assert np.abs(alone[inner] - expected[inner]).max() > 0.1
