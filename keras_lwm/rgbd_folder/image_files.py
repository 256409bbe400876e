"""Opens the pictures of a folder; errors name the file."""

from pathlib import Path

from PIL import Image

from keras_lwm.pictures import open_picture_file

# Pillow makes RGB of these by cutting every value off at 255.
_ORIENTATION = 0x0112
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
    """The picture as `open_picture`; refuses more than 8 bits a channel, and turned pixels."""
    picture = open_picture(path)
    if picture.mode in _DEEPER_THAN_8_BITS:
        raise ValueError(
            f"Expected an image of 8 bits a channel in {path}; received a picture of mode "
            f"{picture.mode!r}."
        )
    orientation = picture.getexif().get(_ORIENTATION, 1)
    if orientation not in (0, 1):
        raise ValueError(
            f"Expected the pixels of {path} as they are to be seen; received EXIF orientation "
            f"{orientation}, by which label and depth may lie or may not: write it anew, upright."
        )
    return picture
