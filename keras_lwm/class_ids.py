"""From the scores of all classes to the class of every pixel."""

import keras
from keras import ops

from keras_lwm.tensors import Tensor


def class_ids(scores) -> Tensor:
    """The class of the largest score, int32 (B, H, W); -1 where a score is not finite.

    Args:
        scores: (B, H, W, C) float.
    """
    by_torch = keras.backend.backend() == "torch"
    largest, finite = (_largest_by_torch if by_torch else _largest)(scores)
    return ops.where(finite, ops.cast(largest, "int32"), -1)


def _largest(scores):
    return ops.argmax(scores, axis=-1), ops.all(ops.isfinite(scores), axis=-1)


def _largest_by_torch(scores):
    # Whether each number is finite PyTorch asks in five operations on all of them.
    most, largest = scores.max(-1)
    return largest, ops.logical_and(ops.isfinite(most), ops.isfinite(scores.amin(-1)))
