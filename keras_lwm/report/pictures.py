"""Small pictures for the page of a run: no wider than it shows them."""

from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.atomic_write import atomic_write
from keras_lwm.report.drawing import as_picture, colour_labels, under_centres

WIDEST = 320


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width in which the page shows a map of this size: at most `WIDEST` pixels wide."""
    if width <= WIDEST:
        return height, width
    return max(round(height * WIDEST / width), 1), WIDEST


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 (H, W, 3), in the size that the page shows it in, averaged."""
    height, width = shown_size(*picture.shape[:2])
    if (height, width) == picture.shape[:2]:
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def write_photo(path: Path, picture: np.ndarray) -> None:
    """Writes an image (H, W, 3), 0 to 255, as a small WebP that nearly looks the same."""
    with atomic_write(path) as partial:
        Image.fromarray(reduced(as_picture(picture))).save(partial, quality=85, method=6)


def write_label(path: Path, label: np.ndarray, palette) -> None:
    """Writes class ids (H, W) in their colours as a small WebP.

    It is exact: the page reads the class of a pixel from its colour.
    """
    small = under_centres(np.asarray(label), shown_size(*np.shape(label)))
    with atomic_write(path) as partial:
        Image.fromarray(colour_labels(small, palette)).save(partial, lossless=True, quality=100)
