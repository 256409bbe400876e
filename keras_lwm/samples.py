"""What makes a sample a sample, checked on NumPy arrays before anything is learned from it.

A jitted training step cannot raise, and a label id outside the classes would there become a NaN or
a silent zero. So every way into training passes here.
"""

import numpy as np

from keras_lwm.void import VOID


def check_sample(sample: dict, num_classes: int, name: str) -> None:
    """Raises a `ValueError` that names the sample unless image, depth and label fit together.

    Args:
        sample: `image` (H, W, 3) uint8, `depth` (H, W, 1) float32, `label` (H, W) uint8.
        num_classes: ids from 0 to `num_classes` - 1 are classes; 255 is void.
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
    outside = ((label >= num_classes) | (label < 0)) & (label != VOID)
    if outside.any():
        raise ValueError(
            f"Sample {name} holds the label id {int(label[outside][0])} "
            f"({int(outside.sum())} pixels): expected 0 to {num_classes - 1}, or {VOID} for void."
        )


def check_one_size(sizes: set[tuple[int, int]]) -> None:
    """Raises a `ValueError` if frames that are to share a batch differ in size."""
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)[:4])
        raise ValueError(
            f"Expected frames of one size, or Augmentation(crop=(height, width)); "
            f"received frames of {len(sizes)} sizes: {shown}."
        )
