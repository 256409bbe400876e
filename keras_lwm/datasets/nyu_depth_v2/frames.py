"""The frames of `nyu_depth_v2_labeled.mat`, read one by one.

The file is one of MATLAB 7.3. With MATLAB's order of axes, which `MatlabHdf5` restores:
`images` (480, 640, 3, N) uint8; `depths` and `rawDepths` (480, 640, N) float32, metres; `labels`
(480, 640, N) uint16, 0 = unlabelled, otherwise the place, from 1, of a name in the cell array
`names`; `scenes` (N, 1) cells of strings such as `kitchen_0004`.
"""

from collections.abc import Sequence

import numpy as np

from keras_lwm.datasets.matlab import MatlabHdf5
from keras_lwm.datasets.nyu_depth_v2.classes import Classes

# What the depth protocol looks at; outside of it lies the white border of the undistorted image.
BORDERLESS = slice(45, 471), slice(41, 601)
SIZE = 480, 640
# The official toolbox (depth_rel2depth_abs.m, project_depth_map.m) sets what is farther to this.
FARTHEST_METRES = 10.0

_AXES = {"images": 4, "depths": 3, "rawDepths": 3, "labels": 3}
_DTYPES = {"images": np.uint8, "depths": np.float32, "rawDepths": np.float32, "labels": np.uint16}


class LabeledFrames(Sequence):
    """Some of the frames, as examples of the library's form.

    Args:
        file: the official file.
        numbers: of the frames, from 1.
        classes: what the label ids mean.
        depth: `depths`, the in-painted ones, or `rawDepths`. A raw depth of 0 was not measured;
            neither was one of 10 m, where the official toolbox cuts off (its own in-painting takes
            both for holes): both become 0.
        crop_border: leave the white border out.

    Raises:
        ValueError: if the file is not laid out as the official one is, or does not have a frame of
            `numbers`; by `[i]`, which names the frame, if a label id has no name or a depth is
            negative or not finite.
    """

    def __init__(
        self,
        file: MatlabHdf5,
        numbers: Sequence[int],
        classes: Classes,
        *,
        depth: str,
        crop_border: bool,
    ):
        self._file, self._numbers, self._classes = file, list(numbers), classes
        self._depth, self._crop_border = depth, crop_border
        self._check_layout()

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> dict:
        number = self._numbers[index]
        frame = {
            "image": self._file.read("images", number - 1),
            "depth": self._read_depth(number)[..., None],
            "label": self._read_label(number)[..., None],
        }
        if self._crop_border:
            frame = {kind: np.ascontiguousarray(array[BORDERLESS]) for kind, array in frame.items()}
        return {**frame, "name": f"{number:04d}_{self._file.text('scenes', number - 1)}"}

    def _read_depth(self, number):
        depth = self._file.read(self._depth, number - 1)
        if not (np.isfinite(depth) & (depth >= 0)).all():
            raise ValueError(
                f"Expected metres, 0 or more, in {self._depth} of frame {number} of "
                f"{self._file.path}; it holds {depth.min()}."
            )
        if self._depth == "rawDepths":
            depth = np.where(depth < FARTHEST_METRES, depth, np.float32(0))
        return depth

    def _read_label(self, number):
        ids = self._file.read("labels", number - 1)
        largest = len(self._classes.class_of) - 1
        if ids.max() > largest:
            raise ValueError(
                f"Expected label ids 0 to {largest} in frame {number} of {self._file.path}; it "
                f"holds {ids.max()}."
            )
        return self._classes.class_of[ids]

    def _check_layout(self):
        path = self._file.path
        for name, axes in _AXES.items():
            array = self._file[name]
            if array.ndim != axes or array.dtype != _DTYPES[name]:
                raise ValueError(
                    f"Expected {name!r} of {path} to be of {axes} axes and "
                    f"{np.dtype(_DTYPES[name])}; received {array.shape} of {array.dtype}."
                )
        frames, channels, width, height = self._file["images"].shape
        shapes = {name: self._file[name].shape for name in _AXES if name != "images"}
        if channels != 3 or set(shapes.values()) != {(frames, width, height)}:
            raise ValueError(
                f"Expected images of 3 channels in {path}, and depths, rawDepths and labels of "
                f"their size; received images {self._file['images'].shape} and {shapes}."
            )
        if self._crop_border and (height, width) != SIZE:
            raise ValueError(
                f"Only the border of {SIZE[0]}x{SIZE[1]} (height x width) is known; {path} holds "
                f"frames of {height}x{width}."
            )
        self._check_numbers(frames)

    def _check_numbers(self, frames):
        path = self._file.path
        if max(self._numbers, default=0) > frames:
            raise ValueError(f"{path} has {frames} frames; received {max(self._numbers)}.")
        if self._file["scenes"].size != frames:
            raise ValueError(
                f"Expected one of 'scenes' for each of the {frames} frames of {path}; found "
                f"{self._file['scenes'].size}."
            )
        names, mapped = self._file["names"].size, len(self._classes.class_of) - 1
        if names != mapped:
            raise ValueError(
                f"Expected a class for each of the {names} names of {path}; the class mapping has "
                f"{mapped}."
            )
