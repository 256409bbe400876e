"""Single frames from batches of any make, checked before anything is counted."""

import numpy as np
from keras import ops

from keras_lwm.void import VOID


def frames_of(dataset, num_classes, after_batch=None):
    """Yields (image (H, W, 3), label (h, w), depth (h', w', 1) or None), one frame after another.

    Args:
        dataset: iterable of batches `(image (B, H, W, 3), {"label": (B, h, w), "depth": ...})`,
            as arrays or tensors of any make; `depth` may be missing.
        num_classes: label ids must lie below, or be 255.
        after_batch: called after the frames of each batch.

    Raises:
        ValueError: if a frame's parts do not fit together, or a label is no class; it names the
            frame by its place in the data, from 0.
    """
    place = 0
    for images, targets in dataset:
        images, labels = _array(images), _array(targets["label"])
        depths = _array(targets["depth"]) if targets.get("depth") is not None else None
        _check_batch(place, images, labels, depths)
        for index in range(len(images)):
            _check_labels(place, labels[index], num_classes)
            yield images[index], labels[index], None if depths is None else depths[index]
            place += 1
        if after_batch is not None:
            after_batch()


def _array(values):
    return np.asarray(values) if hasattr(values, "__array__") else ops.convert_to_numpy(values)


def _check_batch(place, images, labels, depths):
    shapes = [maps.shape for maps in (images, labels, depths) if maps is not None]
    whole = (
        images.ndim == 4
        and labels.ndim == 3
        and (depths is None or (depths.ndim == 4 and depths.shape[-1] == 1))
        and all(shape[0] == len(images) for shape in shapes)
        and all(_same_aspect(images.shape[1:3], shape[1:3]) for shape in shapes)
    )
    if not whole:
        raise ValueError(
            f"Expected images (B, H, W, 3), labels (B, h, w) and depths (B, h, w, 1) of one aspect "
            f"from frame {place} on; received shapes {', '.join(map(str, shapes))}."
        )


def _same_aspect(one, other):
    # Equal up to one pixel of rounding in the larger of the two.
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


def _check_labels(place, label, num_classes):
    wrong = label[((label < 0) | (label >= num_classes)) & (label != VOID)]
    if wrong.size:
        raise ValueError(
            f"Expected labels from 0 to {num_classes - 1} or {VOID} (void); received "
            f"{int(wrong[0])} in frame {place}."
        )
