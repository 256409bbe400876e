"""NYU Depth V2's 894 label ids as 40 or 13 classes.

The 40 classes are those of Gupta, Arbelaez and Malik, "Perceptual Organization and Recognition of
Indoor Scenes from RGB-D Images" (CVPR 2013); the 13 those of Couprie, Farabet, Najman and LeCun,
"Indoor Semantic Segmentation using Depth Information" (ICLR 2013), as groups of the 40.
"""

import dataclasses
from pathlib import Path

import numpy as np

from keras_lwm.datasets.matlab import read_mat, struct_field, texts, whole_numbers
from keras_lwm.void import check_num_classes, label_dtype, void_id

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


MAPPING_40_FILE = "classMapping40.mat"
MAPPING_13_FILE = "class13Mapping.mat"


@dataclasses.dataclass(frozen=True)
class Classes:
    """How label ids become classes.

    Attributes:
        names: one name a class.
        class_of: (1 + number of label ids,) uint8: label id -> class from 0; 0, "unlabelled", ->
            255, void.
    """

    names: list[str]
    class_of: np.ndarray


def read_40_classes(path: Path) -> Classes:
    """The 40 classes of `classMapping40.mat`: `mapClass` (1, 894), from 1, and `className`.

    Raises:
        ValueError: if the file cannot be read, or maps an id to a class that has no name.
    """
    names = texts(read_mat(path, "className"), path)
    return _classes(names, whole_numbers(read_mat(path, "mapClass"), path).ravel(), path)


def read_13_classes(path: Path, classes_40: Classes) -> Classes:
    """The 13 classes of `class13Mapping.mat`: the struct `classMapping13` with `labels13` (1, 40),
    from 1, and `classNames`.

    Raises:
        ValueError: as `read_40_classes`.
    """
    struct = read_mat(path, "classMapping13")
    if struct.size != 1:
        raise ValueError(f"Expected one struct classMapping13 in {path}; found {struct.size}.")
    names = struct_field(struct, "classNames", path)[0]
    groups = whole_numbers(struct_field(struct, "labels13", path)[0], path).ravel()
    if len(groups) != len(classes_40.names):
        raise ValueError(
            f"Expected a group for each of {len(classes_40.names)} classes in {path}; found "
            f"{len(groups)}."
        )
    return _classes(texts(names, path), groups[classes_40.class_of[1:]], path)


def _classes(names, ids, path):
    check_num_classes(len(names), path)
    if len(names) != len(set(names)):
        raise ValueError(f"Expected different class names in {path}; found {names}.")
    outside = ids[(ids < 1) | (ids > len(names))]
    if outside.size:
        raise ValueError(
            f"Expected classes 1 to {len(names)}, as many as there are names, in {path}; found "
            f"{outside[0]}."
        )
    class_of = np.concatenate([[void_id(len(names))], ids - 1])
    return Classes(names, class_of.astype(label_dtype(len(names))))
