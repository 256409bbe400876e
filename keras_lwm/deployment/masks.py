"""Predicted classes as pictures: ids to compute with, colours to look at."""

import numpy as np
from PIL import Image

from keras_lwm.atomic_write import atomic_write


def coloured_mask(class_ids, palette):
    """Returns class ids (H, W) as a palette image: its pixels are the ids, shown in colours.

    Args:
        class_ids: integers (H, W), from 0.
        palette: RGB triples 0..255, one a class.

    Raises:
        ValueError: if an id has no colour.
    """
    class_ids = np.asarray(class_ids)
    if class_ids.min() < 0 or class_ids.max() >= len(palette):
        raise ValueError(
            f"Expected class ids from 0 to {len(palette) - 1}, one a colour; received ids from "
            f"{class_ids.min()} to {class_ids.max()}."
        )
    mask = Image.fromarray(class_ids.astype("uint8"))
    mask.putpalette(np.asarray(palette, "uint8").tobytes())
    return mask


def overlay(image, class_ids, palette, opacity=0.5):
    """Returns an RGB image of `image` (H, W, 3), 0..255, under the colours of its classes.

    Args:
        opacity: of the colours, from 0 (not seen) to 1 (nothing else is seen).
    """
    colours = np.asarray(coloured_mask(class_ids, palette).convert("RGB"), "float32")
    mixed = (1 - opacity) * np.asarray(image, "float32") + opacity * colours
    return Image.fromarray(np.rint(mixed).astype("uint8"))


def write_png(path, picture):
    """Writes a PIL image or an array, uint8 (H, W) or (H, W, 3), whole or not at all."""
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(np.asarray(picture, "uint8"))
    with atomic_write(path) as partial:
        picture.save(partial, "png")
