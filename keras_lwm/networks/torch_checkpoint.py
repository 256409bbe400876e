"""Reads the tensors of a PyTorch checkpoint with NumPy alone, running nothing that it holds.

A checkpoint of torch.save (1.6 and later) is an uncompressed zip archive: the object as a pickle,
`data.pkl`, and the raw elements of each storage, `data/KEY`. In its older format it is five pickles
(magic number, protocol version, system information, the object, the storages' keys), then per
storage an int64 count and the raw elements. Unpickling may call whatever the file names; here it
may name `OrderedDict`, the storage types and the function that rebuilds a tensor, and the last
becomes a note of ours.
"""

import pickle
import zipfile
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001

_STORAGE_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class _StorageType(NamedTuple):
    dtype: str


class _Storage(NamedTuple):
    key: str
    dtype: str
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _note_tensor(storage, offset, shape, strides, requires_grad, hooks):
    """Stands for torch._utils._rebuild_tensor_v2."""
    return _Tensor(storage, offset, shape, strides)


# The unpickler in C makes room for as many objects as the file says it will number.
class _TensorsOnly(pickle._Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _note_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _StorageType(_STORAGE_DTYPES[name])
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no part of a tensor")

    def persistent_load(self, identifier):
        # The older format has a sixth, a view of another storage, which nothing writes any more.
        kind, storage_type, key, _, count, view = (*identifier, None)[:6]
        if kind != "storage" or not isinstance(storage_type, _StorageType) or view is not None:
            raise pickle.UnpicklingError(f"it refers to {identifier!r}, which is no storage")
        return _Storage(key, storage_type.dtype, count)


def _storages(tensors):
    return {tensor.storage.key: tensor.storage for tensor in tensors.values()}


def _read_storages(file, keys, tensors):
    known = _storages(tensors)
    storages = {}
    for key in keys:
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        storage = known[key]
        if count != storage.count:
            raise ValueError(f"storage {key} has {count} elements, expected {storage.count}")
        storages[key] = np.fromfile(file, storage.dtype, count)
        if storages[key].size != count:
            raise ValueError(f"storage {key} is cut short")
    return storages


def _as_array(tensor, storages):
    data = storages[tensor.storage.key]
    shape, strides, offset = tensor.shape, tensor.strides, tensor.offset
    if min((offset, *shape, *strides)) < 0 or len(shape) != len(strides):
        raise ValueError(f"a tensor has shape {shape}, strides {strides} and offset {offset}")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 not in shape and last >= data.size:
        raise ValueError(f"a tensor of shape {shape} reaches past its storage of {data.size}")
    strides = [stride * data.itemsize for stride in strides]
    # A view, for a stride of 0 makes any number of elements of one.
    return np.lib.stride_tricks.as_strided(data[offset:], shape, strides)


def _load_tensors(file):
    """The tensors, by name, of the dictionary that is pickled next."""
    state = _TensorsOnly(file).load()
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}, not a dictionary of tensors")
    return {name: each for name, each in state.items() if isinstance(each, _Tensor)}


def _read_archive(file):
    with zipfile.ZipFile(file) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and _stored(archive, order, 6) != b"little":
            raise ValueError("its numbers are not in little-endian order")
        with archive.open(pickled) as stream:
            tensors = _load_tensors(stream)
        storages = {}
        for key, storage in _storages(tensors).items():
            size = storage.count * np.dtype(storage.dtype).itemsize
            data = _stored(archive, f"{folder}data/{key}", size)
            storages[key] = np.frombuffer(data, storage.dtype)
    return tensors, storages


def _stored(archive, name, size):
    """The bytes of an entry that is as large as it should be, and stored as it is."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != size:
        raise ValueError(f"its entry {name} has {entry.file_size} bytes, expected {size}, as is")
    return archive.read(entry)


def _read_old(file):
    if _TensorsOnly(file).load() != MAGIC_NUMBER or _TensorsOnly(file).load() != PROTOCOL_VERSION:
        raise ValueError("it does not start as torch.save's older format does")
    _TensorsOnly(file).load()  # system information: its byte order has always been little
    tensors = _load_tensors(file)
    return tensors, _read_storages(file, _TensorsOnly(file).load(), tensors)


def read_torch_checkpoint(path) -> dict[str, np.ndarray]:
    """Tensors of a state dictionary that torch.save wrote, in its zipped or its older format.

    Args:
        path: the file.

    Returns:
        Names to arrays, of the tensors' shapes and dtypes; they may share memory.

    Raises:
        ValueError: the file is not such a checkpoint, is cut short, or asks for anything but
            tensors; nothing that it asked for has run.
    """
    with open(path, "rb") as file:
        try:
            read = _read_archive if zipfile.is_zipfile(file) else _read_old
            file.seek(0)
            tensors, storages = read(file)
            return {name: _as_array(tensor, storages) for name, tensor in tensors.items()}
        except Exception as error:
            # A damaged pickle raises nearly anything; all of it means the same to the caller.
            raise ValueError(f"Cannot read {path} as a checkpoint of tensors: {error}.") from error
