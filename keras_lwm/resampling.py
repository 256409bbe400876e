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


def bilinear_centres(positions, target, source) -> Tensor:
    """Where these of `target` cells have their centres, in cells of `source`, float32."""
    scale = ops.cast(source, "float32") / ops.cast(target, "float32")
    centres = (ops.cast(positions, "float32") + 0.5) * scale - 0.5
    return ops.clip(centres, 0.0, ops.cast(source - 1, "float32"))


def bilinear_matrix(target, source, dtype="float32", extents=None) -> Tensor:
    """The (target, source) matrix that interpolates an axis linearly, with clamped edges.

    Args:
        target, source: numbers of cells.
        dtype: of the matrix.
        extents: the `Extent` of target and source, where both are parts of a longer axis.
    """
    if extents is None:
        centres = bilinear_centres(_positions(target), target, source)
    else:
        (start, whole), (source_start, source_whole) = extents
        centres = bilinear_centres(_positions(target) + start, whole, source_whole)
        centres = centres - ops.cast(source_start, "float32")
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


def _along_both_axes(rows, columns, maps):
    return ops.einsum("xw,bywc->byxc", columns, ops.einsum("yh,bhwc->bywc", rows, maps))


def resize_bilinear(maps, size, window=None) -> Tensor:
    """Resizes (B, H, W, C) to (B, *size, C) bilinearly, without antialiasing, in its own dtype.

    Args:
        maps: (B, H, W, C).
        size: (height, width).
        window: the `Window` of the image that the maps belong to; None: the whole of it.
    """
    if _has_size(maps, size):
        return maps
    source = tuple(ops.shape(maps)[1:3])
    if window is None:
        extents = (None, None)
    else:
        extents = tuple(zip(window.extents(size), window.extents(source), strict=True))
    rows = bilinear_matrix(size[0], source[0], maps.dtype, extents[0])
    columns = bilinear_matrix(size[1], source[1], maps.dtype, extents[1])
    return _along_both_axes(rows, columns, maps)


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
    source = ops.shape(depth)[1:3]
    matrices = [cell_matrix(to, own) for to, own in zip(size, source, strict=True)]
    total = _along_both_axes(*matrices, depth)
    count = _along_both_axes(*matrices, ops.cast(measured, "float32"))
    return ops.where(count > 0, total / ops.maximum(count, 1.0), 0.0)
