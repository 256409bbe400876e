"""The bound on memory, and how large a tile of an image may be within it."""

import functools
import math
import warnings
from collections.abc import Callable, Sequence

from keras_lwm.large_images.graph import Footprint
from keras_lwm.large_images.tiles import MARGIN, Tiles, lay_tiles

MAX_MEMORY = 2.0
"""Gigabytes by which predicting may make a process grow, where nothing else is asked for."""

_GIGABYTE = 1e9
_FIXED = 150e6  # bytes of any prediction: code, strips of scores, small buffers
_WHOLE = 12  # bytes a pixel of the whole image: itself, what it was read from, and its classes
_FLOAT32 = 4

# Measured (benchmarks/large_images.py), of each runtime: how many times the activations that follow
# from the graph's shapes it holds at once; and how many full-size float32 maps of all classes, on
# the way from logits to class ids.
_MEASURED = {
    "tensorflow": (1.6, 3.3),
    "jax": (1.5, 1.8),
    "torch": (2.8, 3.2),
    "saved_model": (1.5, 3.0),
    "onnx": (1.8, 5.0),
    "litert": (1.8, 4.8),
    "openvino": (1.8, 4.6),
}


class LargeImageWarning(UserWarning):
    """An image is predicted in tiles, so that classes may differ from those of the whole image."""


class ImageTooLargeError(ValueError):
    """Not even the smallest tile of an image fits into the memory allowed."""


def activation_bytes(footprint: Footprint, runtime: str) -> float:
    """Bytes a pixel of what a network holds at once; `runtime` is a Keras backend or a format."""
    return footprint.activations * _MEASURED[runtime][0]


def full_size_bytes(footprint: Footprint, runtime: str) -> float:
    """Bytes a pixel of the scores of all classes at the image's size, on the way to class ids."""
    return footprint.classes * _FLOAT32 * _MEASURED[runtime][1]


class Bound:
    """A bound on the memory by which predicting makes the process grow.

    Args:
        max_memory: gigabytes.
        has_global_context: function that says whether every pixel of the network's output depends
            on the whole image; called when an image is first predicted in tiles.

    Raises:
        ValueError: if it is no positive number.
    """

    def __init__(self, max_memory: float, has_global_context: Callable[[], bool] = lambda: False):
        if not 0 < max_memory < math.inf:
            raise ValueError(f"Expected max_memory in GB, above 0; received {max_memory!r}.")
        self.max_memory = float(max_memory)
        self._has_global_context = has_global_context
        self._has_warned = False

    def free(self, size: tuple[int, int]) -> float:
        """Bytes that are left for the network on an image of (height, width)."""
        return self.max_memory * _GIGABYTE - _FIXED - _WHOLE * size[0] * size[1]

    def tiles(
        self,
        size: tuple[int, int],
        bytes_per_pixel: float,
        stride: int,
        looks: Sequence[tuple[int, int]] | None = None,
    ) -> list[Tiles]:
        """The tiles that an image is predicted in; a single one where it fits.

        Warns, once, when there are several.

        Args:
            size: (height, width) of the image.
            bytes_per_pixel: of a tile.
            stride: pixels of an image to one of the network's coarsest feature map.
            looks: sizes that the image is resized to before it is looked at; None: its own.

        Returns:
            The tiles at each of these sizes. They hold the same parts of the image.

        Raises:
            ImageTooLargeError: if the bound is too low for any tile.
        """
        tiles = _tiles(size, tuple(looks or [size]), self.free(size) / bytes_per_pixel, stride)
        if tiles is None:
            smallest = bytes_per_pixel * (2 * MARGIN + 2 * stride) ** 2
            needed = self.max_memory + (smallest - self.free(size)) / _GIGABYTE
            needed = math.ceil(100 * needed) / 100
            raise ImageTooLargeError(
                f"Expected max_memory (--max-memory) of at least {needed:.2f} GB for an image of "
                f"{size[0]}x{size[1]}, or a longest_side (--longest-side) to which it is reduced "
                f"first; received {self.max_memory:g} GB."
            )
        if tiles[0].count > 1:
            self._warn(size, tiles[0].count)
        return tiles

    def _warn(self, size, count):
        if self._has_warned:
            return
        self._has_warned = True
        sentence = (
            f"An image of {size[0]}x{size[1]} is predicted in {count} overlapping tiles, to stay "
            f"within {self.max_memory:g} GB, as will be others of its size: a larger max_memory "
            "(--max-memory) allows larger tiles, and longest_side (--longest-side) reduces images "
            "first."
        )
        if self._has_global_context():
            sentence += (
                " This network pools over the whole of its input, so classes may differ from "
                "those of the whole image."
            )
        warnings.warn(sentence, LargeImageWarning, stacklevel=2)


@functools.lru_cache(maxsize=64)
def _tiles(size, looks, max_pixels, stride):
    return lay_tiles(size, looks, max_pixels, stride)
