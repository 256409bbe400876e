"""Segmentation scores from a confusion matrix, in plain NumPy."""

import numpy as np


def segmentation_scores(matrix, class_names=None):
    """Computes the scores that the literature reports, all from 0 to 1.

    Pixel accuracy, mean accuracy, mean IoU and frequency-weighted IoU as in Long, Shelhamer and
    Darrell, "Fully convolutional networks for semantic segmentation" (CVPR 2015). A class that does
    not occur in the labels counts in no mean and has None in place of its scores.

    Args:
        matrix: integers (C, C), pixels; rows are labels, columns predictions.
        class_names: C names; the class ids where not given.

    Returns:
        A dictionary of plain Python values, ready for JSON: `pixel_accuracy`, `mean_accuracy`,
        `mean_iou`, `frequency_weighted_iou` (None if not one pixel is labelled), `pixels`, and
        `classes`, a list of {`name`, `iou`, `accuracy`, `pixels`} in the order of the ids.

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
    correct = np.diagonal(matrix)
    labelled = matrix.sum(axis=1)
    union = labelled + matrix.sum(axis=0) - correct
    present = labelled > 0
    total = int(labelled.sum())
    iou = np.divide(correct, union, where=present, out=np.full(len(matrix), np.nan))
    accuracy = np.divide(correct, labelled, where=present, out=np.full(len(matrix), np.nan))

    def mean(values, weights=present):
        return float(np.average(values[present], weights=weights[present])) if total else None

    return {
        "pixel_accuracy": float(correct.sum() / total) if total else None,
        "mean_accuracy": mean(accuracy),
        "mean_iou": mean(iou),
        "frequency_weighted_iou": mean(iou, weights=labelled),
        "pixels": total,
        "classes": [
            {
                "name": str(name),
                "iou": float(iou[class_id]) if present[class_id] else None,
                "accuracy": float(accuracy[class_id]) if present[class_id] else None,
                "pixels": int(labelled[class_id]),
            }
            for class_id, name in enumerate(class_names)
        ],
    }
