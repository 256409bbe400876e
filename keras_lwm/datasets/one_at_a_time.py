"""One process at a time prepares data in a folder; the others wait, and find them prepared."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there, nobody waits.
    fcntl = None


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """A block that one process is in at a time, for each folder, which is made if it is not there.

    The operating system keeps the lock, and drops it when the process ends, in whatever way. Where
    the file system has no locks, nobody waits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        if opened is not None:
            _lock(opened, folder)
        yield
    finally:
        if opened is not None:
            os.close(opened)


def _lock(opened, folder):
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another process that prepares data in {folder}.", file=sys.stderr)
        fcntl.flock(opened, fcntl.LOCK_EX)
    except OSError:
        pass
