"""Checks of the data that a model is trained on: of arrays before, of all else while it comes."""

import math
import warnings

import keras
import numpy as np
from keras import ops

from keras_lwm import replicas
from keras_lwm.mining.measures import is_class, measured_mask, safe_log
from keras_lwm.samples import (
    check_depth_unit,
    check_image_range,
    check_label,
    typical_depth,
)
from keras_lwm.tensors import Tensor
from keras_lwm.void import void_id


def check_targets(y, needs_depth) -> None:
    """Checks the structure of targets, arrays and tensors alike.

    Raises:
        ValueError: unless `y` is a dictionary with "label" (B, H, W) and, where `needs_depth`,
            "depth" (B, H, W, 1), and labels are integers.
    """
    keys = sorted(y) if isinstance(y, dict) else type(y).__name__
    needed = ["label", "depth"] if needs_depth else ["label"]
    if not isinstance(y, dict) or any(key not in y for key in needed):
        raise ValueError(
            f"Expected targets as a dictionary with {' and '.join(needed)}; received {keys}."
        )
    dtype = keras.backend.standardize_dtype(y["label"].dtype)
    if "int" not in dtype:
        raise ValueError(f"Expected a label of integer class ids; received {dtype}.")
    for key, rank, form in (("label", 3, "(B, H, W)"), ("depth", 4, "(B, H, W, 1)")):
        if key in y and len(y[key].shape) != rank:
            raise ValueError(
                f"Expected {key} of shape {form}; received shape {tuple(y[key].shape)}."
            )


def check_arrays(x, y, num_classes, needs_depth, unusual_depth=False) -> None:
    """Checks whole arrays before training, since a compiled step cannot raise.

    Args:
        x: images, (N, H, W, 3), 0..255.
        y: {"label": (N, H, W) integers, "depth": (N, H, W, 1) metres}.
        num_classes: ids from 0 to `num_classes` - 1 are classes, `void_id(num_classes)` is void.
        needs_depth: whether "depth" must be there.
        unusual_depth: whether depth that does not look like metres is right.

    Raises:
        ValueError: shapes that do not fit together, images that are not from 0 to 255, labels that
            are not integers, an id that is no class (with the first image that has one), depth that
            looks like millimetres.
    """
    check_targets(y, needs_depth)
    label, depth = y["label"], y.get("depth")
    expected = {"image": (*label.shape, 3), "depth": (*label.shape, 1)}
    for key, array in (("image", x), ("depth", depth)):
        if array is not None and tuple(array.shape) != expected[key]:
            raise ValueError(
                f"Expected {key} of shape {expected[key]} to go with labels of shape "
                f"{tuple(label.shape)}; received shape {tuple(array.shape)}."
            )
    if x.dtype != np.uint8 and x.size:
        check_image_range(np.min(x), np.max(x), "the array of images")
    for index, one in enumerate(np.asarray(label)):
        check_label(one, num_classes, f"array index {index}")
    if depth is not None and not unusual_depth:
        depth = np.asarray(depth)
        typical = typical_depth(lambda index: depth[index], len(depth))
        if typical is not None:
            check_depth_unit(typical[0], f"The depth at array index {typical[1]}")


_LARGEST_ID = 2.0**22  # Sums of two stay whole in float32; ids beyond are named as this.


class InputMonitor(keras.metrics.Metric):
    """What compiled steps saw of images, labels and depth, for checks that they cannot raise.

    Args:
        num_classes: ids from 0 to `num_classes` - 1 are classes, `void_id(num_classes)` is void.
        unusual_depth: whether depth that does not look like metres is right.
    """

    def __init__(self, num_classes, unusual_depth=False, name="input_monitor"):
        super().__init__(name=name)
        self.num_classes = num_classes
        self.unusual_depth = unusual_depth
        # Largest pixel, largest negative pixel's size, largest id outside the classes above and
        # below, counts and sums: all start at 0, as a metric is reset.
        self.largest, self.sums = (
            self.add_variable(shape, "zeros", "float32", "only_first_replica", name)
            for shape, name in (((4,), "largest"), ((3,), "sums"))
        )

    def update_state(self, image, targets) -> None:
        """Takes in a batch: `image` (B, H, W, 3), `targets` with `label` and, perhaps, `depth`.

        Of several inputs, those of three channels are images; others have no range to check.
        """
        high, low = _extremes(image)
        labels = ops.cast(targets["label"], "int32")
        invalid = ops.logical_and(
            ops.logical_not(is_class(labels, self.num_classes)),
            ops.not_equal(labels, void_id(self.num_classes)),
        )
        ids = ops.clip(ops.cast(labels, "float32"), -_LARGEST_ID, _LARGEST_ID)
        largest = [
            high,
            low,
            ops.max(ops.where(invalid, ids + _LARGEST_ID, 0.0)),
            ops.max(ops.where(invalid, _LARGEST_ID - ids, 0.0)),
        ]
        count, total = 0.0, 0.0
        if "depth" in targets:
            depth = ops.cast(targets["depth"], "float32")
            measured = measured_mask(depth)
            count, total = ops.sum(measured), ops.sum(safe_log(depth, measured))
        sums = [ops.sum(ops.cast(invalid, "float32")), count, total]
        self.largest.assign(ops.maximum(self.largest, replicas.largest(_vector(largest))))
        self.sums.assign(ops.add(self.sums, replicas.total(_vector(sums))))

    def result(self) -> Tensor:
        return self.sums[0]

    def check(self) -> None:
        """Looks at what was seen since the last reset.

        Raises:
            ValueError: label ids outside the classes, images that are not from 0 to 255, depth that
                looks like another unit than metres. What was seen is forgotten then.
        """
        try:
            self._check()
        except ValueError:
            self.reset_state()
            raise

    def _check(self):
        high, low, above, below = ops.convert_to_numpy(self.largest).tolist()
        invalid, measured, log_depth = ops.convert_to_numpy(self.sums).tolist()
        if invalid:
            lowest, highest = int(_LARGEST_ID - below), int(above - _LARGEST_ID)
            ids = f"id {lowest}" if lowest == highest else f"ids from {lowest} to {highest}"
            raise ValueError(
                f"The batches hold the label {ids} ({int(invalid)} pixels): expected 0 to "
                f"{self.num_classes - 1}, or {void_id(self.num_classes)} for void."
            )
        if high or low:
            check_image_range(-low if low else 0.0, high, "the batches")
        if measured and not self.unusual_depth:
            typical = math.exp(log_depth / measured)
            check_depth_unit(typical, "The depth of the batches", statistic="geometric mean")


def _vector(numbers):
    return ops.stack([ops.cast(number, "float32") for number in numbers])


def _extremes(image):
    """The largest pixel, and the largest pixel of the negative, of all inputs that are images."""
    inputs = keras.tree.flatten(image)
    images = [each for each in inputs if len(each.shape) == 4 and each.shape[-1] == 3]
    highest, lowest = [0.0], [0.0]
    for each in images:
        if keras.backend.standardize_dtype(each.dtype) == "uint8":
            highest.append(255.0)
            continue
        each = ops.cast(each, "float32")
        each = ops.where(ops.isfinite(each), each, 0.0)  # An invalid step is skipped and counted.
        highest.append(ops.max(each))
        lowest.append(ops.max(-each))
    return ops.max(_vector(highest)), ops.max(_vector(lowest))


_NOTHING_OF = {
    "segmentation_loss": "No frame of this epoch has a label: nothing is learnt from labels.",
    "depth_loss": "No depth was measured in any frame of this epoch: the depth branch learns "
    "nothing, nor does the weighting from depth.",
}
"""Logs that are NaN where all frames lack what they are of, and what is said of it."""


class InputCheck(keras.callbacks.Callback):
    """Checks what the model's `InputMonitor` saw, and ends a run whose steps are all invalid.

    After the first step, so that nobody waits an epoch for a sentence, and at each epoch's end. It
    has no method for a step's end, for which Keras would wait for the device after every step, and
    looks at the count of invalid steps no sooner than that may have come to the limit.

    Args:
        max_skipped_steps: number of invalid steps in a row that end the run.
    """

    def __init__(self, max_skipped_steps):
        super().__init__()
        self.max_skipped_steps = max_skipped_steps
        self._first = True
        self._warned = set()
        self._steps_before = 0  # of earlier epochs
        self._steps = 0
        self._next_look = max_skipped_steps

    def on_train_batch_begin(self, batch, logs=None) -> None:
        self._steps = self._steps_before + batch
        if self._steps > 0 and self._first:
            self._first = False
            self.model.input_monitor.check()
        if self._steps >= self._next_look:
            self._check_skipped()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self._steps += self.model.steps_per_execution
        self._steps_before = self._steps
        self._check_skipped()
        self.model.input_monitor.check()
        logs = logs or {}
        if not math.isfinite(logs.get("loss", math.nan)):
            return
        for name, remark in _NOTHING_OF.items():
            if name not in self._warned and math.isnan(logs.get(name, 0.0)):
                self._warned.add(name)
                warnings.warn(remark, stacklevel=2)

    def _check_skipped(self):
        # The optimiser's count may hold steps of earlier runs.
        skipped = ops.convert_to_numpy(self.model.optimizer.skipped_in_a_row)
        in_a_row = min(int(skipped), self._steps)
        self._next_look = self._steps + self.max_skipped_steps - in_a_row
        if in_a_row >= self.max_skipped_steps:
            raise ValueError(
                f"The loss or its gradients were not finite in {in_a_row} steps in a row, "
                f"none of which changed a weight: expected fewer than max_skipped_steps="
                f"{self.max_skipped_steps}. A lower learning rate, a clipped gradient or float32 "
                "may help; so may a look at the data."
            )
