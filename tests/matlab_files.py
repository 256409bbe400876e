"""Writes MATLAB files as MATLAB does, for the tests of what reads them."""

import contextlib

import h5py
import numpy as np
import scipy.io


@contextlib.contextmanager
def matlab_73(path):
    """A new file of version 7.3: HDF5 behind 512 bytes of MATLAB's own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        yield file


def write_array(file, name, array, **options):
    """An array with MATLAB's order of axes."""
    dataset = file.create_dataset(name, data=np.asarray(array).T, **options)
    dataset.attrs["MATLAB_class"] = np.bytes_(_class_of(dataset.dtype))
    return dataset


def write_cells(file, name, cells):
    """A cell array (N, 1), or a field of a struct array, of strings and arrays; `None` is a
    reference to nothing."""
    references = [None if cell is None else _write_cell(file, cell).ref for cell in cells]
    dataset = file.create_dataset(name, (1, len(cells)), dtype=h5py.ref_dtype)
    for place, reference in enumerate(references):
        if reference is not None:
            dataset[0, place] = reference
    dataset.attrs["MATLAB_class"] = np.bytes_("cell")


def write_cells_mat5(path, **variables):
    """A file of version 5: lists of strings become cell arrays (1, N), all else arrays."""
    scipy.io.savemat(
        path,
        {
            name: cells(value) if isinstance(value, list) else value
            for name, value in variables.items()
        },
    )


def cells(strings):
    row = np.empty((1, len(strings)), object)
    row[0] = strings
    return row


def struct_array(*, size, **fields):
    """A struct array (1, size) for `scipy.io.savemat`."""
    struct = np.empty((1, size), [(name, object) for name in fields])
    for name, values in fields.items():
        for place, value in enumerate(values):
            struct[name][0, place] = value
    return struct


def _write_cell(file, cell):
    group = file["#refs#"]
    name = f"cell{len(group)}"
    if isinstance(cell, str):
        units = np.frombuffer(cell.encode("utf-16-le"), "<u2").reshape(1, -1)
        return _write_empty(group, name) if not cell else write_array(group, name, units)
    return write_array(group, name, cell) if np.size(cell) else _write_empty(group, name)


def _write_empty(group, name):
    # MATLAB writes the size of an empty array in place of its values.
    dataset = group.create_dataset(name, data=np.zeros(2, np.uint64))
    dataset.attrs["MATLAB_empty"] = np.uint8(1)
    return dataset


def _class_of(dtype):
    return {"float32": "single", "float64": "double"}.get(str(dtype), str(dtype))
