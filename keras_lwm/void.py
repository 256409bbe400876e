"""How many classes there may be, the label id of void, and the integers that hold them all."""

import numpy as np

MOST_CLASSES = 65535


def check_num_classes(num_classes: int, source: object = None) -> None:
    """Raises a `ValueError` unless there are 2 to 65535 classes.

    Args:
        num_classes: how many there are.
        source: the file that says so, for the message; `None` for an argument.
    """
    if 2 <= num_classes <= MOST_CLASSES:
        return
    if source is None:
        raise ValueError(
            f"Expected 2 to {MOST_CLASSES} classes; received num_classes={num_classes}."
        )
    raise ValueError(f"Expected 2 to {MOST_CLASSES} classes in {source}; found {num_classes}.")


def void_id(num_classes: int) -> int:
    """255 for up to 255 classes, 65535 for more: an id that is never a class's."""
    return 255 if num_classes <= 255 else 65535


def label_dtype(num_classes: int) -> str:
    """The smallest unsigned integers that hold every class id and void: "uint8" or "uint16"."""
    return "uint8" if num_classes <= 255 else "uint16"


def void_of_dtype(dtype: np.dtype) -> int:
    """The void id of labels in the integers of `label_dtype`: 255 of uint8, 65535 of uint16."""
    if dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"Expected a label of uint8 (up to 255 classes) or uint16 (more); received {dtype}."
        )
    return int(np.iinfo(dtype).max)
