"""What both pictures of a run share: arrays of any kind as pictures, and their scales."""

import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm

from keras_lwm.report.colours import is_measured
from keras_lwm.void import VOID

DEPTH_MAP = "viridis"
ERROR_MAP = "magma"
WEIGHT_MAP = "coolwarm"


def check_sequences(maps, class_names, palette):
    """Raises ValueError unless `maps`, sequences by title, are equally long and colours fit."""
    if len(palette) != len(class_names):
        raise ValueError(
            f"Expected one colour a class; received {len(class_names)} class names and "
            f"{len(palette)} colours."
        )
    lengths = {title: len(values) for title, values in maps.items() if values is not None}
    if set(lengths.values()) != {lengths["image"]} or not lengths["image"]:
        told = ", ".join(f"{count} of {title}" for title, count in lengths.items())
        raise ValueError(f"Expected maps of one number of samples, at least 1; received {told}.")


def as_picture(image):
    return np.clip(np.rint(image), 0, 255).astype("uint8")


def as_map(values):
    values = np.asarray(values, "float32")
    return values[..., 0] if values.ndim == 3 else values


def under_centres(label, size):
    rows, columns = (
        (2 * np.arange(target) + 1) * source // (2 * target)
        for target, source in zip(size, label.shape, strict=True)
    )
    return label[rows[:, None], columns]


def depth_norm(*sequences):
    given = [as_map(depth) for depths in sequences if depths is not None for depth in depths]
    metres = [depth[is_measured(depth)] for depth in given]
    metres = np.concatenate(metres) if metres else np.zeros(0)
    # A hundredth at each end may saturate, so that no outlier takes the colours from the rest.
    near, far = np.percentile(metres, (1, 99)) if metres.size else (0.0, 1.0)
    return Normalize(near, max(far, near + 1e-3), clip=True)


def weight_norm(weights):
    largest = (
        max((float(np.max(weight)) for weight in weights), default=0) if weights is not None else 0
    )
    return TwoSlopeNorm(1, 0, max(largest, 1.5))


def has_holes(depths):
    return depths is not None and not all(is_measured(as_map(depth)).all() for depth in depths)


def present_classes(class_names, palette, *sequences):
    ids = {int(i) for labels in sequences for label in labels for i in np.unique(label)} - {VOID}
    return [(class_names[class_id], palette[class_id]) for class_id in sorted(ids)]
