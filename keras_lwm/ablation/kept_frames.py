"""The ablation's frames, decoded once for all cells."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.frames import Frames, read_frames
from keras_lwm.atomic_write import write_json

ARRAYS = ("images", "labels", "depths", "scenes")


class KeptFrames:
    """Frames in files that processes share, of as many bytes as in memory.

    Args:
        folder: where the files are; what was left unfinished is written again.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._done = folder / "done.json"

    @property
    def are_kept(self) -> bool:
        """Whether all files are there."""
        return self._done.exists()

    def keep(self, splits: Sequence[str], options: Mapping) -> None:
        """Writes whole splits, unless they are there; arguments as of `read_frames`."""
        if self.are_kept:
            return
        frames, class_names, _ = read_frames(splits, options)
        for split, part in frames.items():
            (self._folder / split).mkdir(parents=True, exist_ok=True)
            for name in ARRAYS:
                np.save(self._path(split, name), getattr(part, name))
        write_json(self._done, {"class_names": class_names})

    def open(self, split: str) -> Frames:
        """The frames of a split, read from the files where needed."""
        return Frames(*(np.load(self._path(split, name), mmap_mode="r") for name in ARRAYS))

    @property
    def class_names(self) -> list[str]:
        """One name a class."""
        return json.loads(self._done.read_text(encoding="utf-8"))["class_names"]

    def _path(self, split, name):
        return self._folder / split / f"{name}.npy"
