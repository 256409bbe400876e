"""Segmentation scores from a confusion matrix: one formula, for training logs and for reports."""

import numpy as np


def class_scores(matrix, xp=np) -> dict:
    """Scores every class, and all of them together.

        IoU_c = n_cc / (labelled_c + predicted_c - n_cc)      accuracy_c = n_cc / labelled_c

    with n_lp the pixels of label l that are predicted as p. Pixel accuracy, mean accuracy, mean IoU
    and frequency-weighted IoU as in Long, Shelhamer and Darrell, "Fully convolutional networks for
    semantic segmentation" (CVPR 2015). Mean IoU is over the classes that occur in the labels or in
    the predictions, as in `keras.metrics.MeanIoU`, mmsegmentation and cityscapesScripts: a class
    that is predicted where it is nowhere labelled counts as 0. Mean accuracy is over the classes
    that occur in the labels.

    Args:
        matrix: (C, C) floats, pixels; rows are labels, columns predictions.
        xp: the module that computes, `numpy` or `keras.ops`.

    Returns:
        A dictionary of arrays from 0 to 1: `iou` and `accuracy` (C,), 0 where a class does not
        occur; scalars `pixel_accuracy`, `mean_accuracy`, `mean_iou` and `frequency_weighted_iou`,
        0 where there is no pixel.
    """
    return scores_of_counts(xp.diagonal(matrix), xp.sum(matrix, axis=1), xp.sum(matrix, axis=0), xp)


def scores_of_counts(correct, labelled, predicted, xp=np) -> dict:
    """`class_scores` of what it takes from a matrix.

    Args:
        correct, labelled, predicted: (..., C) floats, pixels of every class; those before the last
            axis are scored each by themselves.
        xp: the module that computes, `numpy` or `keras.ops`.

    Returns:
        As of `class_scores`: (..., C), and (...) in place of scalars.
    """
    union = labelled + predicted - correct
    iou = correct / xp.maximum(union, 1.0)
    accuracy = correct / xp.maximum(labelled, 1.0)

    def share(part, whole):
        return xp.sum(part, axis=-1) / xp.maximum(xp.sum(whole, axis=-1), 1.0)

    def occurring(pixels):
        return xp.where(pixels > 0, 1.0, 0.0)

    return {
        "iou": iou,
        "accuracy": accuracy,
        "pixel_accuracy": share(correct, labelled),
        "mean_accuracy": share(accuracy, occurring(labelled)),
        "mean_iou": share(iou, occurring(union)),
        "frequency_weighted_iou": share(labelled * iou, labelled),
    }


MEANS = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")


def segmentation_scores(matrix, class_names=None) -> dict:
    """Computes the scores that the literature reports, all from 0 to 1; see `class_scores`.

    Args:
        matrix: integers (C, C), pixels; rows are labels, columns predictions.
        class_names: C names; the class ids where not given.

    Returns:
        A dictionary of plain Python values, ready for JSON: `pixel_accuracy`, `mean_accuracy`,
        `mean_iou`, `frequency_weighted_iou` (None if not one pixel is labelled), `pixels`, and
        `classes`, a list of {`name`, `iou`, `accuracy`, `pixels`} in the order of the ids:
        `accuracy` is None where a class occurs in no label, `iou` where it occurs in no prediction
        either, and `pixels` are those of the labels.

    Raises:
        ValueError: if the matrix is not square or the names do not match it.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"Expected a square confusion matrix; received shape {matrix.shape}.")
    if class_names is None:
        class_names = [str(class_id) for class_id in range(len(matrix))]
    if len(class_names) != len(matrix):
        raise ValueError(
            f"Expected {len(matrix)} class names for a {len(matrix)} x {len(matrix)} confusion "
            f"matrix; received {len(class_names)}."
        )
    scores = class_scores(matrix.astype("float64"))
    labelled, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    total = int(labelled.sum())
    return {
        **{name: float(scores[name]) if total else None for name in MEANS},
        "pixels": total,
        "classes": [
            {
                "name": str(name),
                "iou": float(scores["iou"][index]) if labelled[index] + predicted[index] else None,
                "accuracy": float(scores["accuracy"][index]) if labelled[index] else None,
                "pixels": int(labelled[index]),
            }
            for index, name in enumerate(class_names)
        ],
    }
