"""Reads one frame of Cityscapes: image, training ids, and metres from disparity and camera."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.datasets.cityscapes.classes import train_ids
from keras_lwm.datasets.cityscapes.layout import Frame
from keras_lwm.rgbd_folder.files import open_picture, read_depth_values, read_label_ids


@dataclasses.dataclass(frozen=True)
class StreetFrames(Sequence):
    """The frames of a split as examples of the library's form, each read when it is asked for.

    Raises:
        ValueError: by `[i]`, for a file that cannot be used; it names the file.
    """

    places: list[Frame]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict:
        frame = self.places[index]
        picture = open_picture(frame.image)
        if (picture.format, picture.mode) != ("PNG", "RGB"):
            raise ValueError(
                f"Expected an RGB picture, PNG, in {frame.image}; received {picture.format} of "
                f"mode {picture.mode!r}."
            )
        size = picture.height, picture.width
        label = train_ids(read_label_ids(frame.label), frame.label)
        _check_size(frame.label, label.shape, frame.image, size)
        if frame.disparity is None:
            depth = np.zeros(size, np.float32)
        else:
            disparity = read_depth_values(frame.disparity)
            _check_size(frame.disparity, disparity.shape, frame.image, size)
            depth = metres(disparity, read_camera(frame.camera))
        return {
            "image": frame.image.read_bytes(),
            "depth": depth[..., None],
            "label": label[..., None],
            "name": frame.name,
        }


def metres(disparity: np.ndarray, baseline_times_focal: float) -> np.ndarray:
    """Depth (H, W) float32, 0 = not measured, from the numbers v of a disparity file, 0 to 65535.

    By the official cityscapesScripts, d = (v - 1) / 256 pixels, and v = 0 was not measured; v = 1
    would be infinitely far, so it is not measured either. Depth is baseline * fx / d.
    """
    of_value = np.zeros(2**16, np.float32)
    of_value[2:] = baseline_times_focal * 256 / np.arange(1, 2**16 - 1)
    return of_value[disparity]


def read_camera(path: Path) -> float:
    """Baseline (metres) times horizontal focal length (pixels) of a camera file.

    Raises:
        ValueError: if the file does not tell both, above 0; it names the file.
    """
    try:
        camera = json.loads(path.read_text(encoding="utf-8"))
        product = camera["extrinsic"]["baseline"] * camera["intrinsic"]["fx"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"Expected JSON with extrinsic.baseline and intrinsic.fx in {path}: {error!r}."
        ) from error
    if not (isinstance(product, float | int) and 0 < product < math.inf):
        raise ValueError(
            f"Expected a baseline and a focal length above 0 in {path}; their product is "
            f"{product!r}."
        )
    return product


def _check_size(path, size, image_path, image_size):
    if size != image_size:
        raise ValueError(
            f"{path} is {size[0]}x{size[1]} (height x width) and {image_path} is "
            f"{image_size[0]}x{image_size[1]}: expected one size."
        )
