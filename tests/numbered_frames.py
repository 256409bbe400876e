"""A data set of tiny random frames that writes down each frame it reads, for tests of preparing."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata

NUMBERS = {"train": 10, "val": 3}


class Numbered(PartwiseBuilder):
    """Frames `train/0`, `train/1`, ... Reading one appends its name to the file `log`.

    `at` = {name: what is called when that frame is to be read}; `source`: a file that they are
    said to be made of.
    """

    VERSION = tfds.core.Version("1.0.0")
    FRAMES_A_SHARD = 4

    def __init__(self, log, *, numbers=None, at=None, source=None, **options):
        self._log, self._at, self._source = Path(log), at or {}, source
        self._numbers = numbers or NUMBERS
        super().__init__(**options)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=sample_features(2),
            metadata=sample_metadata(["one", "two"], [(1, 2, 3), (4, 5, 6)]),
            disable_shuffling=True,
        )

    def source_files(self, dl_manager):
        return [self._source] if self._source else []

    def frames(self, dl_manager):
        return {
            split: _Frames(split, number, self._log, self._at)
            for split, number in self._numbers.items()
        }


class _Frames(Sequence):
    def __init__(self, split, number, log, at):
        self._split, self._number, self._log, self._at = split, number, log, at

    def __len__(self):
        return self._number

    def __getitem__(self, index):
        name = f"{self._split}/{index}"
        with self._log.open("a") as log:
            log.write(name + "\n")
        self._at.get(name, lambda: None)()
        rng = np.random.default_rng([len(self._split), index])
        return {
            "image": rng.integers(0, 256, (3, 4, 3), dtype=np.uint8),
            "depth": rng.random((3, 4, 1), dtype=np.float32),
            "label": rng.integers(0, 2, (3, 4, 1), dtype=np.uint8),
            "name": name,
        }


if __name__ == "__main__":
    data_dir, log, hang_at = sys.argv[1:]
    Numbered(log, data_dir=data_dir, at={hang_at: lambda: time.sleep(600)}).download_and_prepare()
