"""The class of every pixel, from scores of which some are no numbers."""

import numpy as np
from keras import ops

from keras_lwm.class_ids import class_ids


def test_a_score_that_is_not_finite_leaves_its_pixel_without_a_class():
    scores = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    scores[0, 0, 0] = 7.0
    scores[1, 3, 3] = 3e38, 3e38, 1.0  # whose sum is infinite
    scores[1, 3, 4] = -3e38, 3e38, 1.0  # whose difference is
    expected = scores.argmax(axis=-1)
    for number in (np.nan, np.inf, -np.inf):
        for pixel in ((0, 1, 1), (1, 0, 4)):
            for index in range(3):
                broken = scores.copy()
                broken[(*pixel, index)] = number
                ids = ops.convert_to_numpy(class_ids(ops.convert_to_tensor(broken)))
                assert ids.dtype == "int32"
                others = expected.copy()
                others[pixel] = -1
                np.testing.assert_array_equal(ids, others)
