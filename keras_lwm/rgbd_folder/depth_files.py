"""The numbers that depth files hold, of whatever container; what they mean is `depth`'s."""

import math
from pathlib import Path

import numpy as np

from keras_lwm.extras import check_installed
from keras_lwm.hdf5_files import Refused
from keras_lwm.pictures import MAX_PIXELS
from keras_lwm.rgbd_folder.number_files import (
    ARRAY_SUFFIXES,
    check_form,
    choose_key,
    naming_file,
    read_array,
    read_picture,
    refuse_key,
)

SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz", ".exr", ".h5", ".hdf5")
_KIND = "depth"
_INTEGER_MODES = ("I;16", "I;16B", "I")


def read_numbers(path: Path, key: str | None = None) -> np.ndarray:
    """The numbers as they are stored: (H, W), of their own dtype.

    Args:
        path: a 16-bit PNG; a TIFF of 16-bit or 32-bit integers or of floats; a .npy; a .npz; an
            OpenEXR or HDF5 file. (H, W, 1) is taken as (H, W).
        key: which array of a .npz or of an HDF5 file, or which channel of an OpenEXR file. `None`:
            the only one; in HDF5, the only one of two dimensions; in OpenEXR, the only one called
            "Z" or "depth" (in any layer), or any of several that are equal, alpha aside.

    Raises:
        ValueError: for what cannot be read or is no depth; it names the file.
        ImportError: where the package that reads OpenEXR files is missing.
    """
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        return read_array(path, _KIND, key)
    if suffix == ".exr":
        return _read_exr(path, key)
    refuse_key(path, _KIND, key)
    if suffix == ".png":
        return read_picture(path, _INTEGER_MODES, "depth as a 16-bit PNG, one channel,")
    if suffix in (".tif", ".tiff"):
        expected = "depth as a TIFF of 16-bit or 32-bit numbers, one channel, one page,"
        return read_picture(path, (*_INTEGER_MODES, "F"), expected)
    raise ValueError(f"Expected depth in a file that ends in {', '.join(SUFFIXES)}; found {path}.")


def _read_exr(path, key):
    check_installed("formats", "Reading depth from OpenEXR files", "OpenEXR")
    import OpenEXR

    with naming_file(path, _KIND):
        shape = _exr_shape(OpenEXR.File(str(path), header_only=True), path)
        file = OpenEXR.File(str(path), separate_channels=True)
        if not file.parts:  # It has printed why, and raised nothing.
            raise ValueError("its pixels are damaged")
        pixels = {name: channel.pixels for name, channel in file.channels().items()}
        names = _exr_depth_channels(pixels) if key is None else [*pixels]
        name = choose_key(path, _KIND, key, names)
        values = pixels[name]
        check_form(path, _KIND, values.shape, values.dtype)
        if values.shape != shape:
            raise Refused(
                f"Expected depth of every pixel in {path}; its channel {name!r} is "
                f"{values.shape[0]}x{values.shape[1]}, and the picture {shape[0]}x{shape[1]}."
            )
    return values


def _exr_shape(file, path):
    """(H, W) of a file of which no more is read than the header."""
    if len(file.parts) != 1:
        raise Refused(f"Expected one part in {path}; found {len(file.parts)}.")
    header = file.header()
    window, display = ([*map(tuple, header[key])] for key in ("dataWindow", "displayWindow"))
    if window != display:
        raise Refused(f"Expected every pixel of the picture in {path}; it holds a part of them.")
    (left, top), (right, bottom) = window
    shape = int(bottom) - int(top) + 1, int(right) - int(left) + 1
    if math.prod(shape) * len(header["channels"]) > MAX_PIXELS:
        raise Refused(
            f"{path} declares {len(header['channels'])} channels of {shape[0]}x{shape[1]} pixels, "
            f"and no more than {MAX_PIXELS} numbers are read."
        )
    return shape


def _exr_depth_channels(pixels):
    """The names of the channels that may be the depth: one, if the file leaves no doubt."""
    parts = {name: name.casefold().split(".") for name in pixels}
    # X, Y and Z together are points, of which Z need not be the depth.
    layers = {tuple(part) for part in parts.values()}
    named = [
        name
        for name, part in parts.items()
        if {"z", "depth"} & set(part) and (*part[:-1], "x") not in layers
    ]
    if len(named) == 1:
        return named
    opaque = [name for name, part in parts.items() if part[-1] != "a"] or [*pixels]
    first = pixels[opaque[0]]
    same = all(np.array_equal(first, pixels[name], equal_nan=True) for name in opaque)
    return opaque[:1] if same else opaque
