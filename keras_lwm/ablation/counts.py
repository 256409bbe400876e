"""What of each scored frame is counted by class, and kept beside a cell's scores."""

from pathlib import Path

import numpy as np

from keras_lwm.atomic_write import atomic_write
from keras_lwm.void import void_id


class FrameCounts:
    """Counts the pixels of every class in each frame; `evaluate` takes it as `on_frame`.

    Args:
        num_classes: number of classes C.
    """

    def __init__(self, num_classes: int):
        self._num_classes = num_classes
        self._frames = []

    def __call__(self, index: int, label: np.ndarray, class_ids: np.ndarray) -> None:
        known = label != void_id(self._num_classes)
        label, class_ids = label[known], class_ids[known]
        chosen = label[label == class_ids], label, class_ids
        self._frames.append([np.bincount(ids, minlength=self._num_classes) for ids in chosen])

    def array(self) -> np.ndarray:
        """Pixels, uint32 (frames, 3, C): those right, those labelled, those predicted."""
        return np.array(self._frames, "uint32")

    def save(self, path: Path, scenes: np.ndarray) -> None:
        """Writes an `.npz` file, with the scene, an integer, of each frame."""
        with atomic_write(path) as partial:
            np.savez_compressed(partial, counts=self.array(), scenes=scenes)


def counts_by_scene(path: Path) -> np.ndarray:
    """Pixels, int64 (scenes, 3, C), as `FrameCounts` saved them, summed over each scene.

    Raises:
        ValueError: the file is not there.
    """
    if not path.exists():
        raise ValueError(
            f"Expected the counts of each scored frame in {path}; there is no such file: remove "
            f"{path.with_suffix('.json')}, and the cell is trained again."
        )
    with np.load(path) as saved:
        counts, scenes = saved["counts"], saved["scenes"]
    _, scenes = np.unique(scenes, return_inverse=True)
    of_scenes = np.zeros((scenes.max() + 1, *counts.shape[1:]), "int64")
    np.add.at(of_scenes, scenes, counts)
    return of_scenes
