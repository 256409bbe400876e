"""A data set of one's own: boxes that stand on a floor, each frame drawn from its number."""

from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata

CLASS_NAMES = ("floor", "box")
PALETTE = ((140, 86, 75), (31, 119, 180))


class BoxFrames(Sequence):
    """Frames by their index; they might as well be read from files here."""

    def __init__(self, frames: range):
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> dict:
        number = self._frames[index]
        top, left = np.random.default_rng(number).integers(0, 40, 2)
        box = np.s_[top : top + 24, left : left + 24]
        label = np.zeros((64, 64, 1), "uint8")
        depth = np.linspace(5.0, 2.0, 64, dtype="float32")[:, None, None].repeat(64, axis=1)
        label[box], depth[box] = 1, 1.5
        depth[:, -4:] = 0.0  # Not measured.
        return {
            "image": np.asarray(PALETTE, "uint8")[label[..., 0]],
            "depth": depth,
            "label": label,
            "name": f"box {number}",
        }


class Boxes(PartwiseBuilder):
    """32 frames to train on, and 8 to score."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Boxes on a floor.",
            features=sample_features(len(CLASS_NAMES)),
            metadata=sample_metadata(CLASS_NAMES, PALETTE),
            disable_shuffling=True,
        )

    def frames(self, dl_manager) -> dict[str, Sequence]:
        """Of each split."""
        return {"train": BoxFrames(range(32)), "test": BoxFrames(range(32, 40))}
