"""The class of every pixel: the largest logit, and none where a logit is no number."""

import numpy as np
import pytest
from evaluation import oracle
from keras import ops

from keras_lwm.class_ids import largest_class, resize_logits


def class_ids_of(logits, size):
    return ops.convert_to_numpy(largest_class(*resize_logits(ops.convert_to_tensor(logits), size)))


def test_the_first_of_the_largest_scores_decides():
    scores = np.random.default_rng(0).integers(-1, 2, (2, 5, 7, 6)).astype("float32")
    class_ids = class_ids_of(scores, (5, 7))
    assert class_ids.dtype == "int32"
    np.testing.assert_array_equal(class_ids, scores.argmax(-1))


@pytest.mark.parametrize("size", [(3, 4), (6, 8), (7, 5), (2, 3)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_class_where_a_logit_that_is_no_number_takes_part(size, value):
    logits = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype("float32")
    expected = np.stack([oracle.resized(each, size).argmax(-1) for each in logits.astype(float)])
    other = np.zeros((3, 4, 1))
    other[1, 2] = 1
    logits[1, 1, 2, 4] = value
    expected[1][oracle.resized(other, size)[..., 0] > 1e-6] = -1
    assert (expected[1] == -1).any() and (expected[0] >= 0).all()
    np.testing.assert_array_equal(class_ids_of(logits, size), expected)
