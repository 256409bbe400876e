"""What is kept of one tile of an image, and where it belongs in maps of the whole image."""

import math

import numpy as np

from keras_lwm.large_images import strips
from keras_lwm.large_images.strips import Scores
from keras_lwm.large_images.tiles import Tiles
from keras_lwm.windows import Window, stride_of


class Part:
    """What is kept of one tile of an image.

    Args:
        tiles: of the image.
        index: of the tile among them.
        size: (height, width) of the maps that the part is written into.

    Attributes:
        region: slices of rows and columns of the maps: the pixels whose centres lie in the part.
    """

    def __init__(self, tiles: Tiles, index: tuple[int, int], size: tuple[int, int]):
        self._cuts = [
            axis.cuts[number : number + 2] for axis, number in zip(tiles, index, strict=True)
        ]
        self._size = size
        self.region = tuple(
            slice(*(math.ceil(cut * to / axis.size - 0.5) for cut in cuts))
            for cuts, to, axis in zip(self._cuts, size, tiles, strict=True)
        )

    def scores(
        self, values: np.ndarray, window: Window, mirrored: bool = False, softmax: bool = False
    ) -> Scores:
        """Scores at the pixels of this part.

        Args:
            values: (h, w, C) of a tile, at any resolution.
            window: that the tile was seen through.
            mirrored: whether in the mirrored image.
            softmax: whether to take the softmax of the interpolated values.
        """
        rows, columns = (np.arange(each.start, each.stop) for each in self.region)
        if mirrored:
            columns = self._size[1] - 1 - columns
        positions = [
            np.clip(strips.centres(at, to, whole) - start, 0, length - 1)
            for at, to, (start, whole), length in zip(
                (rows, columns),
                self._size,
                window.extents(values.shape[:2]),
                values.shape,
                strict=False,
            )
        ]
        return Scores(values.astype("float32", copy=False), *positions, softmax)

    def write(self, values: np.ndarray, window: Window, maps: np.ndarray | None) -> np.ndarray:
        """Copies this part of a tile's values into maps of the whole image.

        Args:
            values: (h, w, C) of a tile, at any resolution.
            window: that the tile was seen through.
            maps: of the whole image, at that resolution; None: they are made here.

        Returns:
            The maps, float32 (H', W', C).
        """
        extents = window.extents(values.shape[:2])
        if maps is None:
            maps = np.empty((*(extent.whole for extent in extents), values.shape[-1]), "float32")
        target, source = [], []
        for cuts, extent, size, length in zip(
            self._cuts, extents, window.size, values.shape, strict=False
        ):
            stride = stride_of(size, length)
            first, last = (-(-int(cut) // stride) for cut in cuts)
            target.append(slice(first, last))
            source.append(slice(first - extent.start, last - extent.start))
        maps[tuple(target)] = values[tuple(source)]
        return maps
