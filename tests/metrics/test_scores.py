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


def test_a_class_that_is_predicted_but_never_labelled_counts_as_0_in_mean_iou_alone():
    # Labels 0 0 1 1 2 2 2 2, predictions 0 0 1 3 2 2 2 2.
    scores = segmentation_scores([[2, 0, 0, 0], [0, 1, 0, 1], [0, 0, 4, 0], [0, 0, 0, 0]])
    assert scores["mean_iou"] == (1 + 0.5 + 1 + 0) / 4
    assert scores["mean_accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert scores["classes"][3] == {"name": "3", "iou": 0.0, "accuracy": None, "pixels": 0}


def mmsegmentation_mean_iou(matrix):
    """`IoUMetric.intersect_and_union` and `total_area_to_metrics`: areas, division, nanmean."""
    classes = len(matrix)
    labels, predictions = [], []
    for label in range(classes):
        for class_id in range(classes):
            labels += [label] * int(matrix[label, class_id])
            predictions += [class_id] * int(matrix[label, class_id])
    labels, predictions = np.array(labels), np.array(predictions)

    def area(ids):
        return np.histogram(ids, bins=classes, range=(0, classes - 1))[0]

    intersect = area(predictions[predictions == labels])
    union = area(predictions) + area(labels) - intersect
    with np.errstate(invalid="ignore"):
        return np.nanmean(intersect / union)


def cityscapes_mean_iou(matrix):
    """`getIouScoreForLabel` and `getScoreAverage` of cityscapesScripts: tp / (tp + fp + fn)."""
    total, count = 0.0, 0
    for label in range(len(matrix)):
        others = [other for other in range(len(matrix)) if other != label]
        true_positives = matrix[label, label]
        false_negatives = matrix[label, others].sum()
        false_positives = matrix[others, label].sum()
        if true_positives + false_positives + false_negatives == 0:
            continue
        total += true_positives / (true_positives + false_positives + false_negatives)
        count += 1
    return total / count


@pytest.mark.parametrize("seed", range(12))
def test_mean_iou_is_the_field_s(seed):
    random = np.random.default_rng(seed)
    matrix = random.integers(0, 9, (6, 6))
    matrix[random.permutation(6)[: seed % 5]] = 0  # not labelled
    matrix[:, random.permutation(6)[: seed % 4]] = 0  # not predicted
    matrix[0, 0] += 1
    mean_iou = segmentation_scores(matrix)["mean_iou"]
    assert mean_iou == pytest.approx(mmsegmentation_mean_iou(matrix), rel=1e-12)
    assert mean_iou == pytest.approx(cityscapes_mean_iou(matrix), rel=1e-12)


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
