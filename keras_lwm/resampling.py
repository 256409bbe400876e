"""Moving maps between resolutions, in half-pixel coordinates, at sizes known only at run time.

Every function here multiplies by a small matrix along each axis (`einsum`), because that is what
works, differentiates and exports on every backend when heights and widths are unknown in advance.

A size is a pair (height, width) of Python integers or scalar integer tensors. Cell `a` of an axis
cut from `source` into `target` cells covers [a * source / target, (a + 1) * source / target).
"""

from keras import ops

from keras_lwm.tensors import Tensor


def _positions(size):
    return ops.arange(size, dtype="int32")


def bilinear_matrix(target, source, dtype="float32") -> Tensor:
    """The (target, source) matrix that interpolates an axis linearly, with clamped edges."""
    scale = ops.cast(source, "float32") / ops.cast(target, "float32")
    centres = (ops.cast(_positions(target), "float32") + 0.5) * scale - 0.5
    centres = ops.clip(centres, 0.0, ops.cast(source - 1, "float32"))
    grid = ops.cast(_positions(source), "float32")
    distance = ops.abs(ops.expand_dims(centres, 1) - ops.expand_dims(grid, 0))
    return ops.cast(ops.maximum(1.0 - distance, 0.0), dtype)


def cell_matrix(target, source) -> Tensor:
    """The (target, source) matrix of ones where a source pixel's centre lies in a target cell."""
    cells = (2 * _positions(source) + 1) * target // (2 * source)
    belongs = ops.expand_dims(_positions(target), 1) == ops.expand_dims(cells, 0)
    return ops.cast(belongs, "float32")


def _has_size(maps, size):
    return all(isinstance(length, int) for length in size) and tuple(maps.shape[1:3]) == tuple(size)


def _along_both_axes(matrix, maps, size):
    shape = ops.shape(maps)
    rows = matrix(size[0], shape[1])
    columns = matrix(size[1], shape[2])
    return ops.einsum("xw,bywc->byxc", columns, ops.einsum("yh,bhwc->bywc", rows, maps))


def resize_bilinear(maps, size) -> Tensor:
    """Resizes (B, H, W, C) to (B, *size, C) bilinearly, without antialiasing, in its own dtype."""
    if _has_size(maps, size):
        return maps
    dtype = maps.dtype
    return _along_both_axes(lambda t, s: bilinear_matrix(t, s, dtype), maps, size)


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
    measured = ops.logical_and(ops.isfinite(depth), depth > 0)
    depth = ops.where(measured, depth, 0.0)
    if _has_size(depth, size):
        return depth
    total = _along_both_axes(cell_matrix, depth, size)
    count = _along_both_axes(cell_matrix, ops.cast(measured, "float32"), size)
    return ops.where(count > 0, total / ops.maximum(count, 1.0), 0.0)
