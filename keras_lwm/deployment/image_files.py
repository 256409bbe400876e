"""Which image files the user means, and what each one's results are called."""

import glob
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_lwm.pictures import open_picture_file

_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def rgb_image(image) -> np.ndarray:
    """Returns an image as an array (H, W, 3), RGB, values 0 to 255, the way a person sees it.

    Args:
        image: a path, a `PIL.Image.Image` or an array. Files and PIL images may be of any mode:
            grey becomes three equal channels, 16 bits become 8, transparency is left out, CMYK and
            palettes become RGB, the rotation that EXIF asks for is done, and of an animation the
            first picture is taken. An array is (H, W, 3) RGB, (H, W) or (H, W, 1) grey, or
            (H, W, 4) RGBA, of numbers from 0 to 255: uint8 stays, any other type becomes float32.

    Raises:
        ValueError: if it is no such image, or a file that cannot be read as one.
        FileNotFoundError: if there is no such file.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    if isinstance(image, Image.Image):
        return _from_pillow(ImageOps.exif_transpose(image), "a PIL image")
    return _from_array(np.asarray(image))


def read_image(path) -> np.ndarray:
    """Reads an image file of any size and mode (see `rgb_image`) as uint8 (H, W, 3)."""
    try:
        with open_picture_file(path) as image:
            upright = ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise
    except Exception as error:
        # Which error a damaged file leads to is up to the reader of its format.
        raise ValueError(
            f"{path} cannot be read as an image ({_in_short(error, path)})."
        ) from error
    return _from_pillow(upright, path)


def _from_pillow(image, source):
    if image.mode in _SIXTEEN_BITS or image.mode == "F":
        return _as_rgb(_eight_bits(np.asarray(image), image.mode, source))
    return np.asarray(image.convert("RGB"))


def _eight_bits(grey, mode, source):
    if mode == "F" or grey.min() < 0 or grey.max() > 65535:
        raise ValueError(
            f"Expected an image of 8 or 16 bits a channel; received {source} with values from "
            f"{grey.min():g} to {grey.max():g}, of which nothing tells what is white."
        )
    return np.rint(grey / 257).astype("uint8")


def _from_array(image):
    grey = image.ndim == 2
    if not grey and (image.ndim != 3 or image.shape[-1] not in (1, 3, 4)):
        raise ValueError(
            f"Expected one image, (H, W, 3) RGB, (H, W) grey or (H, W, 4) RGBA; received an array "
            f"of shape {image.shape}."
        )
    if not image.size:
        raise ValueError(f"Expected an image of at least one pixel; received {image.shape}.")
    if image.dtype.kind not in "iuf":
        raise ValueError(f"Expected an image of numbers 0 to 255; received {image.dtype}.")
    if image.dtype != np.uint8:
        image = image.astype("float32")
        # Written so that NaN is out of range too.
        if not (image.min() >= 0 and image.max() <= 255):
            raise ValueError(
                f"Expected an image of numbers 0 to 255; received values from {image.min():g} to "
                f"{image.max():g}."
            )
    return _as_rgb(image)


def _as_rgb(image):
    if image.ndim == 2:
        image = image[..., None]
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., :3]


def _in_short(error, path):
    if isinstance(error, Image.UnidentifiedImageError):
        return "no known image format"
    return str(error).replace(f": '{path}'", "") or type(error).__name__


SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def list_files(arguments, kinds, leave_out=lambda path: False) -> dict[str, dict[Path, Path]]:
    """Finds the files that `arguments` name.

    Args:
        arguments: files, folders and glob patterns (`*`, `?`, `[...]`, and `**` for any number of
            folders). A file is taken whatever its suffix. A folder, given or matched, is searched
            with all its subfolders for the kinds' suffixes; hidden files and folders are not.
        kinds: of each kind of files, its name and the suffixes that it is known by. A file with
            another suffix is of the first kind.
        leave_out: function of a path: whether to pass over a file that a folder or pattern holds.

    Returns:
        For each kind a dictionary of paths: each file, once, in the order of the arguments, and the
        place of its results: its path below the folder that all arguments lie in, without suffix.
        So files of one name in two folders stay apart.

    Raises:
        ValueError: if an argument names nothing, a folder or pattern holds no such file, or two
            files of one kind would have one place.
    """
    suffixes = sum(kinds.values(), ())
    found, roots = {}, []
    for argument in map(os.fspath, arguments):
        files, root = _named(argument, leave_out, kinds)
        if not files:
            raise ValueError(
                f"Expected {_either(kinds, 's')} in {argument}; found none "
                f"({', '.join(suffixes)}) there."
            )
        found.update({os.path.abspath(file): file for file in files})
        roots.append(os.path.abspath(root))
    if not roots:
        raise ValueError(f"Expected at least one {_either(kinds)}; received none.")
    common = os.path.commonpath(roots)
    listed, taken = {kind: {} for kind in kinds}, {}
    for absolute, file in found.items():
        place = Path(os.path.relpath(absolute, common)).with_suffix("")
        kind = _kind(file, kinds)
        if (kind, place) in taken:
            raise ValueError(
                f"The results of {taken[kind, place]} and {file} would have one name, {place}: "
                f"predict them into folders of their own."
            )
        taken[kind, place] = file
        listed[kind][Path(file)] = place
    return listed


def _kind(file, kinds):
    of = [kind for kind, suffixes in kinds.items() if file.lower().endswith(suffixes)]
    return [*of, *kinds][0]


def _either(kinds, plural=""):
    return " or ".join(f"{kind}{plural}" for kind in kinds)


def _named(argument, leave_out, kinds):
    """The files that one argument means, and the folder that their places are told from."""
    suffixes = sum(kinds.values(), ())
    if os.path.isdir(argument):
        return _inside(argument, leave_out, suffixes), argument
    if os.path.exists(argument):
        return [argument], os.path.dirname(argument)
    if not glob.has_magic(argument):
        raise ValueError(
            f"There is no {_either(kinds)}, folder or pattern of {_either(kinds, 's')} {argument}."
        )
    matches = sorted(glob.glob(argument, recursive=True))
    files = []
    for match in matches:
        if os.path.isdir(match):
            files += _inside(match, leave_out, suffixes)
        elif match.lower().endswith(suffixes) and not leave_out(match):
            files.append(match)
    return files, _before_pattern(argument)


def _inside(folder, leave_out, suffixes):
    files = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(here, name)
            hidden = name.startswith(".")
            if name.lower().endswith(suffixes) and not hidden and not leave_out(path):
                files.append(path)
    return files


def _before_pattern(pattern):
    """The folder part of a pattern up to its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder
