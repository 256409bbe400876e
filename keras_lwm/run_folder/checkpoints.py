"""Files of a run's state within its epochs, the last few kept.

A checkpoint is an `.npz` archive of plain arrays: the state (see `state.py`), and as JSON the
progress. Nothing in it is pickled, so reading one runs no code out of it.
"""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_lwm.atomic_write import atomic_write

_PROGRESS = "progress"
_NAME = re.compile(r"epoch_(\d+)_step_(\d+)\.npz")


class Position(NamedTuple):
    """How far a training has come: completed epochs, and completed steps of the next one."""

    epochs: int
    steps: int

    @classmethod
    def of(cls, path: Path) -> "Position | None":
        """The position that a checkpoint's name tells; None for another file."""
        match = _NAME.fullmatch(path.name)
        return cls(*map(int, match.groups())) if match else None

    @property
    def file_name(self) -> str:
        return f"epoch_{self.epochs:04}_step_{self.steps:06}.npz"


class CheckpointFolder:
    """The checkpoints of a run.

    Args:
        path: the folder.
        keep_last: how many to keep, at least 1.
    """

    def __init__(self, path: Path, keep_last: int):
        self.path = path
        self.keep_last = keep_last

    def paths(self) -> list[Path]:
        """All checkpoints, the one that has come farthest first."""
        found = self.path.glob("*.npz") if self.path.is_dir() else ()
        return sorted(filter(Position.of, found), key=Position.of, reverse=True)

    def save(self, position: Position, arrays: Mapping, progress: Mapping) -> None:
        """Writes a checkpoint whole, then removes those beyond `keep_last`."""
        with atomic_write(self.path / position.file_name) as partial:
            np.savez(partial, **arrays, **{_PROGRESS: np.array(json.dumps(progress))})
        for path in self.paths()[self.keep_last :]:
            path.unlink(missing_ok=True)

    def newest_readable(self) -> tuple[Path | None, list[str]]:
        """The farthest checkpoint that can be read, and a sentence for each that cannot."""
        unreadable = []
        for path in self.paths():
            reason = _reason_unreadable(path)
            if reason is None:
                return path, unreadable
            unreadable.append(f"{path} cannot be read ({reason})")
        return None, unreadable

    def clean_beyond(self, position: Position) -> None:
        """Puts aside what lies beyond `position`, which could not be read, under another name.

        Else it would count as the newest. What a killed process has left half-written is removed.
        """
        for path in self.paths():
            if Position.of(path) > position:
                path.rename(path.with_suffix(".unreadable"))
        for path in self.path.glob(".*.partial.npz"):
            path.unlink()


def _reason_unreadable(path):
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            return f"its part {damaged} is damaged"
        read_progress_of(path)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError) as error:
        return str(error)
    return None


def read_progress_of(path: Path) -> dict:
    """What `save` was given as progress."""
    with np.load(path, allow_pickle=False) as archive:
        return json.loads(str(archive[_PROGRESS]))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """What `save` was given as arrays."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name != _PROGRESS}
