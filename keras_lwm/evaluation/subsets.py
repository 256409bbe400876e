"""Parts of the pixels that are scored by themselves: near the boundaries, at one distance."""

import math

import numpy as np

from keras_lwm.measured import is_measured


class TrimapBand:
    """The pixels near a boundary between two classes, for the trimap mIoU.

    After Kohli, Ladicky and Torr, "Robust higher order potentials for enforcing label consistency"
    (IJCV 2009). A boundary lies between two neighbours (in a row or a column) of different classes;
    where one of them is void there is none.

    Args:
        width: pixels on each side of the boundary, at least 1; 1 = those that touch it. Beyond it,
            distance is Euclidean.
    """

    needs_depth = False

    def __init__(self, width):
        if width < 1:
            raise ValueError(f"Expected a band at least 1 pixel wide; received {width!r}.")
        self.width = width
        self.name = f"within {width:g} px of a boundary"

    def mask(self, label: np.ndarray, depth: np.ndarray | None, void: int) -> np.ndarray:
        """Returns booleans (H, W) from `label` (H, W), in which the id `void` is of no class."""
        touching = np.zeros(label.shape, bool)
        for before, after in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            one, other = label[before], label[after]
            boundary = (one != other) & (one != void) & (other != void)
            touching[before] |= boundary
            touching[after] |= boundary
        return _nearer(touching, self.width)


def _nearer(mask, distance):
    """The pixels (H, W) that are nearer than `distance` to one of `mask`, in a straight line."""
    height, width = mask.shape
    rows = np.arange(height, dtype="float32")[:, None]
    above = np.maximum.accumulate(np.where(mask, rows, -np.inf), axis=0)
    below = np.minimum.accumulate(np.where(mask, rows, np.inf)[::-1], axis=0)[::-1]
    squared = np.minimum(rows - above, below - rows) ** 2
    near = np.zeros(mask.shape, bool)
    for columns in range(math.ceil(min(distance, width))):
        reached = squared < distance**2 - columns**2
        near[:, columns:] |= reached[:, : width - columns]
        near[:, : width - columns] |= reached[:, columns:]
    return near


class DepthRange:
    """The pixels whose measured depth lies from `near` up to, not including, `far`.

    Args:
        near, far: metres, 0 <= near < far.
    """

    needs_depth = True

    def __init__(self, near, far=math.inf):
        if not 0 <= near < far:
            raise ValueError(f"Expected 0 <= near < far, metres; received {near!r} and {far!r}.")
        self.near = near
        self.far = far
        self.name = f"from {near:g} m" if math.isinf(far) else f"{near:g} to {far:g} m"

    def mask(self, label: np.ndarray, depth: np.ndarray, void: int) -> np.ndarray:
        """Returns booleans (H, W) from `depth` (H, W), metres; unmeasured ones are in no range."""
        measured = is_measured(depth, np)
        return measured & (depth >= self.near) & (depth < self.far)


DEPTH_RANGES = (DepthRange(0, 2), DepthRange(2, 4), DepthRange(4, 6), DepthRange(6))
"""0 to 2, 2 to 4, 4 to 6, and from 6 m on."""
