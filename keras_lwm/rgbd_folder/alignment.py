"""Depth of a camera beside the RGB camera, brought to the pixels of the RGB image."""

import dataclasses
import math

import numpy as np

from keras_lwm.measured import is_measured
from keras_lwm.option_values import real
from keras_lwm.rgbd_folder.camera import Intrinsics, axis_directions, check_intrinsics

_IDENTITY = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
_ROTATION_TOLERANCE = 1e-3
# Cameras beside each other are nearer than this; by millimetres taken for metres they are not.
_MOST_METRES = 2
# Where the edge of a patch is the centre of a pixel, rounding must not leave a gap to the next one.
_PIXEL_DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class Alignment:
    """Two cameras, and how the depth of one is seen by the other.

    Every pixel of the depth is a patch of a surface, parallel to the depth's image plane, whose
    corners are projected, as librealsense aligns depth to colour. A patch covers the pixels whose
    centres are in the box around its corners, its left and upper edge included; where several do,
    the nearest wins.

    Args:
        rgb_intrinsics: (fx, fy, cx, cy) in pixels of the RGB image.
        depth_intrinsics: the same in pixels of the depth.
        depth_to_rgb: the 16 numbers, row by row, of the rigid transform (4, 4) that takes points
            of the depth camera to points of the RGB camera, in metres.

    Raises:
        ValueError: for what is no such value; it names it.
    """

    rgb_intrinsics: Intrinsics
    depth_intrinsics: Intrinsics
    depth_to_rgb: tuple[float, ...] = _IDENTITY

    def __post_init__(self):
        for name in ("rgb_intrinsics", "depth_intrinsics"):
            object.__setattr__(self, name, check_intrinsics(name, getattr(self, name)))
        object.__setattr__(self, "depth_to_rgb", _rigid_transform(self.depth_to_rgb))

    def to_image(self, depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Metres along the RGB camera's axis, 0 = not measured: (h, w) float32.

        Args:
            depth: metres along the depth camera's axis, 0 = not measured: (H, W).
            size: (h, w) of the RGB image.
        """
        rows, columns = np.nonzero(is_measured(depth, np))
        metres = depth[rows, columns].astype(np.float64)
        corners = [
            self._seen(columns + right, rows + down, metres)
            for right in (-0.5, 0.5)
            for down in (-0.5, 0.5)
        ]
        nearest = self._seen(columns, rows, metres)[2]
        # What is behind the RGB camera, or beside its very centre, is in no image.
        ahead = np.all([is_measured(z, np) for _, _, z in corners], axis=0)
        corners = [[values[ahead] for values in corner] for corner in corners]
        first_column, end_column, first_row, end_row = self._boxes(corners, size)
        return _nearest_of_boxes(
            first_column, end_column, first_row, end_row, nearest[ahead], size
        ).astype(np.float32)

    def _seen(self, columns, rows, metres):
        """(x, y, z) in the RGB camera's frame of what the depth camera sees."""
        x, y = axis_directions(self.depth_intrinsics, columns, rows)
        point = x * metres, y * metres, metres
        matrix = np.reshape(self.depth_to_rgb, (4, 4))
        return [
            row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3] for row in matrix[:3]
        ]

    def _boxes(self, corners, size):
        """The first pixel and the one after the last, by columns and rows, of each patch."""
        fx, fy, cx, cy = self.rgb_intrinsics
        columns = np.array([fx * x / z + cx for x, _, z in corners])
        rows = np.array([fy * y / z + cy for _, y, z in corners])
        for edges, length in ((columns, size[1]), (rows, size[0])):
            for edge in (edges.min(axis=0), edges.max(axis=0)):
                whole = np.ceil(np.round(edge, _PIXEL_DECIMALS))
                yield whole.clip(0, length).astype(np.int64)


def _nearest_of_boxes(first_column, end_column, first_row, end_row, metres, size):
    """(h, w): at each pixel the least of the boxes that cover it, 0 where none does."""
    height, width = size
    image = np.full(height * width, np.inf)
    widths, heights = end_column - first_column, end_row - first_row
    for down in range(heights.max(initial=0)):
        (boxes,) = np.nonzero(heights > down)
        for right in range(widths[boxes].max(initial=0)):
            boxes = boxes[widths[boxes] > right]
            pixels = (first_row[boxes] + down) * width + first_column[boxes] + right
            np.minimum.at(image, pixels, metres[boxes])
    return np.where(np.isfinite(image), image, 0).reshape(size)


def _rigid_transform(values):
    try:
        numbers = [real("depth_to_rgb", value, -math.inf) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if isinstance(values, str) or len(numbers) != 16:
        raise ValueError(
            "Expected depth_to_rgb to be the 16 numbers of a matrix (4, 4), row by row; received "
            f"depth_to_rgb={values!r}."
        )
    matrix = np.reshape(numbers, (4, 4))
    rotation, shift = matrix[:3, :3], matrix[:3, 3]
    off = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if (
        off > _ROTATION_TOLERANCE
        or np.linalg.det(rotation) < 0
        or (matrix[3] != [0, 0, 0, 1]).any()
    ):
        raise ValueError(
            "Expected depth_to_rgb to be a rotation and a shift, its last row 0 0 0 1; received "
            f"depth_to_rgb={tuple(numbers)}."
        )
    if np.linalg.norm(shift) > _MOST_METRES:
        raise ValueError(
            f"Expected the shift of depth_to_rgb in metres, {_MOST_METRES} at the most; received "
            f"{shift.tolist()}: are these millimetres?"
        )
    return tuple(numbers)
