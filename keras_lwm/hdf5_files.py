"""HDF5 files of anybody's: nothing outside of the file is read, and no more than it stores.

HDF5 can refer to other files of the machine (by links, external storage and virtual data sets),
lead in a circle, and declare arrays of terabytes of which nothing is stored.
"""

import contextlib
import math
from collections.abc import Iterator

import h5py

# Compression makes nothing smaller than this; below the first number an array is no danger.
_HARMLESS_BYTES = 2**28
_MOST_EXPANSION = 1000


class Refused(ValueError):
    """A file wants more than to be read; the sentence names it."""


@contextlib.contextmanager
def naming_damage(source: object) -> Iterator[None]:
    """Turns what h5py raises over a damaged file into a `ValueError` that names the file."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        # Which error it is depends on where the damage is.
        raise ValueError(f"Cannot read {source}, which is damaged: {error}.") from error


def find_dataset(file: h5py.File, name: str, source: object) -> h5py.Dataset | None:
    """The data set `name`, such as "group/name", which is in the file itself; None if none is.

    Args:
        file: open for reading.
        name: where to look for it.
        source: what sentences call the file.

    Raises:
        Refused: if it lies elsewhere, or declares what is not stored.
    """
    found = file
    for part in name.split("/"):
        if not isinstance(found, h5py.Group) or not found.id.links.exists(part.encode()):
            return None
        found = _follow(found, part, source)
    if not isinstance(found, h5py.Dataset):
        return None
    check_dataset(found, source)
    return found


def check_everything(file: h5py.File, source: object) -> None:
    """Looks at every link and data set of a file.

    Raises:
        Refused: if any leads elsewhere or in a circle, or declares what is not stored.
    """
    for found in _everything(file, source):
        if isinstance(found, h5py.Dataset):
            check_dataset(found, source)


def dataset_names(file: h5py.File, source: object) -> list[str]:
    """The names of all data sets of a file, such as "group/name", sorted.

    Raises:
        Refused: if any link leads elsewhere or in a circle.
    """
    found = _everything(file, source)
    return sorted(each.name[1:] for each in found if isinstance(each, h5py.Dataset))


def check_dataset(dataset: h5py.Dataset, source: object) -> None:
    """Raises `Refused` if its values are in other files, or nearly none of them stored."""
    if dataset.is_virtual or dataset.external:
        raise Refused(f"{source} is not read: {dataset.name} in it is kept in other files.")
    declared = math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if declared > max(_HARMLESS_BYTES, _MOST_EXPANSION * stored):
        raise Refused(
            f"{source} is not read: {dataset.name} in it declares {declared} bytes, of which "
            f"{stored} are stored."
        )


def _everything(file, source):
    """All that the links of a file lead to, each once."""
    seen, waiting = {_address(file["/"])}, [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            found = _follow(group, name, source)
            if _address(found) in seen:
                raise Refused(f"{source} is not read: {found.name} in it has two names.")
            seen.add(_address(found))
            yield found
            if isinstance(found, h5py.Group):
                waiting.append(found)


def _follow(group, name, source):
    # What h5py says of a link, it says once it has opened the file that the link leads to.
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise Refused(
            f"{source} is not read: {name!r} in it is a link, which may lead to any file."
        )
    return group[name]


def _address(found):
    return h5py.h5o.get_info(found.id).addr
