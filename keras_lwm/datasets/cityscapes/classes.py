"""The 19 classes that Cityscapes trains and scores on, out of its 34 label ids.

As in `labels.py` of the official cityscapesScripts: a label file's ids, the names and the colours;
the order is that of the training ids, 0 to 18. All other ids are void.
"""

import numpy as np

from keras_lwm.void import void_id

_CLASSES = (
    (7, "road", (128, 64, 128)),
    (8, "sidewalk", (244, 35, 232)),
    (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)),
    (13, "fence", (190, 153, 153)),
    (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)),
    (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)),
    (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)),
    (24, "person", (220, 20, 60)),
    (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)),
    (27, "truck", (0, 0, 70)),
    (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)),
    (32, "motorcycle", (0, 0, 230)),
    (33, "bicycle", (119, 11, 32)),
)

CLASS_NAMES = tuple(name for _, name, _ in _CLASSES)
PALETTE = tuple(colour for *_, colour in _CLASSES)

LARGEST_ID = 33
LICENCE_PLATE = 255  # -1 in the official table; as a byte, in files that hold it at all

_TRAIN_IDS = np.full(256, void_id(len(_CLASSES)), np.uint8)
_TRAIN_IDS[[label_id for label_id, *_ in _CLASSES]] = np.arange(len(_CLASSES))


def train_ids(label_ids: np.ndarray, source) -> np.ndarray:
    """Label ids (H, W) -> training ids 0 to 18, 255 = void: (H, W) uint8.

    Raises:
        ValueError: for an id that Cityscapes does not have; it names `source`.
    """
    unknown = (label_ids < 0) | (label_ids > LARGEST_ID) & (label_ids != LICENCE_PLATE)
    if unknown.any():
        raise ValueError(
            f"{source} holds the label id {label_ids[unknown][0]} ({unknown.sum()} pixels): "
            f"expected 0 to {LARGEST_ID}, or {LICENCE_PLATE} for licence plates."
        )
    return _TRAIN_IDS[label_ids]
