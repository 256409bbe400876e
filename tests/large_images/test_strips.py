import numpy as np
import pytest
from evaluation import oracle

from keras_lwm.large_images import strips
from keras_lwm.large_images.strips import Scores
from keras_lwm.resampling import resize_bilinear

SIZES = [((7, 5), (28, 19)), ((6, 9), (6, 9)), ((8, 8), (3, 5)), ((1, 4), (9, 1))]


def random_scores(size, classes=4, seed=0):
    return np.random.default_rng(seed).normal(size=(*size, classes)).astype("float32")


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    monkeypatch.setattr(strips, "_STRIP_BYTES", 700)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_class_ids_are_the_largest_of_the_resized_scores(source, target):
    scores = random_scores(source)
    expected = oracle.resized(scores.astype("float64"), target)
    actual = strips.class_ids([strips.whole(scores, target)])
    np.testing.assert_array_equal(actual, expected.argmax(axis=-1))
    on_device = np.asarray(resize_bilinear(scores[None], target))[0]
    sums = np.empty((*target, 4), "float32")
    strips.write_sums(sums, [strips.whole(scores, target)])
    np.testing.assert_allclose(sums, on_device, atol=1e-6)


def test_probabilities_of_several_looks_are_summed():
    looks = [random_scores((5, 6), seed=1), random_scores((3, 8), seed=2)]
    size = (12, 17)
    expected = sum(oracle.softmax(oracle.resized(look.astype("float64"), size)) for look in looks)
    asked = [strips.whole(look, size, softmax=True) for look in looks]
    np.testing.assert_array_equal(strips.class_ids(asked), expected.argmax(axis=-1))
    sums = np.empty((*size, 4), "float32")
    strips.write_sums(sums, asked)
    np.testing.assert_allclose(sums, expected, atol=1e-6)


def test_a_part_of_the_rows_and_columns_is_that_part_of_the_whole():
    scores, size = random_scores((9, 7)), (35, 28)
    whole = strips.whole(scores, size)
    part = Scores(scores[2:8, 1:6], whole.rows[12:25] - 2, whole.columns[7:20] - 1)
    np.testing.assert_array_equal(strips.class_ids([part]), strips.class_ids([whole])[12:25, 7:20])


@pytest.mark.parametrize("size", [(11, 8), (23, 30)])
def test_rows_that_are_asked_for_one_after_another_are_resized(size):
    scores = random_scores((11, 8))
    asked = []

    def rows(first, last):
        asked.append((first, last))
        return scores[first:last]

    expected = oracle.resized(scores.astype("float64"), size).argmax(axis=-1)
    np.testing.assert_array_equal(strips.class_ids_of_rows(rows, 4, (11, 8), size), expected)
    assert len(asked) > 1 and asked == sorted(asked)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_class(value):
    scores = random_scores((9, 9))
    scores[4, 5, 1] = value
    class_ids = strips.class_ids([strips.whole(scores, (9, 9))])
    assert class_ids[4, 5] == -1
    assert np.count_nonzero(class_ids < 0) < 9
    finite = class_ids >= 0
    np.testing.assert_array_equal(class_ids[finite], scores.argmax(axis=-1)[finite])
