"""Reads the files of one frame into the library's units; errors name the file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.measured import is_measured
from keras_lwm.pictures import open_picture_file
from keras_lwm.void import label_dtype, void_id

_LABEL_MODES = ("1", "L", "P", "I;16", "I;16B", "I")
_DEPTH_MODES = ("I;16", "I;16B", "I")
# Pillow makes RGB of these by cutting every value off at 255.
_DEEPER_THAN_8_BITS = ("I;16", "I;16B", "I", "F")


def open_picture(path: Path) -> Image.Image:
    """The picture, read to its end, or a `ValueError` that names the file."""
    try:
        picture = open_picture_file(path)
        picture.load()
    except Exception as error:
        # Which error Pillow raises depends on where the damage is.
        raise ValueError(f"Cannot read the picture {path}: {error}.") from error
    return picture


def open_image(path: Path) -> Image.Image:
    """The picture as `open_picture`, which also refuses more than 8 bits a channel."""
    picture = open_picture(path)
    if picture.mode in _DEEPER_THAN_8_BITS:
        raise ValueError(
            f"Expected an image of 8 bits a channel in {path}; received a picture of mode "
            f"{picture.mode!r}."
        )
    return picture


def read_label(path: Path, first_id: int, void_ids: Sequence[int], num_classes: int) -> np.ndarray:
    """Class ids from 0 and `void_id(num_classes)`: (H, W) of `label_dtype(num_classes)`.

    Args:
        first_id: the id that the file uses for the first class.
        void_ids: the ids that the file uses for void.
    """
    ids = read_label_ids(path)
    void = np.isin(ids, void_ids)
    outside = ~void & ((ids < first_id) | (ids >= first_id + num_classes))
    if outside.any():
        raise ValueError(
            f"{path} holds the label id {ids[outside][0]} ({outside.sum()} pixels): expected "
            f"{first_id} to {first_id + num_classes - 1} for the {num_classes} classes "
            f"(first_id={first_id}), or void_ids={tuple(void_ids)}."
        )
    return np.where(void, void_id(num_classes), ids - first_id).astype(label_dtype(num_classes))


def read_label_ids(path: Path) -> np.ndarray:
    """The ids that the file holds, whatever they mean: (H, W) int64."""
    picture = open_picture(path)
    if picture.mode not in _LABEL_MODES:
        raise ValueError(
            f"Expected label ids, one channel, in {path}; received a picture of mode "
            f"{picture.mode!r}."
        )
    return np.asarray(picture).astype(np.int64)


def read_depth(path: Path, depth_unit: float | None) -> np.ndarray:
    """Metres, 0 = not measured: (H, W) float32.

    Args:
        path: a 16-bit PNG, or a .npy of (H, W) or (H, W, 1) numbers.
        depth_unit: metres per unit; `None`: a .npy is in metres, a PNG is not known to be.
    """
    if depth_unit is None and not is_array(path):
        raise ValueError(
            f"{path} counts units of unknown length: set depth_unit to the metres per unit, such "
            "as depth_unit=0.001 for millimetres."
        )
    values = read_depth_values(path)
    depth = values.astype(np.float32) * np.float32(1 if depth_unit is None else depth_unit)
    # What is not finite or not positive was not measured; the library writes that as 0.
    return np.where(is_measured(depth, np), depth, np.float32(0))


def read_depth_values(path: Path) -> np.ndarray:
    """The numbers that the file holds, in its own units: (H, W)."""
    return _load_array(path) if is_array(path) else _load_png(path)


def is_array(path: Path) -> bool:
    return path.suffix.lower() == ".npy"


def _load_png(path):
    picture = open_picture(path)
    if picture.mode not in _DEPTH_MODES:
        raise ValueError(
            f"Expected depth as a 16-bit PNG, one channel, in {path}; received a picture of mode "
            f"{picture.mode!r}."
        )
    return np.asarray(picture)


def _load_array(path):
    try:
        # Mapped, it is never larger than what the file holds, and never pickled objects.
        values = np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:
        # The header is a piece of Python, whose parser raises nearly anything.
        raise ValueError(f"Cannot read the depth {path}: {error}.") from error
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    real = np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)
    if values.ndim != 2 or not real:
        raise ValueError(
            f"Expected depth of shape (H, W) or (H, W, 1), real numbers, in {path}; received "
            f"{values.shape} of {values.dtype}."
        )
    return values
