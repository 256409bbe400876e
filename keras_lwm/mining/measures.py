"""The two measurements of hard pixels that depth makes possible, as pure functions.

Gu, Niu, Zhao, Zhang, *Hard Pixel Mining for Depth Privileged Semantic Segmentation* (IEEE TMM
2021), name the Depth Prediction Error and the Depth-aware Segmentation Error; the formulas are
this project's own (see docs/method.md).
"""

from keras import ops

from keras_lwm.measured import is_measured
from keras_lwm.tensors import Tensor

EPSILON = 1e-6


def is_class(labels, num_classes) -> Tensor:
    """Whether each label is a class id, 0 to `num_classes` - 1, and not void: booleans."""
    return ops.logical_and(labels >= 0, labels < num_classes)


def valid_mask(labels, num_classes) -> Tensor:
    """1.0 where `labels` (B, H, W) is no void, else 0.0: v of the method, (B, H, W, 1)."""
    return ops.expand_dims(ops.cast(is_class(labels, num_classes), "float32"), -1)


def measured_mask(depth) -> Tensor:
    """1.0 where `depth` (B, H, W, 1) is finite and positive, else 0.0: u of the method."""
    return ops.cast(is_measured(depth), "float32")


def are_labelled(labels, num_classes) -> Tensor:
    """Whether each image of `labels` (B, H, W) has a pixel that is no void: booleans (B,)."""
    return ops.any(is_class(labels, num_classes), axis=(1, 2))


def are_measured(depth) -> Tensor:
    """Whether each image of `depth` (B, H, W, 1) has a measured pixel: booleans (B,)."""
    return ops.any(measured_mask(depth) > 0, axis=(1, 2, 3))


def safe_log(depth, mask) -> Tensor:
    """log(depth) where `mask` is 1, and 0 elsewhere, without a NaN in value or gradient."""
    return ops.log(ops.where(mask > 0, depth, 1.0))


def image_mean(values, mask) -> Tensor:
    """Mean of `values` over the pixels of `mask`, image by image: (B, H, W, 1) to (B, 1, 1, 1).

    The mean over no pixels is 0. `values` must be finite everywhere.
    """
    total = ops.sum(values * mask, axis=(1, 2, 3), keepdims=True)
    count = ops.sum(mask, axis=(1, 2, 3), keepdims=True)
    return total / ops.maximum(count, 1.0)


def segmentation_error(logits, labels) -> Tensor:
    """One minus the probability of the right class, 0 on void.

    Args:
        logits: (B, H, W, C) float.
        labels: (B, H, W) integer class ids in [0, C); any other id is void.

    Returns:
        (B, H, W, 1) float32 in [0, 1].
    """
    return -ops.expm1(-cross_entropy(logits, labels))


def cross_entropy(logits, labels) -> Tensor:
    """Cross-entropy of each pixel, 0 on void: (B, H, W, 1) float32, in nats.

    Args:
        logits: (B, H, W, C) float.
        labels: (B, H, W) integer class ids in [0, C); any other id is void.
    """
    logits, labels = ops.convert_to_tensor(logits), ops.cast(labels, "int32")
    valid = is_class(labels, logits.shape[-1])
    labels = ops.where(valid, labels, 0)
    entropy = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.expand_dims(ops.where(valid, entropy, 0.0), -1)


def depth_prediction_error(depth_pred, depth, valid=None) -> Tensor:
    """Depth Prediction Error: how far the predicted depth is off, beside the image's average.

        r = |log depth_pred - log depth|,    DPE = r / (r + mean r + 1e-6)

    with the mean over the image's valid, measured pixels; an average pixel scores about 1/2. An
    unmeasured pixel scores its image's mean DPE, an image without any depth 0.

    Args:
        depth_pred: (B, H, W, 1) metres, positive.
        depth: (B, H, W, 1) metres; not finite or <= 0 = not measured.
        valid: (B, H, W, 1) float, 1 where the label is not void; None = everywhere.

    Returns:
        (B, H, W, 1) float32 in [0, 1).
    """
    depth_pred, depth = map(ops.convert_to_tensor, (depth_pred, depth))
    measured = measured_mask(depth)
    pixels = measured if valid is None else measured * ops.cast(valid, "float32")
    difference = safe_log(depth_pred, measured) - safe_log(depth, measured)
    ratio = ops.abs(difference) * measured
    error = ratio / (ratio + image_mean(ratio, pixels) + EPSILON)
    return ops.where(measured > 0, error, image_mean(error, pixels))


def depth_aware_segmentation_error(error, depth, valid, window=5, dilation=1, tau=0.1) -> Tensor:
    """Depth-aware Segmentation Error, by window: the error gathered from pixels at a like depth.

        a_ij = exp(-|log d_i - log d_j| / tau) over valid, measured j
        DSE_i = sum_j a_ij error_j / sum_j a_ij

    a joint bilateral filter of the error, guided by depth, over window x window pixels `dilation`
    apart, clipped at the image's edge. Where pixel i is unmeasured, or no pixel of the window
    counts, DSE_i is error_i.

    Args:
        error: (B, H, W, 1) float in [0, 1], see `segmentation_error`.
        depth: (B, H, W, 1) metres; not finite or <= 0 = not measured.
        valid: (B, H, W, 1) float, 1 where the label is not void.
        window: odd number of pixels along each side.
        dilation: distance of neighbouring window pixels, in pixels.
        tau: positive; the log-depth difference at which a neighbour counts 1/e.

    Returns:
        (B, H, W, 1) float32 in [0, 1].
    """
    error, depth, valid = map(ops.convert_to_tensor, (error, depth, valid))
    measured = measured_mask(depth)
    log_depth = safe_log(depth, measured)
    counted = measured * ops.cast(valid, "float32")
    maps = ops.concatenate([error * counted, log_depth, counted], axis=-1)
    neighbours = window_pixels(maps, window, dilation)
    affinity = neighbours[:, :, :, 2] * ops.exp(-ops.abs(neighbours[:, :, :, 1] - log_depth) / tau)
    return ops.where(measured > 0, _gathered(error, neighbours[:, :, :, 0], affinity), error)


def window_error(error, valid, window=5, dilation=1) -> Tensor:
    """The mean error of the valid pixels of a window: the DSE above with every depth alike.

    Arguments and result as those of `depth_aware_segmentation_error`.
    """
    error, valid = ops.convert_to_tensor(error), ops.cast(valid, "float32")
    neighbours = window_pixels(ops.concatenate([error * valid, valid], axis=-1), window, dilation)
    return _gathered(error, neighbours[:, :, :, 0], neighbours[:, :, :, 1])


def _gathered(error, neighbour_error, affinity):
    total = ops.sum(affinity, axis=-1, keepdims=True)
    gathered = ops.sum(affinity * neighbour_error, axis=-1, keepdims=True)
    return ops.where(total > 0, gathered / ops.where(total > 0, total, 1.0), error)


def window_pixels(maps, window, dilation) -> Tensor:
    """The pixels of a window around every pixel, zeros outside: (B, H, W, C) to (B, H, W, C, N).

    N = window * window. Two rounds of shifts, down and then across, keep the graph small.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"Expected an odd window of at least 1 pixel; received window={window}.")
    if dilation < 1:
        raise ValueError(f"Expected a dilation of at least 1 pixel; received dilation={dilation}.")
    reach = window // 2 * dilation
    height, width = ops.shape(maps)[1:3]
    padded = ops.pad(maps, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    shifts = range(0, window * dilation, dilation)
    columns = ops.stack([padded[:, shift : shift + height] for shift in shifts], axis=-1)
    return ops.concatenate([columns[:, :, shift : shift + width] for shift in shifts], axis=-1)
