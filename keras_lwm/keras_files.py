"""`.keras` and `.weights.h5` files of anybody's, looked through before Keras reads them.

What Keras makes of a configuration is its own affair: in its safe mode, which stays on, it makes
layers, and runs nothing that a file brings.
"""

import contextlib
import json
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from keras_lwm.hdf5_files import Refused, check_everything, naming_damage

_CONFIGURATION = "config.json"
_WEIGHTS = "model.weights.h5"
# The configuration of a network of a thousand layers takes one megabyte.
_MOST_JSON_BYTES = 2**26
# Keras stores entries as they are; whoever packs them anew saves a little.
_HARMLESS_BYTES = 2**28
_MOST_EXPANSION = 100
# What reading a damaged, encrypted or strangely compressed entry raises.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def check_keras_file(path: Any, title: object) -> None:
    """Looks at the list of entries of a `.keras` file.

    Args:
        path: the file.
        title: what sentences call it.

    Raises:
        ValueError: if it is no archive; or an entry has its place outside of the archive, is a
            link, or becomes so much more than the file stores that it would fill the memory.
    """
    with _archive(path, title):
        pass


def read_configuration(path: Any, title: object) -> dict:
    """The configuration in a `.keras` file; arguments and errors as of `check_keras_file`."""
    with _archive(path, title) as archive:
        try:
            configuration = json.loads(archive.read(_CONFIGURATION))
        except _UNREADABLE as error:
            raise ValueError(f"Expected a .keras file; received {title} ({error}).") from error
    if not isinstance(configuration, dict):
        raise ValueError(
            f"Expected a .keras file; received {title} (its {_CONFIGURATION} holds a "
            f"{type(configuration).__name__})."
        )
    return configuration


@contextlib.contextmanager
def weights_file(path: Any, title: object) -> Iterator[Path]:
    """Lends the `.weights.h5` file of a `.keras` or `.weights.h5` file, looked through.

    Raises:
        ValueError: as `check_keras_file`; and if the weights cannot be read, are partly outside of
            the file, or declared and not stored.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = Path(path)
        try:
            if zipfile.is_zipfile(path):
                own = Path(folder, _WEIGHTS)
                with (
                    _archive(path, title) as archive,
                    archive.open(_WEIGHTS) as stored,
                    open(own, "wb") as copy,
                ):
                    shutil.copyfileobj(stored, copy, 2**20)
            file = h5py.File(own, "r")
        except Refused:
            raise
        except _UNREADABLE as error:
            raise ValueError(
                f"Cannot read {title} as a .keras or .weights.h5 file of Keras 3: {error}."
            ) from error
        with file, naming_damage(title):
            check_everything(file, title)
        yield own


@contextlib.contextmanager
def _archive(path, title):
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise Refused(f"Expected a .keras file; received {title} ({error}).") from error
    with archive:
        for entry in archive.infolist():
            fault = _fault(entry)
            if fault:
                raise Refused(f"{title} is not opened: its entry {entry.filename!r} {fault}.")
        yield archive


def _fault(entry):
    parts = entry.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts:
        return "has its place outside of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.filename.endswith(".json"):
        most = _MOST_JSON_BYTES
    else:
        most = max(_HARMLESS_BYTES, _MOST_EXPANSION * entry.compress_size)
    if entry.file_size > most:
        return f"becomes {entry.file_size} bytes, of {entry.compress_size} that are stored"
    return None
