"""One frame of a folder as a sample: its image, depth and label at one size."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.rgbd_folder.files import open_image, read_depth, read_label
from keras_lwm.rgbd_folder.layout import Frame
from keras_lwm.samples import check_depth_unit, typical_depth


def question_depth_unit(frames: list[Frame], depth_unit: float | None) -> None:
    """Raises a `ValueError` if the depth of these frames looks like another unit than metres."""
    frames = [frame for frame in frames if frame.depth is not None]
    typical = typical_depth(lambda index: read_depth(frames[index].depth, depth_unit), len(frames))
    if typical is not None:
        median, index = typical
        unit = 1 if depth_unit is None else depth_unit
        check_depth_unit(median, str(frames[index].depth), unit)


# Sizes fit when their aspects differ by no more than rounding a small picture's size can do.
_ASPECT_TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True)
class FramesOnDisk(Sequence):
    """The samples of a split, each read when it is asked for; `options` are `read_frame`'s."""

    frames: list[Frame]
    options: dict

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict:
        return read_frame(self.frames[index], **self.options)


def read_frame(frame: Frame, *, depth_unit, first_id, void_ids, num_classes, size) -> dict:
    """The sample of a frame, as `datasets.sample.sample_features` stores it.

    The image sets the size, or `size` does. An image is made smaller by averaging; label and depth
    take the nearest pixel, so that neither an id nor a depth across a hole is made up. An RGB JPEG
    that keeps its size is passed on as the bytes it is.
    """
    picture = open_image(frame.image)
    own_size = picture.height, picture.width
    target = size or own_size
    check_aspect(frame.image, own_size, f"size={target}", target)
    label = read_label(frame.label, first_id, void_ids, num_classes)
    check_aspect(frame.label, label.shape, frame.image, own_size)
    if frame.depth is None:
        depth = np.zeros(target, np.float32)
    else:
        depth = read_depth(frame.depth, depth_unit)
        check_aspect(frame.depth, depth.shape, frame.image, own_size)
    return {
        "image": _image(frame.image, picture, target),
        "depth": resize_nearest(depth, target)[..., None],
        "label": resize_nearest(label, target)[..., None],
        "name": frame.name,
    }


def resize_nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) to `size`: every pixel takes the source pixel under its centre."""
    rows, columns = (
        (2 * np.arange(target) + 1) * source // (2 * target)
        for target, source in zip(size, array.shape, strict=True)
    )
    return np.ascontiguousarray(array[rows][:, columns])


def _image(path: Path, picture: Image.Image, size):
    height, width = size
    if (picture.width, picture.height) != (width, height):
        picture = picture.convert("RGB")
        smaller = width < picture.width and height < picture.height
        method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
        return np.asarray(picture.resize((width, height), method))
    if picture.format == "JPEG" and picture.mode == "RGB":
        return path.read_bytes()
    return np.asarray(picture.convert("RGB"))


def check_aspect(path, size, other, other_size) -> None:
    """Raises a `ValueError` that names the file if two sizes are not of one aspect."""
    aspect = size[1] / size[0] * other_size[0] / other_size[1]
    if abs(aspect - 1) > _ASPECT_TOLERANCE:
        raise ValueError(
            f"{path} is {size[0]}x{size[1]} (height x width) and {other} is "
            f"{other_size[0]}x{other_size[1]}: expected the same aspect."
        )
