"""Reads the tensors of a `.safetensors` file with NumPy alone.

The format is Hugging Face's: the length of a header as a little-endian uint64, the header in JSON
(names to dtype, shape and the first and last byte of each tensor), then the tensors' raw elements.
"""

import json
import math
import os

import numpy as np

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_MOST_HEADER_BYTES = 100_000_000  # as the format's own readers allow


def read_safetensors(path) -> dict[str, np.ndarray]:
    """The tensors of a file.

    Args:
        path: the file.

    Returns:
        Names to arrays, of the tensors' shapes and dtypes, read-only.

    Raises:
        ValueError: the file is none of this format, is cut short, or holds a dtype that NumPy has
            not, such as bfloat16.
    """
    with open(path, "rb") as file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size)
        except Exception as error:
            # Whatever a damaged header raises; all of it means the same to the caller.
            raise ValueError(f"Cannot read {path} as a file of safetensors: {error}.") from error


def _read(file, size):
    length = int.from_bytes(file.read(8), "little")
    if length > min(size - 8, _MOST_HEADER_BYTES):
        raise ValueError(f"it declares a header of {length} bytes, in a file of {size}")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    data = np.frombuffer(file.read(), "u1")
    return {name: _tensor(name, data, **entry) for name, entry in header.items()}


def _tensor(name, data, dtype, shape, data_offsets):
    if dtype not in _DTYPES:
        raise ValueError(f"{name} is of dtype {dtype}, expected one of {', '.join(_DTYPES)}")
    first, last = data_offsets
    expected = math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
    if not 0 <= first <= last <= data.size or last - first != expected or min([0, *shape]) < 0:
        raise ValueError(
            f"{name}, of shape {shape} and dtype {dtype}, has the bytes {first} to {last} of "
            f"{data.size}"
        )
    return data[first:last].view(_DTYPES[dtype]).reshape(shape)
