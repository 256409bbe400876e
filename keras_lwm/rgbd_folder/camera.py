"""A pinhole camera: its intrinsics, and where its pixels look.

A pixel (column u, row v), counted from the centre of the first one, sees along
((u - cx) / fx, (v - cy) / fy, 1): x to the right, y down, z along the optical axis.
"""

import math
from collections.abc import Sequence

import numpy as np

from keras_lwm.option_values import real

Intrinsics = tuple[float, float, float, float]


def check_intrinsics(name: str, values: Sequence[float]) -> Intrinsics:
    """(fx, fy, cx, cy) in pixels, as Python floats.

    Args:
        name: of the option, for the sentence.
        values: as a user gave them.

    Raises:
        ValueError: unless they are four finite numbers, the focal lengths above 0.
    """
    try:
        numbers = tuple(real(name, value, -math.inf) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if isinstance(values, str) or len(numbers) != 4 or min(numbers[:2]) <= 0:
        raise ValueError(
            f"Expected {name} to be (fx, fy, cx, cy) in pixels, with focal lengths above 0; "
            f"received {name}={values!r}."
        )
    return numbers


def centred_intrinsics(focal_length: float, size: tuple[int, int]) -> Intrinsics:
    """Of a camera with square pixels whose axis goes through the centre of its (H, W) image."""
    height, width = size
    return focal_length, focal_length, (width - 1) / 2, (height - 1) / 2


def focal_length_of(field_of_view: float, width: int) -> float:
    """Pixels, from the horizontal field of view in degrees and the image's width in pixels."""
    return width / 2 / math.tan(math.radians(field_of_view) / 2)


def axis_directions(
    intrinsics: Intrinsics, columns: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) at z = 1 of what columns and rows see, each of its own shape, float64."""
    fx, fy, cx, cy = intrinsics
    return (columns - cx) / fx, (rows - cy) / fy
