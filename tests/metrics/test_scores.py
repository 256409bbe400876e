import json

import numpy as np
import pytest

from keras_lwm.metrics import segmentation_scores

MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_scores_of_a_matrix_worked_by_hand():
    scores = segmentation_scores(MATRIX, ["wall", "floor", "ghost"])
    assert scores["pixels"] == 14
    assert scores["pixel_accuracy"] == pytest.approx(11 / 14)
    assert scores["mean_accuracy"] == pytest.approx((8 / 10 + 3 / 4) / 2)
    assert scores["mean_iou"] == pytest.approx((8 / 11 + 3 / 6) / 2)
    assert scores["frequency_weighted_iou"] == pytest.approx((10 * 8 / 11 + 4 * 3 / 6) / 14)
    assert scores["classes"][1] == {"name": "floor", "iou": 0.5, "accuracy": 0.75, "pixels": 4}


def test_a_class_absent_from_the_labels_counts_in_no_mean_even_where_predicted():
    matrix = MATRIX.copy()
    matrix[0] = [8, 1, 1]
    scores = segmentation_scores(matrix)
    assert scores["classes"][2] == {"name": "2", "iou": None, "accuracy": None, "pixels": 0}
    assert scores["mean_iou"] == pytest.approx((8 / 11 + 3 / 5) / 2)


def test_scores_without_a_pixel_are_null_in_json_and_never_nan():
    scores = segmentation_scores(np.zeros((2, 2), "int64"))
    assert json.loads(json.dumps(scores, allow_nan=False))["mean_iou"] is None


def test_large_counts_are_exact():
    scores = segmentation_scores(np.array([[2**40 + 1, 0], [0, 1]]))
    assert scores["pixels"] == 2**40 + 2
    assert scores["pixel_accuracy"] == 1


def test_a_matrix_that_is_not_square_or_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"square confusion matrix; received shape \(2, 3\)"):
        segmentation_scores(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="Expected 3 class names .* received 2"):
        segmentation_scores(MATRIX, ["wall", "floor"])
