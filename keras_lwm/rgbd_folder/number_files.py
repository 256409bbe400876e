"""Files of one number a pixel: pictures of one channel, and arrays; errors name the file."""

import contextlib
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from keras_lwm.hdf5_files import Refused, dataset_names, find_dataset
from keras_lwm.pictures import MAX_PIXELS
from keras_lwm.rgbd_folder.image_files import open_picture

ARRAY_SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")


def read_picture(path: Path, modes: Sequence[str], expected: str) -> np.ndarray:
    """The numbers of a picture: (H, W).

    Args:
        path: a picture of one page.
        modes: Pillow's names of the modes that are read.
        expected: how a sentence calls them, such as "depth as a 16-bit PNG, one channel,".

    Raises:
        ValueError: for what cannot be read, another mode, or several pages.
    """
    picture = open_picture(path)
    with naming_file(path, "picture"):
        pages = getattr(picture, "n_frames", 1)
    if picture.mode not in modes or pages != 1:
        received = f"a picture of mode {picture.mode!r}" if pages == 1 else f"{pages} pictures"
        raise ValueError(f"Expected {expected} in {path}; received {received}.")
    return np.asarray(picture)


def read_array(path: Path, kind: str, key: str | None = None) -> np.ndarray:
    """The numbers of an array: (H, W), of the dtype that is stored.

    Args:
        path: ends in one of `ARRAY_SUFFIXES`. Nothing in it is ever unpickled.
        kind: "depth" or "label", for the sentences.
        key: which array of a .npz or of an HDF5 file; `None` for the only one of a .npz, the only
            one of two dimensions in HDF5.

    Raises:
        ValueError: for what cannot be read, or is not (H, W) or (H, W, 1) of real numbers; for a
            `key` that is missing, not enough, or without use.
    """
    suffix = path.suffix.lower()
    with naming_file(path, kind):
        if suffix == ".npy":
            refuse_key(path, kind, key)
            values = _read_npy(path, kind)
        elif suffix == ".npz":
            values = _read_npz(path, kind, key)
        else:
            values = _read_hdf5(path, kind, key)
    return values.reshape(values.shape[:2])


@contextlib.contextmanager
def naming_file(path: Path, kind: str) -> Iterator[None]:
    """Turns what anybody raises over a damaged file into a `ValueError` of one line."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        # A header may be a piece of Python, whose parser raises nearly anything.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"Cannot read the {kind} {path}: {reason}.") from error


def refuse_key(path: Path, kind: str, key: str | None) -> None:
    """Raises a `ValueError` if a `key` is given for a file that holds nothing by name."""
    if key is not None:
        raise Refused(
            f"{kind}_key={key!r} was given, but {path} holds a single array, without a name."
        )


def choose_key(path: Path, kind: str, key: str | None, names: Sequence[str]) -> str:
    """`key`, or the only one of `names`.

    Raises:
        ValueError: if there is no such name, or several to choose from.
    """
    listed = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
    if key is not None and key not in names:
        raise Refused(f"{path} has no {kind}_key={key!r}: found {listed or 'nothing to read'}.")
    if key is None and len(names) != 1:
        remedy = f": set {kind}_key to one of {listed}" if names else ""
        raise Refused(f"Expected one array in {path}; found {len(names)}{remedy}.")
    return names[0] if key is None else key


def check_form(path: Path, kind: str, shape: tuple[int, ...] | None, dtype: np.dtype) -> None:
    """Raises a `ValueError` unless an array has one real number a pixel, and not too many."""
    if not _is_map(shape) or 0 in shape or dtype.kind not in "iuf":
        raise Refused(
            f"Expected {kind} of shape (H, W) or (H, W, 1), real numbers, in {path}; received "
            f"{shape} of {dtype}."
        )
    if math.prod(shape) > MAX_PIXELS:
        raise Refused(
            f"{path} declares {shape[0]}x{shape[1]} pixels, and no more than {MAX_PIXELS} are read."
        )


def _is_map(shape):
    return shape is not None and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 1))


def _read_npy(path, kind):
    # Mapped, it is never larger than what the file holds, and never pickled objects.
    mapped = np.lib.format.open_memmap(path, mode="r")
    check_form(path, kind, mapped.shape, mapped.dtype)
    return np.array(mapped)


def _read_npz(path, kind, key):
    with zipfile.ZipFile(path) as archive:
        entries = {name.removesuffix(".npy"): name for name in archive.namelist()}
        name = choose_key(path, kind, key, list(entries))
        with archive.open(entries[name]) as file:
            return _read_entry(path, kind, file)


def _read_entry(path, kind, file):
    """A .npy inside of an archive: no more is unpacked than its header, once checked, declares."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"its array is of the version {version}, which no array of numbers has")
    shape, by_columns, dtype = readers[version](file)
    check_form(path, kind, shape, dtype)
    number = math.prod(shape) * dtype.itemsize
    data = file.read(number)
    if len(data) != number or file.read(1):
        raise ValueError(f"its array declares {number} bytes and has others")
    order = "F" if by_columns else "C"
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _read_hdf5(path, kind, key):
    with h5py.File(path, "r") as file:
        if key is None:
            names = [name for name in dataset_names(file, path) if _is_map(file[name].shape)]
        else:
            key = key.removeprefix("/")
            names = [key] if find_dataset(file, key, path) else dataset_names(file, path)
        dataset = find_dataset(file, choose_key(path, kind, key, names), path)
        check_form(path, kind, dataset.shape, dataset.dtype)
        return dataset[()]
