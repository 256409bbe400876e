"""The official training and test lists of NYU Depth V2."""

from pathlib import Path

from keras_lwm.datasets.matlab import read_mat, whole_numbers

SPLITS_FILE = "splits.mat"

_VARIABLES = {"train": "trainNdxs", "test": "testNdxs"}


def read_splits(path: Path) -> dict[str, list[int]]:
    """Split (`train`, `test`) -> the numbers of its frames, from 1, in the file's order.

    Raises:
        ValueError: if the file cannot be read, or names a frame twice or one below 1.
    """
    splits = {
        split: whole_numbers(read_mat(path, variable), path).ravel().tolist()
        for split, variable in _VARIABLES.items()
    }
    seen = set()
    for number in (number for numbers in splits.values() for number in numbers):
        if number < 1:
            raise ValueError(f"Expected frame numbers from 1 in {path}; received {number}.")
        if number in seen:
            raise ValueError(f"{path} names the frame {number} twice.")
        seen.add(number)
    return splits
