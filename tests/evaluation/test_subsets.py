import math

import numpy as np
import pytest

from keras_lwm.evaluation import DepthRange, TrimapBand


def band_by_loops(label, width):
    """A pixel is in the band if a pixel that touches a boundary is nearer than `width`."""
    height, columns = label.shape
    touching = []
    for y in range(height):
        for x in range(columns):
            for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= ny < height and 0 <= nx < columns:
                    pair = (label[y, x], label[ny, nx])
                    if pair[0] != pair[1] and 255 not in pair:
                        touching.append((y, x))
    return np.array(
        [
            [any(math.hypot(y - a, x - b) < width for a, b in touching) for x in range(columns)]
            for y in range(height)
        ]
    )


@pytest.mark.parametrize("width", [1, 2, 3.5])
def test_trimap_bands_equal_loops(width):
    random = np.random.default_rng(0)
    label = np.repeat(np.repeat(random.integers(0, 3, (3, 4)), 5, 0), 4, 1).astype("uint8")
    label[random.random(label.shape) < 0.1] = 255
    np.testing.assert_array_equal(
        TrimapBand(width).mask(label, None, 255), band_by_loops(label, width)
    )


def test_a_frame_without_a_boundary_has_no_band():
    assert not TrimapBand(3).mask(np.array([[1, 255], [255, 2]]), None, 255).any()


def test_a_depth_range_takes_its_near_end_and_nothing_unmeasured():
    depth = np.array([0.0, -1.0, np.nan, np.inf, 1.9, 2.0, 3.9, 4.0])
    assert DepthRange(2, 4).mask(None, depth, 255).tolist() == [False] * 5 + [True, True, False]
    assert DepthRange(0, 2).mask(None, depth, 255).tolist() == [False] * 4 + [True] + [False] * 3
    assert DepthRange(3).mask(None, depth, 255).tolist() == [False] * 6 + [True, True]


def test_bounds_out_of_order_are_refused():
    with pytest.raises(ValueError, match="0 <= near < far, metres; received 4 and 2"):
        DepthRange(4, 2)
    with pytest.raises(ValueError, match="at least 1 pixel wide; received 0"):
        TrimapBand(0)
