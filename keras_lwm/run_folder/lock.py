"""One process at a time in a run's folder."""

import json
import os
import socket
import warnings
import weakref
from datetime import datetime
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there, nobody is refused.
    fcntl = None

_held = weakref.WeakValueDictionary()


class FolderLock:
    """Keeps other processes out of a folder while the object lives.

    The operating system holds it, on the file `.lock`, and drops it when the process ends, in
    whatever way: a lock is never left over. The file says who has it.

    Args:
        folder: the folder.
        otherwise: what else to do than to wait, for the sentence that refuses.

    Raises:
        ValueError: another process has it.
    """

    def __init__(self, folder: Path, otherwise: str):
        # Open as long as the lock is held.
        self._file = open(folder / ".lock", "a+", encoding="utf-8")  # noqa: SIM115
        try:
            if fcntl is not None:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            self._file.seek(0)
            holder = _who(self._file.read())
            self._file.close()
            raise ValueError(
                f"{folder} is in use by {holder}: wait until that has ended, or {otherwise}."
            ) from error
        except OSError as error:
            warnings.warn(
                f"The file system of {folder} has no locks ({error.strerror}): nothing keeps a "
                "second process out of it.",
                stacklevel=2,
            )
        self._file.truncate(0)
        since = datetime.now().isoformat(" ", "seconds")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since}, self._file)
        self._file.flush()

    def __del__(self):
        if hasattr(self, "_file"):
            self._file.close()


def _who(text):
    try:
        return "process {pid} on {host}, since {since}".format(**json.loads(text))
    except (ValueError, KeyError, TypeError):  # It has not yet written who it is.
        return "another process"


def lock_folder(folder: Path, otherwise="choose another folder by --out") -> FolderLock:
    """The folder's lock: this process's own where it has it already, else a new one.

    Arguments and errors as of `FolderLock`.
    """
    folder = folder.resolve()
    lock = _held.get(folder)
    if lock is None:
        _held[folder] = lock = FolderLock(folder, otherwise)
    return lock
