"""Class ids from low-resolution scores, strip by strip of rows: never all classes at full size.

In NumPy: the scores have left the device, and no backend has to compile anything for a last strip.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

_STRIP_BYTES = 8e6
_FLOAT32 = 4


class Scores(NamedTuple):
    """Scores of all classes, and the positions at which they are to be interpolated.

    Attributes:
        values: (h, w, C) float32.
        rows, columns: float32, the centre of every row and column asked for, in cells of `values`,
            from 0 to h - 1 and w - 1.
        softmax: whether to take the softmax, over classes, of the interpolated values.
    """

    values: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    softmax: bool = False


def centres(positions: np.ndarray, target: int, source: int) -> np.ndarray:
    """Where these of `target` cells have their centres, in cells of `source`, edges clamped.

    As `keras_lwm.resampling.bilinear_centres`, to the last bit.
    """
    scale = np.float32(source) / np.float32(target)
    positions = (np.asarray(positions, "float32") + np.float32(0.5)) * scale - np.float32(0.5)
    return np.clip(positions, 0, source - 1)


def whole(values: np.ndarray, size: tuple[int, int], softmax: bool = False) -> Scores:
    """Scores of a whole image, asked for at (height, width)."""
    rows, columns = (
        centres(np.arange(to), to, own) for to, own in zip(size, values.shape, strict=False)
    )
    return Scores(values, rows, columns, softmax)


def sum_of_rows(looks: Sequence[Scores], rows: slice) -> np.ndarray:
    """Interpolated scores in some of the rows that are asked for, summed over several looks.

    Args:
        looks: scores at the same pixels.
        rows: which of the rows asked for.

    Returns:
        float32 (rows, columns, C).
    """
    total = 0.0
    with np.errstate(invalid="ignore"):  # Pixels of NaN or infinity get no class.
        for look in looks:
            scores = interpolated(look.values, look.rows[rows], look.columns)
            total = total + (_softmax(scores) if look.softmax else scores)
    return total


def class_ids(looks: Sequence[Scores]) -> np.ndarray:
    """The class of the largest sum of scores, int32 (rows, columns); -1 where it is not finite."""
    ids = np.empty((len(looks[0].rows), len(looks[0].columns)), "int32")
    for strip in _strips(*ids.shape, looks[0].values.shape[-1]):
        ids[strip] = _largest(sum_of_rows(looks, strip))
    return ids


def write_sums(target: np.ndarray, looks: Sequence[Scores]) -> None:
    """Writes the sums of scores, (rows, columns, C), into an array of that shape."""
    for strip in _strips(*target.shape):
        target[strip] = sum_of_rows(looks, strip)


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes (h, w, C) bilinearly to (*size, C), float32, with little memory beside the result."""
    target = np.empty((*size, values.shape[-1]), "float32")
    write_sums(target, [whole(values, size)])
    return target


def class_ids_of_rows(
    scores: Callable[[int, int], np.ndarray], classes: int, image_size: tuple, size: tuple
) -> np.ndarray:
    """The class of the largest score, bilinearly resized, int32 (*size); -1 = not finite.

    Args:
        scores: function of a first row and one beyond the last, to (rows, W, C) float32; called
            from top to bottom.
        classes: C.
        image_size: (H, W), at which the scores are.
        size: (height, width) that is wanted.
    """
    rows, columns = (
        centres(np.arange(to), to, own) for to, own in zip(size, image_size, strict=True)
    )
    ids = np.empty(size, "int32")
    for strip in _strips(size[0], max(size[1], image_size[1]), classes):
        first = int(rows[strip][0])
        last = min(int(rows[strip][-1]) + 2, image_size[0])
        ids[strip] = _largest(interpolated(scores(first, last), rows[strip] - first, columns))
    return ids


def _strips(height, width, classes):
    rows = max(int(_STRIP_BYTES // (_FLOAT32 * width * classes)), 1)
    return (slice(first, min(first + rows, height)) for first in range(0, height, rows))


def _largest(scores):
    ids = scores.argmax(axis=-1)
    if not np.isfinite(scores.min() + scores.max()):
        ids[~np.isfinite(scores).all(axis=-1)] = -1
    return ids


def interpolated(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Interpolates (h, w, C) bilinearly to (rows, columns, C) at these positions, float32."""
    low, above, weight = _between(rows, len(values))
    first, last = low.min(), above.max()
    left, right, weight_right = _between(columns, values.shape[1])
    leftmost, rightmost = left.min(), right.max()
    values = values[first : last + 1, leftmost : rightmost + 1].astype("float32", copy=False)
    # Columns first: few rows of low resolution, and the other direction then reads whole rows.
    values = _mixed(values[:, left - leftmost], values[:, right - leftmost], weight_right[:, None])
    return _mixed(values[low - first], values[above - first], weight[:, None, None])


def _between(positions, count):
    """The cells before and after each position, and the weight of the second."""
    low = np.minimum(positions.astype("int32"), max(count - 2, 0))
    return low, np.minimum(low + 1, count - 1), positions - low.astype("float32")


def _mixed(one, other, weight):
    one *= 1 - weight
    other *= weight
    one += other
    return one


def _softmax(scores):
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores
