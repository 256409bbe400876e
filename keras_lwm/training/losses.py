"""The losses of the two tasks, image by image."""

from keras import ops

from keras_lwm.mining.masks import image_mean, measured_mask, safe_log
from keras_lwm.mining.measures import cross_entropy
from keras_lwm.void import VOID

BERHU_SHARE = 0.2


def segmentation_loss(logits, labels, weight, class_weights=None):
    """Weighted cross-entropy: the mean over each image's valid pixels, then over the images.

    Args:
        logits: (B, h, w, C) float.
        labels: (B, h, w) integer class ids in [0, C), 255 = void.
        weight: (B, h, w) float, 0 on void.
        class_weights: None or C factors; a pixel's loss is multiplied by its label's.

    Returns:
        A float32 scalar. An image without a valid pixel adds 0, and counts as an image.
    """
    valid = ops.not_equal(labels, VOID)
    entropy = cross_entropy(ops.cast(logits, "float32"), labels)
    if class_weights is not None:
        factors = ops.convert_to_tensor(class_weights, "float32")
        entropy = entropy * ops.expand_dims(ops.take(factors, ops.where(valid, labels, 0)), -1)
    valid = ops.expand_dims(ops.cast(valid, "float32"), -1)
    return ops.mean(image_mean(entropy * ops.expand_dims(weight, -1), valid))


def _berhu(difference, measured):
    size = ops.abs(difference)
    threshold = BERHU_SHARE * ops.max(size, axis=(1, 2, 3), keepdims=True)
    threshold = ops.stop_gradient(ops.maximum(threshold, 1e-6))
    quadratic = (difference**2 + threshold**2) / (2.0 * threshold)
    return image_mean(ops.where(size <= threshold, size, quadratic), measured)


def _log_l1(difference, measured):
    return image_mean(ops.abs(difference), measured)


def _scale_invariant(difference, measured):
    return image_mean(difference**2, measured) - 0.5 * image_mean(difference, measured) ** 2


DEPTH_LOSSES = {"berhu": _berhu, "log_l1": _log_l1, "scale_invariant": _scale_invariant}


def depth_loss(depth_pred, depth, loss="berhu"):
    """Loss of predicted depth on t = log depth_pred - log depth, over the measured pixels.

    `"log_l1"` is |t|; `"berhu"` (Laina et al., 3DV 2016) is |t| up to 0.2 times the image's
    greatest |t|, and grows with its square above; `"scale_invariant"` (Eigen et al., NIPS 2014) is
    mean t^2 - (mean t)^2 / 2.

    Args:
        depth_pred: (B, h, w, 1) metres, positive.
        depth: (B, h, w, 1) metres; not finite or <= 0 = not measured.
        loss: one of the three names.

    Returns:
        A float32 scalar: the mean over the images, an unmeasured image adding 0.
    """
    measured = measured_mask(depth)
    difference = safe_log(ops.cast(depth_pred, "float32"), measured) - safe_log(depth, measured)
    return ops.mean(DEPTH_LOSSES[loss](difference * measured, measured))
