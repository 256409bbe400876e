"""Opens picture files of anybody's: of formats that Pillow reads by itself, and of bounded size."""

import math
import threading
from typing import Any

from PIL import Image

MAX_PIXELS = 2**28
"""The most pixels that a picture may have: 16384x16384, which is 0.8 GB in RGB. The largest photos
of phones have 2e8. A larger bound of Pillow's own, `2 * PIL.Image.MAX_IMAGE_PIXELS`, counts in its
place."""

# Not PostScript, for one, which is a program, and which Pillow hands to Ghostscript.
_FORMATS = (
    *("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "JXL"),
    *("MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP"),
)
_LOCK = threading.Lock()


def open_picture_file(file: Any) -> Image.Image:
    """The picture, of which no more is read yet than its format and size.

    Args:
        file: a path, or a binary file.

    Raises:
        ValueError: it has more pixels than `MAX_PIXELS`.
        PIL.UnidentifiedImageError: it is of no format for photos and maps.
        Exception: what else Pillow raises over a damaged file.
    """
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with _LOCK:
        # From half its bound on Pillow would warn of every photo.
        pillows, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            picture = Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = pillows
    most = math.inf if pillows is None else max(MAX_PIXELS, 2 * pillows)
    if picture.width * picture.height > most:
        picture.close()
        raise ValueError(
            f"it declares {picture.width}x{picture.height} pixels, and no more than {most} are read"
        )
    return picture
