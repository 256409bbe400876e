"""One frame of a folder as a sample: its image, depth and label at one size."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.rgbd_folder.alignment import Alignment
from keras_lwm.rgbd_folder.depth import DepthReading
from keras_lwm.rgbd_folder.frame_files import Frame
from keras_lwm.rgbd_folder.image_files import open_image
from keras_lwm.rgbd_folder.labels import LabelReading
from keras_lwm.rgbd_folder.layout import Layout
from keras_lwm.rgbd_folder.made_depth import UNIT
from keras_lwm.samples import check_depth_unit, typical_depth
from keras_lwm.void import label_dtype, void_id

# What `keras-lwm depth` writes: millimetres, of the image's own pixels.
MADE_DEPTH = DepthReading(unit=UNIT)


@dataclasses.dataclass(frozen=True)
class FrameReader:
    """Reads frames as samples, as `datasets.sample.sample_features` stores them.

    The image sets the size, or `size` does. An image is made smaller by averaging; label and depth
    take the nearest pixel, so that neither an id nor a depth across a hole is made up. An RGB JPEG
    that keeps its size is passed on as the bytes it is.

    Attributes:
        depth: how depth files are read.
        alignment: how depth is brought to the image's pixels, where they are not the same.
        labels: how label files are read.
        first_id, void_ids, num_classes: what the labels' ids mean.
        size: (height, width) of the samples; `None`: each image's own.
    """

    depth: DepthReading
    alignment: Alignment | None
    labels: LabelReading
    first_id: int
    void_ids: tuple[int, ...]
    num_classes: int
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, layout: Layout, size: tuple[int, int] | None = None) -> "FrameReader":
        """As the layout's options say."""
        options, num_classes = layout.options, len(layout.class_names)
        void_ids = (void_id(num_classes),) if options.void_ids is None else options.void_ids
        return cls(
            options.depth_reading(),
            options.alignment(),
            layout.class_table.labels,
            options.first_id or 0,
            void_ids,
            num_classes,
            size,
        )

    def read(self, frame: Frame) -> dict:
        """The sample of a frame. ValueError if a file of it cannot be used; it names the file."""
        picture = open_image(frame.image)
        own_size = picture.height, picture.width
        target = self.size or own_size
        check_aspect(frame.image, own_size, f"size={target}", target)
        if frame.label is None:
            void, dtype = void_id(self.num_classes), label_dtype(self.num_classes)
            label = np.full(target, void, dtype)
        else:
            label = self.labels.read(frame.label, self.first_id, self.void_ids, self.num_classes)
            check_aspect(frame.label, label.shape, frame.image, own_size)
        if frame.depth is None:
            depth = np.zeros(target, np.float32)
        else:
            depth = self.read_depth(frame, own_size)
        return {
            "image": _image(frame.image, picture, target),
            "depth": resize_nearest(depth, target)[..., None],
            "label": resize_nearest(label, target)[..., None],
            "name": frame.name,
        }

    def read_depth(self, frame: Frame, image_size: tuple[int, int]) -> np.ndarray:
        """The depth of a frame that has some: metres, 0 = not measured, of the image's aspect."""
        depth = self.depth_of(frame).read(frame.depth)
        if self.alignment is not None and not frame.is_made:
            cameras = {
                "rgb_intrinsics": (self.alignment.rgb_intrinsics, frame.image, image_size),
                "depth_intrinsics": (self.alignment.depth_intrinsics, frame.depth, depth.shape),
            }
            for name, (intrinsics, path, size) in cameras.items():
                _check_centre(name, intrinsics, path, size)
            return self.alignment.to_image(depth, image_size)
        check_aspect(frame.depth, depth.shape, frame.image, image_size)
        return depth

    def depth_of(self, frame: Frame) -> DepthReading:
        """How this frame's depth is read."""
        return MADE_DEPTH if frame.is_made else self.depth


def _check_centre(name, intrinsics, path, size):
    _, _, x, y = intrinsics
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        raise ValueError(
            f"Expected the centre (cx, cy) of {name} within {path}, which is {size[0]}x{size[1]} "
            f"(height x width); received ({x:g}, {y:g}): is it of another size?"
        )


def question_depth_unit(frames: list[Frame], reader: FrameReader) -> None:
    """Raises a `ValueError` if the depth of these frames looks like another unit than metres."""
    frames = [frame for frame in frames if frame.depth is not None and not frame.is_made]
    typical = typical_depth(lambda index: reader.depth.read(frames[index].depth), len(frames))
    if typical is not None:
        median, index = typical
        unit = 1 if reader.depth.unit is None else reader.depth.unit
        check_depth_unit(median, str(frames[index].depth), unit)


# Sizes fit when their aspects differ by no more than rounding a small picture's size can do.
_ASPECT_TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True)
class FramesOnDisk(Sequence):
    """The samples of a split, each read when it is asked for.

    Args:
        frames: the files of each.
        reader: what reads them.
    """

    frames: list[Frame]
    reader: FrameReader

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict:
        return self.reader.read(self.frames[index])


def resize_nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An array (H, W) at `size`, (height, width): every pixel is that under its centre."""
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
