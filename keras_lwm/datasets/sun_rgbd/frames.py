"""Reads one frame of SUN RGB-D: image and depth from its folder, label from the toolbox."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.datasets.matlab import MatlabHdf5, whole_numbers
from keras_lwm.datasets.sun_rgbd.classes import CLASS_NAMES
from keras_lwm.datasets.sun_rgbd.lists import Frame
from keras_lwm.rgbd_folder.depth import unrotated
from keras_lwm.rgbd_folder.depth_files import read_numbers
from keras_lwm.rgbd_folder.image_files import open_picture
from keras_lwm.void import void_id

SEGLABEL = "SUNRGBD2Dseg/seglabel"
FARTHEST_MILLIMETRES = 8000

_VOID = void_id(len(CLASS_NAMES))
_CLASS_OF = np.concatenate([[_VOID], np.arange(len(CLASS_NAMES))]).astype(np.uint8)


class SunFrames(Sequence):
    """Frames as examples of the library's form.

    Args:
        root: the folder `SUNRGBD`.
        labels: `SUNRGBD2Dseg.mat`.
        depth_folder: `depth_bfx`, with its holes filled, or `depth`, with holes.

    Raises:
        ValueError: by `[i]`, for what cannot be read, label ids above 37, or depth or label of
            another size than the image; it names the file or the frame.
    """

    def __init__(self, root: Path, labels: MatlabHdf5, frames: list[Frame], depth_folder: str):
        self._root, self._labels = root, labels
        self._frames, self._depth_folder = frames, depth_folder

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> dict:
        frame = self._frames[index]
        image_path, depth_path = self.files(frame)
        picture = open_picture(image_path)
        size = picture.height, picture.width
        # The bytes of a JPEG are kept as they are.
        as_bytes = picture.format == "JPEG" and picture.mode == "RGB"
        image = image_path.read_bytes() if as_bytes else np.asarray(picture.convert("RGB"))
        depth = decode_depth(read_numbers(depth_path).astype(np.uint16))
        _check_size(str(depth_path), depth.shape, image_path, size)
        label = self._read_label(frame)
        _check_size(f"the label of {frame.name}", label.shape, image_path, size)
        return {
            "image": image,
            "depth": depth[..., None],
            "label": label[..., None],
            "name": frame.name,
        }

    def files(self, frame: Frame) -> tuple[Path, Path]:
        """Image and depth of a frame."""
        folder = self._root / frame.name
        return folder / "image" / frame.image, folder / self._depth_folder / frame.depth

    def all_files(self) -> list[Path]:
        """The images and depths of all frames."""
        return [path for frame in self._frames for path in self.files(frame)]

    def _read_label(self, frame):
        try:
            ids = whole_numbers(self._labels.follow(SEGLABEL, frame.index), self._labels.path)
        except ValueError as error:
            raise ValueError(f"Cannot read the label of {frame.name}: {error}") from error
        largest = len(CLASS_NAMES)
        outside = ids[(ids < 0) | (ids > largest)]
        if outside.size:
            raise ValueError(
                f"Expected label ids 0 to {largest} for {frame.name} in {self._labels.path}; it "
                f"holds {outside[0]}."
            )
        return _CLASS_OF[ids]


def decode_depth(stored: np.ndarray) -> np.ndarray:
    """Stored uint16 -> metres float32, as `read3dPoints.m` of the official toolbox does it.

    What is farther than 8 m becomes 8 m; 0 stays 0, not measured.
    """
    return np.minimum(unrotated(stored), FARTHEST_MILLIMETRES).astype(np.float32) / np.float32(1000)


def _check_size(what, size, image_path, image_size):
    if size != image_size:
        raise ValueError(
            f"{what} is {size[0]}x{size[1]} (height x width) and {image_path} is "
            f"{image_size[0]}x{image_size[1]}: expected one size."
        )
