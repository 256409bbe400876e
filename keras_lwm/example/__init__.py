"""A trained network and a frame, in the package: to see the library work at once.

The network is that of `recipes/rooms.py`: thirteen classes of rendered rooms. Its model card,
docs/model_card.md, says what it is good for. `PATH` is its file, and goes wherever a model's does:

    RefineNet("efficientnet_lite0", 5, "light", channels=128, weights=keras_lwm.example.PATH)
"""

from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.deployment import Predictor

__all__ = [
    "DEPTH_PATH",
    "IMAGE_PATH",
    "LABEL_PATH",
    "MILLIMETRE",
    "PATH",
    "load_example",
    "load_example_frame",
]

_FOLDER = Path(str(resources.files(__name__)))
PATH = _FOLDER / "rooms.keras"
"""The network's file: the whole training network, its optimiser left out."""

IMAGE_PATH = _FOLDER / "frame_image.png"
"""A test frame of the rooms: RGB."""
LABEL_PATH = _FOLDER / "frame_label.png"
"""Its class ids, 255 = void."""
DEPTH_PATH = _FOLDER / "frame_depth.png"
"""Its depth, 16 bits, in `MILLIMETRE`; 0 = not measured."""
MILLIMETRE = 0.001
"""The unit of the frame's depth file, in metres."""


def load_example() -> Predictor:
    """Loads the network of `recipes/rooms.py`, trained, as a `Predictor`.

    Its attribute `network` is the Keras model, a `DepthPrivilegedModel` with its depth branch and
    the bins of its weighting: to be trained further, once it is compiled.

    Examples:
        >>> predictor = load_example()
        >>> image, label, depth = load_example_frame()
        >>> class_ids = predictor(image)  # (240, 320) uint8
        >>> predictor.description.class_names[class_ids[0, 0]]
        'wall'
    """
    return Predictor(PATH)


def load_example_frame() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loads a test frame of the rooms: one that the network was not trained on.

    Returns:
        Image (H, W, 3) uint8; label (H, W) uint8, class ids and 255 = void; depth (H, W, 1)
        float32, metres, 0 = not measured.
    """
    paths = (IMAGE_PATH, LABEL_PATH, DEPTH_PATH)
    image, label, depth = (np.asarray(Image.open(path)) for path in paths)
    return image, label, (depth * np.float32(MILLIMETRE))[..., None]
