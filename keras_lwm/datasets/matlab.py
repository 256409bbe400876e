"""Reads MATLAB's files: version 5 through SciPy, version 7.3 (which is HDF5) through h5py.

MATLAB stores arrays column by column and HDF5 row by row, so that h5py shows the axes of a 7.3 file
in reverse: a MATLAB array (height, width, 3, frames) as (frames, 3, width, height). A cell array or
a field of a struct array is a data set of references, and a string is an array of uint16 (UTF-16).
"""

import os
import zlib
from pathlib import Path

import h5py
import numpy as np

from keras_lwm.datasets.matlab5_layout import check_matlab5_layout
from keras_lwm.extras import imports_of
from keras_lwm.hdf5_files import check_dataset, find_dataset, naming_damage

# What SciPy raises on a file that ends early or is none of MATLAB's.
_UNREADABLE = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, IndexError),
    *(MemoryError, OverflowError, RecursionError, zlib.error),
)
# The default of 1 MiB would unpack a larger chunk anew for every frame in it.
_CHUNK_CACHE_BYTES = 64 * 2**20


def read_mat(path: Path, name: str) -> np.ndarray:
    """The variable `name` of a MATLAB 5 file, as SciPy gives it: two axes at least; cell arrays and
    struct fields as arrays of objects.

    Raises:
        ValueError: if the file cannot be read or has no such variable.
        ImportError: if the extra `benchmarks` is not installed.
    """
    with imports_of("benchmarks", f"Reading {path}"):
        import scipy.io
    try:
        check_matlab5_layout(path)
        variables = scipy.io.loadmat(path, variable_names=[name])
    except NotImplementedError as error:
        raise ValueError(f"Expected a MATLAB 5 file; {path} is one of version 7.3.") from error
    except (*_UNREADABLE, scipy.io.matlab.MatReadError) as error:
        raise ValueError(f"Cannot read {path} as a MATLAB 5 file: {error}.") from error
    if name not in variables:
        raise ValueError(f"Expected the variable {name!r} in {path}; there is none.")
    return variables[name]


def struct_field(struct: np.ndarray, field: str, path: Path) -> np.ndarray:
    """A field of a struct array of `read_mat`: an array of objects, one a struct.

    Raises:
        ValueError: if it is no struct array or has no such field.
    """
    fields = struct.dtype.names or ()
    if field not in fields:
        raise ValueError(f"Expected the field {field!r} in {path}; found {sorted(fields)}.")
    return struct[field].ravel()


def texts(cells: np.ndarray, path: Path) -> list[str]:
    """The strings of a cell array, or of a field of a struct array, of `read_mat`.

    Raises:
        ValueError: if an entry is not one string.
    """
    return [_text(cell, path) for cell in cells.ravel()]


def _text(cell, path):
    entries = np.asarray(cell).ravel()
    if entries.size == 0:
        return ""
    if entries.size > 1 or entries.dtype.kind != "U":
        raise ValueError(
            f"Expected strings in a cell array of {path}; received an entry of shape "
            f"{np.shape(cell)} and type {entries.dtype}."
        )
    return str(entries[0])


def whole_numbers(array: np.ndarray, path: Path) -> np.ndarray:
    """A numeric array, which MATLAB keeps as float64 unless told otherwise, as int64.

    Raises:
        ValueError: if a value is not a whole number.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "uifb" or not np.array_equal(array, np.floor(array)):
        raise ValueError(
            f"Expected whole numbers in {path}; received an array of {array.dtype} that holds "
            "others."
        )
    return array.astype(np.int64)


class MatlabHdf5:
    """A MATLAB 7.3 file, open as long as this object lives, and opened anew in every process.

    Raises:
        ValueError: by every method, if the file or what was asked for cannot be read.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._file, self._process = None, None
        self._found = {}

    def __reduce__(self):
        return MatlabHdf5, (self.path,)

    def __getitem__(self, name: str) -> h5py.Dataset:
        """A variable, or `variable/field` of a struct array."""
        file = self._open()
        if name not in self._found:
            with naming_damage(self.path):
                self._found[name] = find_dataset(file, name, self.path)
        found = self._found[name]
        if found is None:
            raise ValueError(f"Expected the variable {name!r} in {self.path}; there is none.")
        return found

    def read(self, name: str, index: int) -> np.ndarray:
        """Entry `index` along MATLAB's last axis, with MATLAB's order of axes: (H, W) or
        (H, W, C)."""
        return self._values(self[name], index)

    def follow(self, name: str, index: int) -> np.ndarray:
        """What entry `index` of a cell array or struct field refers to, with MATLAB's order of
        axes."""
        dataset = self._referred(name, index)
        if dataset.attrs.get("MATLAB_empty"):
            raise ValueError(f"Entry {index} of {name!r} in {self.path} is empty.")
        return self._values(dataset, ())

    def text(self, name: str, index: int) -> str:
        """Entry `index` of a cell array of strings."""
        dataset = self._referred(name, index)
        if dataset.attrs.get("MATLAB_empty"):
            return ""
        units = self._values(dataset, ()).ravel(order="F")
        if units.dtype != np.uint16:
            raise ValueError(
                f"Expected entry {index} of {name!r} in {self.path} to be a string; received "
                f"{units.dtype}."
            )
        return units.astype("<u2").tobytes().decode("utf-16-le")

    def _referred(self, name, index):
        references = self[name]
        if references.dtype != h5py.ref_dtype:
            raise ValueError(
                f"Expected references in {name!r} of {self.path}; received {references.dtype}."
            )
        with naming_damage(self.path):
            reference = references[np.unravel_index(index, references.shape)]
            referred = self._open()[reference] if reference else None
            is_dataset = isinstance(referred, h5py.Dataset)
            if is_dataset:
                check_dataset(referred, self.path)
        if not is_dataset:
            raise ValueError(f"Entry {index} of {name!r} in {self.path} refers to nothing.")
        return referred

    def _values(self, dataset, index):
        try:
            return np.ascontiguousarray(np.asarray(dataset[index]).T)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"Cannot read {dataset.name} in {self.path}: {error}.") from error

    def _open(self):
        if self._process != os.getpid():
            try:
                self._file = h5py.File(self.path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
            except OSError as error:
                raise ValueError(
                    f"Cannot read {self.path} as a MATLAB 7.3 file: {error}."
                ) from error
            self._process, self._found = os.getpid(), {}
        return self._file
