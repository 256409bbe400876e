"""Moving maps between resolutions, in half-pixel coordinates, at sizes known only at run time.

Everything here costs a fixed number of operations a pixel.

A size is a pair (height, width) of Python integers or scalar integer tensors. Cell `a` of an axis
cut from `source` into `target` cells covers [a * source / target, (a + 1) * source / target).
"""

import functools

import keras
import numpy as np
from keras import ops

from keras_lwm.measured import is_measured
from keras_lwm.tensors import Tensor


def _positions(size):
    # What is made of known sizes is an array, a single constant where it enters a compiled step.
    return (np if isinstance(size, int) else ops).arange(size, dtype="int32")


def bilinear_centres(positions, target, source) -> Tensor:
    """Where these of `target` cells have their centres, in cells of `source`, float32."""
    scale = ops.cast(source, "float32") / ops.cast(target, "float32")
    centres = (ops.cast(positions, "float32") + 0.5) * scale - 0.5
    return ops.clip(centres, 0.0, ops.cast(source - 1, "float32"))


def _has_size(maps, size):
    return all(isinstance(length, int) for length in size) and tuple(maps.shape[1:3]) == tuple(size)


def resize_bilinear(maps, size, window=None) -> Tensor:
    """Resizes (B, H, W, C) to (B, *size, C) bilinearly, without antialiasing, in its own dtype.

    Args:
        maps: (B, H, W, C).
        size: (height, width).
        window: the `Window` of the image that the maps belong to; None: the whole of it. Gradients
            are taken of whole images only, where they cost no more than the maps themselves.
    """
    if _has_size(maps, size):
        return maps
    maps = ops.convert_to_tensor(maps)
    if window is not None:
        return _resize_part(maps, size, window)
    return _RESIZE_WHOLE[keras.backend.backend()](maps, size)


def _resize_part(maps, size, window):
    targets = window.extents(size)
    sources = window.extents(tuple(ops.shape(maps)[1:3]))
    for axis, target, source in zip((1, 2), targets, sources, strict=True):
        length = ops.shape(maps)[axis]
        # Where a part starts may be a tensor of PyTorch, to which no array can be added.
        positions = ops.arange(size[axis - 1], dtype="int32") + target.start
        centres = bilinear_centres(positions, target.whole, source.whole)
        centres = centres - ops.cast(source.start, "float32")
        centres = ops.clip(centres, 0.0, ops.cast(length - 1, "float32"))
        below = ops.cast(centres, "int32")
        above = ops.minimum(below + 1, length - 1)
        weight = ops.reshape(centres - ops.cast(below, "float32"), _along(axis))
        weight = ops.cast(weight, maps.dtype)
        maps = (1 - weight) * ops.take(maps, below, axis) + weight * ops.take(maps, above, axis)
    return maps


def _along(axis):
    """The shape of a vector that is broadcast along an axis of maps."""
    return [-1 if own == axis else 1 for own in range(4)]


def _resize_by_tensorflow(maps, size):
    # The only resizing that takes sizes unknown when it is traced, and exports to every format.
    import tensorflow as tf

    size = tf.stack(size)
    return tf.cast(
        tf.raw_ops.ResizeBilinear(images=maps, size=size, half_pixel_centers=True), maps.dtype
    )


def _resize_by_torch(maps, size):
    import torch

    # Of channels-last maps, which these become without a copy, it makes channels-last maps.
    maps = maps.permute(0, 3, 1, 2)
    resized = torch.nn.functional.interpolate(maps, tuple(map(int, size)), mode="bilinear")
    return resized.permute(0, 2, 3, 1)


def _resize_by_bands(maps, size):
    # JAX' own resizing multiplies by dense matrices, and its gradient of gathering scatters.
    for axis, target in zip((1, 2), size, strict=True):
        maps = _resize_axis(maps, axis, int(target))
    return maps


def _resize_axis(maps, axis, target):
    forwards, backwards = _bilinear_bands(target, maps.shape[axis])

    @ops.custom_gradient
    def resize(maps):
        return _times_bands(maps, axis, *forwards), lambda upstream: _times_bands(
            upstream, axis, *backwards
        )

    return resize(maps)


def _times_bands(maps, axis, first, weights):
    shape = _along(axis)
    total = 0
    for offset, weight in enumerate(weights.T):
        weight = ops.convert_to_tensor(weight.reshape(shape), maps.dtype)
        total = total + weight * ops.take(maps, first + offset, axis)
    return total


@functools.lru_cache(maxsize=256)
def _bilinear_bands(target, source):
    """The matrix that interpolates an axis, and its transpose, as bands.

    Returns:
        For each: int32 (rows,), the first column that is not 0, and float32 (rows, width of the
        band), the values from there on.
    """
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    below = centres.astype("int32")
    rows = np.arange(target)
    matrix = np.zeros((target, source), "float32")
    matrix[rows, np.minimum(below + 1, source - 1)] = centres - below
    matrix[rows, below] += 1 - (centres - below)
    return _bands(matrix), _bands(matrix.T)


def _bands(matrix):
    used = matrix != 0
    first = used.argmax(axis=1)
    last = matrix.shape[1] - used[:, ::-1].argmax(axis=1)
    width = np.where(used.any(axis=1), last - first, 1).max()
    first = np.minimum(first, matrix.shape[1] - width).astype("int32")
    return first, np.take_along_axis(matrix, first[:, None] + np.arange(width), axis=1)


_RESIZE_WHOLE = {
    "tensorflow": _resize_by_tensorflow,
    "torch": _resize_by_torch,
    "jax": _resize_by_bands,
}


def resize_labels(labels, size) -> Tensor:
    """Picks for every cell of `size` the label under the cell's centre: (B, H, W) to (B, *size)."""
    if _has_size(labels, size):
        return labels
    shape = ops.shape(labels)

    def under_centre(target, source):
        return (2 * _positions(target) + 1) * source // (2 * target)

    labels = ops.take(labels, under_centre(size[0], shape[1]), axis=1)
    return ops.take(labels, under_centre(size[1], shape[2]), axis=2)


def resize_depth(depth, size) -> Tensor:
    """Means of the measured pixels in every cell: (B, H, W, 1) metres to (B, *size, 1) metres.

    Depth that is not finite or not positive is not measured, and takes no part; a cell without a
    measured pixel is 0, not measured.
    """
    measured = is_measured(depth)
    depth = ops.where(measured, depth, 0.0)
    if _has_size(depth, size):
        return depth
    sums = ops.concatenate([depth, ops.cast(measured, depth.dtype)], axis=-1)
    for axis, target in zip((1, 2), size, strict=True):
        sums = _sums_over_cells(sums, axis, target)
    total, count = ops.split(sums, 2, axis=-1)
    return ops.where(count > 0, total / ops.maximum(count, 1.0), 0.0)


def _sums_over_cells(maps, axis, target):
    """Sums, in every target cell, the maps under whose centres it lies, along an axis."""
    source = ops.shape(maps)[axis]
    # The centre of source cell `r` lies at (2 r + 1) / 2 of them.
    bounds = (2 * source * _positions(target + 1) + target - 1) // (2 * target)
    cells = bounds[:-1, None] + _positions((source + target - 1) // target)
    belongs = ops.cast(cells < bounds[1:, None], maps.dtype)
    maps = ops.take(maps, (ops if ops.is_tensor(cells) else np).minimum(cells, source - 1), axis)
    shape = [1] * len(maps.shape)
    shape[axis : axis + 2] = ops.shape(belongs)
    return ops.sum(maps * ops.reshape(belongs, shape), axis=axis + 1)
