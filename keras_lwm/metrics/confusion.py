"""The confusion matrix of an evaluation, counted on device or host and exact in integers."""

import keras
import numpy as np
from keras import ops

from keras_lwm.metrics.scores import MEANS, class_scores
from keras_lwm.segments import segment_sum
from keras_lwm.tensors import Tensor
from keras_lwm.void import check_num_classes, void_id

_LOW_BITS = 30
_LOW_MASK = (1 << _LOW_BITS) - 1
# The most whose C * C + 2 cells have int32 numbers.
MOST_COUNTED = 46339


def confusion_counts(labels, class_ids, num_classes: int) -> Tensor:
    """Counts the pixels of every (label, predicted class) pair, void left out.

    Args:
        labels: integers (B, H, W), class ids from 0; `void_id(num_classes)` is not counted.
        class_ids: predicted classes, integers of the same shape.
        num_classes: C.

    Returns:
        int32 (C * C + 1,): cell `label * C + class_id`, and last the number of pixels whose label
        or predicted class is no class id: a compiled step cannot raise, so they are counted for
        whoever reads the matrix on the host.
    """
    labels = ops.cast(labels, "int32")
    class_ids = ops.cast(class_ids, "int32")
    cells = num_classes * num_classes
    known = ops.logical_and(
        ops.logical_and(labels >= 0, labels < num_classes),
        ops.logical_and(class_ids >= 0, class_ids < num_classes),
    )
    unknown = ops.where(labels == void_id(num_classes), cells + 1, cells)
    cell = ops.reshape(ops.where(known, labels * num_classes + class_ids, unknown), (-1,))
    # The fastest of segment sum, bincount, scatter, sort and one-hot products that runs compiled
    # on every backend.
    return segment_sum(ops.ones_like(cell), cell, cells + 2)[: cells + 1]


def confusion_matrix_of(counts, num_classes: int) -> np.ndarray:
    """Turns sums of `confusion_counts` into a NumPy int64 (C, C): a row a label.

    Raises:
        ValueError: if pixels were seen whose label or predicted class is not one of the classes.
    """
    counts = np.asarray(counts, "int64")
    if counts[-1]:
        last, void = num_classes - 1, void_id(num_classes)
        raise ValueError(
            f"Expected labels from 0 to {last} or {void} (void) and predicted classes from 0 to "
            f"{last}; received {counts[-1]} pixels with other ids."
        )
    return counts[:-1].reshape(num_classes, num_classes)


def check_countable(num_classes: int) -> None:
    """Raises a `ValueError` for a number of classes that no confusion matrix here has."""
    check_num_classes(num_classes)
    if num_classes > MOST_COUNTED:
        raise ValueError(
            f"Expected at most {MOST_COUNTED} classes for a confusion matrix; received "
            f"num_classes={num_classes}."
        )


def new_matrix(num_classes: int) -> np.ndarray:
    """An empty confusion matrix on the host, int64 (C, C), for `add_pixels`."""
    check_countable(num_classes)
    return np.zeros((num_classes, num_classes), "int64")


def add_pixels(matrix: np.ndarray, labels: np.ndarray, class_ids: np.ndarray) -> None:
    """Counts pixels that are on the host already, where it is faster than a device's step.

    Args:
        matrix: int64 (C, C), changed in place: rows are labels, columns predictions.
        labels, class_ids: integers (N,), all of them from 0 to C - 1: nothing is void.
    """
    cells = labels.astype("int64") * len(matrix) + class_ids
    np.add.at(matrix.reshape(-1), cells, 1)


@keras.saving.register_keras_serializable(package="keras_lwm")
class ConfusionMatrix(keras.metrics.Metric):
    """Counts label against predicted class over all pixels of an evaluation; void is ignored.

    Counting costs one pass over the pixels, runs inside compiled steps of every backend, and stays
    exact past 2^31 pixels a cell: JAX has no 64-bit integers by default, so every count is kept in
    two 32-bit words. One update may hold up to 2^30 pixels. Its memory is 8 bytes a cell: 8 MB for
    1000 classes.

    Args:
        num_classes: number of classes C, 2 to 46339: the cells are counted in 32-bit integers.
        name: name of the metric.

    Examples:
        >>> metric = ConfusionMatrix(num_classes=2)
        >>> metric.update_state(np.array([[[0, 1, 255]]]), np.array([[[0, 0, 0]]]))
        >>> metric.matrix()
        array([[1, 0],
               [1, 0]])
    """

    def __init__(self, num_classes: int, name="confusion_matrix"):
        super().__init__(name=name)
        check_countable(num_classes)
        self.num_classes = int(num_classes)
        size = self.num_classes**2 + 1
        self.low, self.high = (
            self.add_variable((size,), "zeros", "int32", "only_first_replica", name)
            for name in ("low", "high")
        )

    def update_state(self, labels, class_ids) -> None:
        """Adds a batch: `labels` as of `confusion_counts`; `class_ids` likewise, 0 to C - 1."""
        self.add_counts(confusion_counts(labels, class_ids, self.num_classes))

    def add_counts(self, counts) -> None:
        """Adds what `confusion_counts` has counted, in one batch or summed over several."""
        low = ops.add(self.low, counts)
        self.high.assign(ops.add(self.high, ops.right_shift(low, _LOW_BITS)))
        self.low.assign(ops.bitwise_and(low, _LOW_MASK))

    def result(self) -> dict:
        """Returns float32 scalars from 0 to 1, fit to be logs; NaN where no pixel was counted.

        `pixel_accuracy`, `mean_accuracy`, `mean_iou` and `frequency_weighted_iou`, as defined by
        `class_scores`. Mean IoU is over the classes that occur in labels or predictions.
        """
        words = ops.cast(self.low, "float32") + ops.cast(self.high, "float32") * 2.0**_LOW_BITS
        matrix = ops.reshape(words[:-1], (self.num_classes, self.num_classes))
        scores = class_scores(matrix, ops)
        counted = ops.sum(matrix) > 0
        return {name: ops.where(counted, scores[name], float("nan")) for name in MEANS}

    def matrix(self) -> np.ndarray:
        """Returns the counts as a NumPy int64 (C, C): rows are labels, columns predictions.

        Raises:
            ValueError: if a label was neither a class id nor void (or a prediction no class id).
        """
        return confusion_matrix_of(self.counts(), self.num_classes)

    def counts(self) -> np.ndarray:
        """Returns what was counted as NumPy int64 (C * C + 1,); see `confusion_counts`."""
        low = ops.convert_to_numpy(self.low).astype("int64")
        high = ops.convert_to_numpy(self.high).astype("int64")
        return low + (high << _LOW_BITS)

    def get_config(self) -> dict:
        return {"num_classes": self.num_classes, "name": self.name}
