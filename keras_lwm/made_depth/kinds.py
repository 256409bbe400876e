"""What the numbers of a depth model mean, and depth made of them."""

import numpy as np

METRES = "metres"
RELATIVE_DEPTH = "relative depth"
RELATIVE_INVERSE_DEPTH = "relative inverse depth"
KINDS = (METRES, RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH)
"""Metres; depth but for a scale and a shift; 1 / depth but for a scale and a shift."""


def to_depth(values: np.ndarray, kind: str, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Depth from a model's numbers; 0, not measured, where they come to no positive finite depth.

    Args:
        values: of any shape, finite.
        kind: out of `KINDS`. Of inverse depth, scale and shift are taken before the reciprocal.
        scale, shift: depth, or inverse depth, is `scale * values + shift`.

    Returns:
        float32 of the same shape: metres, or where nothing is known of the scale, relative depth.
    """
    values = scale * np.asarray(values, np.float64) + shift
    positive = values > 0
    if kind == RELATIVE_INVERSE_DEPTH:
        values = 1 / np.where(positive, values, 1.0)
    return np.where(positive, values, 0).astype(np.float32)


def with_median_1(depth: np.ndarray, name: object) -> np.ndarray:
    """Relative depth of one image as multiples of its own median over the pixels above 0.

    Raises:
        ValueError: no pixel has depth; `name` says whose.
    """
    made = depth[depth > 0]
    if not made.size:
        raise ValueError(f"The model gives no positive depth anywhere in {name}.")
    return depth / np.median(made)
