"""The disk that a run is written to: is there room, and what happens where there is none."""

import contextlib
import errno
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


def check_room(folder: Path, needed: int, replaced: Iterable[Path]) -> None:
    """Raises a `ValueError` unless a folder's disk has room for what is going to be written there.

    Args:
        folder: where it is.
        needed: bytes of all that will be there.
        replaced: files of which, where they exist, the room is used again.
    """
    there = sum(path.stat().st_size for path in replaced if path.exists())
    free = shutil.disk_usage(folder).free
    if free < needed - there:
        raise ValueError(
            f"Expected {(needed - there) / 1e9:.3g} GB of free disk for the models and "
            f"checkpoints of {folder}; there is {free / 1e9:.3g} GB."
        )


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Names the folder where it cannot be written to, by an `OSError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        raise OSError(
            f"{folder} cannot be written to ({error.strerror}); what was saved there before is "
            "whole."
        ) from error
