"""Which pixels take part, and means over them that no void pixel or depth hole can touch."""

from keras import ops

from keras_lwm.void import VOID

EPSILON = 1e-6


def valid_mask(labels):
    """1.0 where `labels` (B, H, W) is not void, else 0.0: v of the method, (B, H, W, 1)."""
    return ops.expand_dims(ops.cast(ops.not_equal(labels, VOID), "float32"), -1)


def measured_mask(depth):
    """1.0 where `depth` (B, H, W, 1) is finite and positive, else 0.0: u of the method."""
    return ops.cast(ops.logical_and(ops.isfinite(depth), depth > 0), "float32")


def safe_log(depth, mask):
    """log(depth) where `mask` is 1, and 0 elsewhere, without a NaN in value or gradient."""
    return ops.log(ops.where(mask > 0, depth, 1.0))


def image_mean(values, mask):
    """Mean of `values` over the pixels of `mask`, image by image: (B, H, W, 1) to (B, 1, 1, 1).

    The mean over no pixels is 0. `values` must be finite everywhere.
    """
    total = ops.sum(values * mask, axis=(1, 2, 3), keepdims=True)
    count = ops.sum(mask, axis=(1, 2, 3), keepdims=True)
    return total / ops.maximum(count, 1.0)
