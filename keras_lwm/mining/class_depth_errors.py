"""How hard each class has been at each distance, lately: the memory of the binned errors."""

import math

import keras
from keras import ops

from keras_lwm import replicas
from keras_lwm.mining.measures import measured_mask, safe_log, valid_mask
from keras_lwm.option_values import real, reals, whole
from keras_lwm.segments import segment_sum
from keras_lwm.tensors import Tensor


def depth_limits(depth_range) -> tuple[float, float]:
    """(nearest, farthest) metres as Python floats; ValueError unless 0 < nearest < farthest."""
    limits = tuple(reals("depth_range", depth_range))
    if len(limits) != 2 or not 0 < limits[0] < limits[1]:
        raise ValueError(
            "Expected depth_range=(nearest, farthest) in metres with 0 < nearest < farthest; "
            f"received depth_range={limits}."
        )
    return limits


@keras.saving.register_keras_serializable(package="keras_lwm")
class ClassDepthErrors(keras.layers.Layer):
    """Running mean of an error, the segmentation's or the depth's, by class and depth bin.

        E <- momentum E + (1 - momentum) (mean error of the batch's pixels in the cell)

    A cell's first value is its first mean; cells without pixels stay. Called, it looks a batch up:
    E[label_i, bin(depth_i)]; an unmeasured pixel gets the mean over the bins seen of its
    class; what was never seen gets the mean of all that was, and 0 before anything was.

    Args:
        num_classes: number of classes.
        bins: number of depth bins, spaced evenly in log depth. Depths outside the range belong to
            the nearest bin.
        depth_range: (nearest, farthest) metres, 0 < nearest < farthest.
        momentum: in [0, 1).

    State: `errors` and `seen`, (num_classes, bins) float32, non-trainable.
    """

    def __init__(self, num_classes, bins=8, depth_range=(0.7, 10.0), momentum=0.95, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.num_classes = whole("num_classes", num_classes)
        self.bins = whole("bins", bins)
        self.depth_range = depth_limits(depth_range)
        self.momentum = real("momentum", momentum)
        if self.momentum >= 1:
            raise ValueError(f"Expected momentum below 1; received {momentum!r}.")
        shape = (self.num_classes, self.bins)
        # Fed with the sums over all replicas, they are the same in each.
        self.errors, self.seen = (
            self.add_weight(
                shape=shape,
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
                name=name,
            )
            for name in ("errors", "seen")
        )
        self.built = True

    def depth_bins(self, depth) -> Tensor:
        """The bin of each measured pixel, (B, H, W) int32; unmeasured pixels fall anywhere.

        Args:
            depth: (B, H, W, 1) metres, not finite or <= 0 = not measured.
        """
        nearest, farthest = self.depth_range
        log_depth = ops.squeeze(safe_log(depth, measured_mask(depth)), -1)
        position = (log_depth - math.log(nearest)) / math.log(farthest / nearest) * self.bins
        return ops.cast(ops.clip(ops.floor(position), 0, self.bins - 1), "int32")

    def update(self, error, labels, depth) -> None:
        """Takes in a batch: `error` (B, H, W, 1), `labels` (B, H, W), `depth` (B, H, W, 1)."""
        valid = valid_mask(labels, self.num_classes)
        weight = ops.reshape(valid * measured_mask(depth), (-1,))
        cells = ops.reshape(self._cells(labels, depth), (-1,))
        sums = ops.stack(
            [
                segment_sum(values, cells, self.num_classes * self.bins)
                for values in (weight, weight * ops.reshape(error, (-1,)))
            ]
        )
        sums = ops.reshape(replicas.total(sums), (2, self.num_classes, self.bins))
        count, total = ops.unstack(sums, 2)
        mean = total / ops.maximum(count, 1.0)
        errors, seen = self.errors.value, self.seen.value
        kept = self.momentum * seen
        self.errors.assign(ops.where(count > 0, kept * errors + (1.0 - kept) * mean, errors))
        self.seen.assign(ops.where(count > 0, 1.0, seen))

    def call(self, labels, depth) -> Tensor:
        """The binned error of each pixel: (B, H, W, 1), of no meaning on void pixels."""
        errors, seen = self.errors.value, self.seen.value
        overall = ops.sum(errors * seen) / ops.maximum(ops.sum(seen), 1.0)
        table = ops.where(seen > 0, errors, overall)
        seen_bins = ops.sum(seen, axis=1)
        of_class = ops.sum(errors * seen, axis=1) / ops.maximum(seen_bins, 1.0)
        of_class = ops.where(seen_bins > 0, of_class, overall)
        by_depth = ops.take(ops.reshape(table, (-1,)), self._cells(labels, depth))
        by_class = ops.take(of_class, self._classes(labels))
        measured = measured_mask(depth)
        return ops.where(measured > 0, ops.expand_dims(by_depth, -1), ops.expand_dims(by_class, -1))

    def _classes(self, labels):
        return ops.clip(ops.cast(labels, "int32"), 0, self.num_classes - 1)

    def _cells(self, labels, depth):
        return self._classes(labels) * self.bins + self.depth_bins(depth)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "bins": self.bins,
            "depth_range": self.depth_range,
            "momentum": self.momentum,
        }
