"""The logs of an epoch while it is trained, for who looks within it."""

import math

import keras
from keras import ops

from keras_lwm.metrics.scores import class_scores


def running_logs(model: keras.Model) -> dict[str, float]:
    """Reads a `DepthPrivilegedModel`'s logs of the epoch's training so far; waits for its steps.

    They are computed on the host, from the sums that the steps keep. Under JAX, where a step's
    state is not the model's while `fit` runs, `keras.callbacks.Callback.model` is to be given.

    Returns:
        `loss`, one loss an output, what the weighting measures, `mean_iou`, `coefficient`,
        `skipped_steps` and `learning_rate`, as the epoch's end logs them; and `images`, the number
        of images in steps that were not skipped. NaN where nothing was seen yet.
    """
    logs = {}
    for name, mean in model.mean_logs.items():
        weight = _number(mean.weight)
        logs[name] = _number(mean.sum) / weight if weight else math.nan
    counts = model.segmentation_scores.counts()[:-1]
    matrix = counts.reshape(model.num_classes, model.num_classes).astype("float64")
    return {
        **logs,
        "images": _number(model.mean_logs["loss"].weight),
        "mean_iou": float(class_scores(matrix)["mean_iou"]) if matrix.any() else math.nan,
        "coefficient": _number(model.weighting.coefficient),
        "skipped_steps": _number(model.skipped_steps.sum),
        "learning_rate": _number(model.optimizer.learning_rate),
    }


def _number(value):
    return float(ops.convert_to_numpy(value))
