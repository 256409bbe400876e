"""Predictions of many image files, written into a folder as pictures."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.atomic_write import atomic_write
from keras_lwm.deployment.image_files import read_image
from keras_lwm.large_images.memory import ImageTooLargeError
from keras_lwm.local_paths import local_path
from keras_lwm.void import label_dtype

_MOST_IN_A_PALETTE = 256


def coloured_mask(class_ids, palette) -> Image.Image:
    """Returns class ids (H, W) as a picture of their colours.

    With up to 256 classes it is a palette image, whose pixels are the ids; with more, which no
    palette holds, an RGB image.

    Args:
        class_ids: integers (H, W), from 0.
        palette: RGB triples 0..255, one a class.

    Raises:
        ValueError: if an id has no colour.
    """
    class_ids, colours = np.asarray(class_ids), np.asarray(palette, "uint8")
    if class_ids.min() < 0 or class_ids.max() >= len(colours):
        raise ValueError(
            f"Expected class ids from 0 to {len(colours) - 1}, one a colour; received ids from "
            f"{class_ids.min()} to {class_ids.max()}."
        )
    if len(colours) > _MOST_IN_A_PALETTE:
        return Image.fromarray(colours[class_ids])
    mask = Image.fromarray(class_ids.astype("uint8"))
    mask.putpalette(colours.tobytes())
    return mask


def overlay(image, class_ids, palette, opacity: float = 0.5) -> Image.Image:
    """Returns an RGB image of `image` (H, W, 3), 0..255, under the colours of its classes.

    Args:
        opacity: of the colours, from 0 (not seen) to 1 (nothing else is seen).
    """
    colours = np.asarray(coloured_mask(class_ids, palette).convert("RGB"))
    image = np.asarray(image)
    mixed = np.empty(colours.shape, "uint8")
    # Row by row, because a large image is there several times already.
    for row, (under, over) in enumerate(zip(image, colours, strict=True)):
        blend = (1 - opacity) * under.astype("float32") + opacity * over.astype("float32")
        mixed[row] = np.rint(blend)
    return Image.fromarray(mixed)


def write_png(path, picture) -> None:
    """Writes a PIL image or an array, whole or not at all.

    Arrays are (H, W) or (H, W, 3) of values 0 to 255, or (H, W) of uint16, for a PNG of 16 bits.
    """
    if not isinstance(picture, Image.Image):
        picture = np.asarray(picture)
        wide = picture.dtype == np.uint16
        picture = Image.fromarray(picture if wide else picture.astype("uint8"))
    with atomic_write(path) as partial:
        picture.save(partial, "png")


PICTURES = ("ids", "mask", "overlay")
"""`ids`: a grey PNG of class ids, of 16 bits beyond 255 classes; `mask`: their colours, up to 256
classes as a palette PNG of the ids; `overlay`: the image under these colours."""


def write_predictions(predictor, images, folder, pictures=PICTURES) -> Iterator[tuple]:
    """Predicts image files and writes `NAME_ids.png`, `NAME_mask.png`, `NAME_overlay.png`.

    `classes.csv` beside them says each id's name and colour. Every file is written whole, over one
    of the same name; a picture has the height and width of its image the way a person sees it.

    Args:
        predictor: a `Predictor`.
        images: a dictionary of paths, image file to its NAME below `folder` (see `list_files`).
        folder: where to write; created where it does not exist.
        pictures: which to write, of "ids", "mask" and "overlay".

    Yields:
        For each image, once it is done, its path and None; or, if it cannot be read or is too large
        for the predictor's `max_memory`, the sentence that says why. The others are done
        nevertheless.

    Raises:
        ValueError: if `folder` is a file, or the model's scores are not finite.
    """
    folder = prediction_folder(folder, predictor.description)
    for path, relative in images.items():
        try:
            image = read_image(path)
        except (ValueError, OSError) as error:
            yield path, str(error)
            continue
        try:
            class_ids = predictor(image)
        except ImageTooLargeError as error:
            yield path, f"{path} is too large. {error}"
            continue
        for kind in pictures:
            target = folder / relative.with_name(f"{relative.name}_{kind}.png")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_png(target, picture(kind, image, class_ids, predictor.description.palette))
        yield path, None


def is_prediction(path, folder) -> bool:
    """Whether `path` is named and placed as what `write_predictions` writes into `folder`."""
    below = Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))
    return below and str(path).endswith(tuple(f"_{kind}.png" for kind in PICTURES))


def picture(kind: str, image, class_ids, palette) -> Image.Image | np.ndarray:
    """One of `PICTURES` of an image (H, W, 3) and its class ids, as `write_png` takes it."""
    if kind == "ids":
        return np.asarray(class_ids).astype(label_dtype(len(palette)))
    if kind == "mask":
        return coloured_mask(class_ids, palette)
    return overlay(image, class_ids, palette)


def prediction_folder(folder: str | os.PathLike, description) -> Path:
    """Makes the folder for predictions where it is missing, and writes `classes.csv` into it.

    Raises:
        ValueError: if it is a file.
    """
    folder = local_path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"Expected a folder for the predictions; received the file {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    _write_classes(folder / "classes.csv", description)
    return folder


def _write_classes(path, description):
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "name", "red", "green", "blue"))
        classes = zip(description.class_names, description.palette, strict=True)
        writer.writerows((index, name, *colour) for index, (name, colour) in enumerate(classes))
