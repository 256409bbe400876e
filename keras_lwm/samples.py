"""What makes a sample a sample, checked on NumPy arrays before anything is learned from it.

A jitted training step cannot raise, and a label id outside the classes would there become a NaN or
a silent zero. So every way into training passes here.
"""

from collections.abc import Callable

import numpy as np

from keras_lwm.measured import is_measured
from keras_lwm.void import void_id


def check_sample(sample: dict, num_classes: int, name: str) -> None:
    """Raises a `ValueError` that names the sample unless image, depth and label fit together.

    Args:
        sample: `image` (H, W, 3) uint8, `depth` (H, W, 1) float32, `label` (H, W) integers.
        num_classes: ids from 0 to `num_classes` - 1 are classes; `void_id(num_classes)` is void.
        name: what to call the sample in the message.
    """
    size = sample["image"].shape[:2]
    expected = {"image": (*size, 3), "depth": (*size, 1), "label": size}
    received = {key: tuple(sample[key].shape) for key in expected}
    if received != expected:
        shapes = ", ".join(f"{key} {shape}" for key, shape in received.items())
        raise ValueError(
            f"Sample {name}: expected image (H, W, 3), depth (H, W, 1) and label (H, W) of one "
            f"size; received {shapes}."
        )
    if sample["image"].dtype != np.uint8:
        raise ValueError(
            f"Sample {name}: expected an image of uint8, 0 to 255; "
            f"received {sample['image'].dtype}."
        )
    check_label(sample["label"], num_classes, name)


def check_label(label: np.ndarray, num_classes: int, name: str) -> None:
    """Raises a `ValueError` that names sample and id if `label` has an id outside the classes."""
    if not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"Sample {name}: expected a label of integer class ids; received {label.dtype}."
        )
    void = void_id(num_classes)
    outside = ((label >= num_classes) | (label < 0)) & (label != void)
    if outside.any():
        raise ValueError(
            f"Sample {name} holds the label id {int(label[outside][0])} "
            f"({int(outside.sum())} pixels): expected 0 to {num_classes - 1}, or {void} for void."
        )


def check_one_size(sizes: set[tuple[int, int]]) -> None:
    """Raises a `ValueError` if frames that are to share a batch differ in size."""
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)[:4])
        raise ValueError(
            f"Expected frames of one size, or Augmentation(crop=(height, width)); "
            f"received frames of {len(sizes)} sizes: {shown}."
        )


def check_image_range(minimum: float, maximum: float, name: str) -> None:
    """Raises a `ValueError` unless these may be the extremes of images from 0 to 255.

    For images of any type but uint8, which always fits. Call it with the extremes of as many images
    as are at hand, since a dark one alone may not pass 1. Black images, all 0, fit any range.

    Args:
        minimum, maximum: of the images' values, as `numpy.min` and `numpy.max` give them: NaN
            where a value is NaN.
        name: what to call the images in the message, such as "frame 3".
    """
    if not (np.isfinite(minimum) and np.isfinite(maximum)):
        raise ValueError(
            f"Expected finite image values from 0 to 255 in {name}; received NaN or infinite ones."
        )
    # Bicubic resizing overshoots by some grey levels; images normalised to a mean of 0 stay small.
    in_range = minimum >= -32 and maximum <= 288 and (minimum >= -0.5 or maximum > 32)
    is_black = minimum == maximum == 0
    if not in_range or not (maximum > 1 or is_black):
        raise ValueError(
            f"Expected image values from 0 to 255 in {name}; received values from {minimum:.4g} "
            f"to {maximum:.4g}."
        )


# Metres. Tabletop scenes lie near the first, streets seen by stereo cameras below the second.
LIKELY_MEDIAN = (0.1, 80.0)
_FRAMES_LOOKED_AT = 16


def check_depth_unit(
    median: float,
    name: str,
    depth_unit: float | None = None,
    hint: str = "unusual_depth=True",
    statistic: str = "median",
) -> None:
    """Raises a `ValueError` if depth of this median looks like another unit than metres.

    Args:
        median: of the measured depth, in what is taken for metres; see `typical_depth`.
        name: what to call the depth in the message, such as "array index 3".
        depth_unit: the metres per unit that the depth was read with, where there was a choice.
        hint: what to set if the depth is right as it is.
        statistic: what the number is, if it is no median.
    """
    nearest, farthest = LIKELY_MEDIAN
    if nearest <= median <= farthest:
        return
    units = "" if depth_unit is None else f" with depth_unit={depth_unit:g}"
    if median >= nearest:
        unit, factor = ("centimetres", 100) if median < 10 * farthest else ("millimetres", 1000)
        guess = f"looks like {unit}: divide it by {factor}"
        if depth_unit is not None:
            guess = f"looks like {unit}: set depth_unit={depth_unit / factor:g}"
        if median < 2 * farthest:
            guess = "is far for metres: look at its unit"
    elif depth_unit is None:
        guess = "looks normalised or like kilometres: convert it to metres"
    else:
        guess = "looks too small: set a larger depth_unit"
    raise ValueError(
        f"{name} has a {statistic} depth of {median:.3g} m{units}, which {guess}, or set "
        f"{hint} if it is right; expected {nearest:g} to {farthest:g} m."
    )


def spread_indices(number: int, wanted: int) -> list[int]:
    """Up to `wanted` indices below `number`, evenly spread and rising; the first is 0.

    Raises:
        ValueError: if `wanted` is below 1.
    """
    if wanted < 1:
        raise ValueError(f"Expected 1 frame or more to choose; received {wanted!r}.")
    return np.linspace(0, number - 1, min(number, wanted)).astype(int).tolist()


def typical_depth(read: Callable[[int], np.ndarray], number: int) -> tuple[float, int] | None:
    """The median over up to 16 evenly spread frames of each frame's median depth.

    Args:
        read: gives the depth of a frame by its index: metres; not finite or <= 0 = not measured.
        number: of frames.

    Returns:
        The median in metres, and the index of the frame whose median it is; `None` if nothing is
        measured in any of these frames.
    """
    indices = spread_indices(number, _FRAMES_LOOKED_AT)
    medians = [(median_depth(read(index)), index) for index in indices]
    medians = sorted(entry for entry in medians if entry[0] is not None)
    return medians[len(medians) // 2] if medians else None


def median_depth(depth: np.ndarray) -> float | None:
    """The median of the measured depth, finite and > 0; `None` where there is none."""
    measured = depth[is_measured(depth, np)]
    return float(np.median(measured)) if measured.size else None
