"""Parts of an image that a network sees by themselves, and where their feature maps lie in the
whole's.

A network that resizes its maps spreads them evenly over the image: 94 rows of stride 32 over 187 of
stride 16, say. In a part of the image its rows would be spread a little differently, and lie
elsewhere. With the window known, they come to lie where they do in the whole image.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, NamedTuple

from keras import ops


class Extent(NamedTuple):
    """Where maps lie along an axis: `start` cells from the first of `whole`."""

    start: Any
    whole: Any


class Window(NamedTuple):
    """A part of an image; pairs (rows, columns) of integers or scalar integer tensors.

    Starts are multiples of the network's stride, and lengths have the same remainder by it as the
    whole's: else strided layers would see other pixels than in the whole image.

    Attributes:
        start: the first row and column.
        size: height and width.
        whole: height and width of the whole image.
    """

    start: tuple
    size: tuple
    whole: tuple

    def extents(self, lengths: tuple) -> tuple[Extent, Extent]:
        """Where feature maps of this (height, width) lie in the whole image's."""
        axes = zip(self.start, self.size, self.whole, lengths, strict=True)
        return tuple(_extent(*axis) for axis in axes)


def stride_of(size: Any, length: Any) -> Any:
    """The stride of maps of ceil(size / stride) cells: 1, 2 or a multiple of 4."""
    # Of positive numbers: tf2onnx rounds quotients of others towards 0.
    at_least = (size + length - 1) // length
    rounded = (at_least + 3) // 4 * 4
    if isinstance(at_least, int):
        return rounded if at_least > 2 else at_least
    return ops.where(at_least > 2, rounded, at_least)


def _extent(start, size, whole, length):
    stride = stride_of(size, length)
    return Extent(start // stride, length + (whole - size) // stride)


_window = contextvars.ContextVar("window", default=None)


@contextlib.contextmanager
def seen_through(window: Window) -> Iterator[None]:
    """Within it, networks take their images for this part of a larger one."""
    token = _window.set(window)
    try:
        yield
    finally:
        _window.reset(token)


def current_window() -> Window | None:
    """The window that networks see through now; None: they see whole images."""
    return _window.get()
