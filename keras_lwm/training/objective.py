"""The losses of the two tasks, and the objective made of them: on tensors, for every backend."""

from keras import ops

from keras_lwm import replicas
from keras_lwm.mining.measures import (
    are_labelled,
    cross_entropy,
    image_mean,
    is_class,
    measured_mask,
    safe_log,
    valid_mask,
)
from keras_lwm.resampling import resize_bilinear, resize_depth, resize_labels
from keras_lwm.tensors import Tensor
from keras_lwm.training.teacher import distillation_loss

BERHU_SHARE = 0.2


def segmentation_loss(logits, labels, weight, class_weights=None) -> Tensor:
    """Weighted cross-entropy: the mean over each image's valid pixels, then over the images.

    Args:
        logits: (B, h, w, C) float.
        labels: (B, h, w) integer class ids in [0, C); any other id is void.
        weight: (B, h, w) float, 0 on void.
        class_weights: None or C factors; a pixel's loss is multiplied by its label's.

    Returns:
        A float32 scalar. An image without a valid pixel adds 0, and counts as an image.
    """
    logits, labels = ops.convert_to_tensor(logits), ops.cast(labels, "int32")
    valid = is_class(labels, logits.shape[-1])
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


def depth_loss(depth_pred, depth, loss="berhu") -> Tensor:
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


MAIN_OUTPUT = "segmentation"
MEASURES = ("depth_prediction_error", "depth_aware_segmentation_error")


def segmentation_outputs(outputs) -> list[str]:
    """The names of the outputs that segment, the main one first, then from fine to coarse."""
    sides = [name for name in outputs if name.startswith("side_")]
    return [MAIN_OUTPUT, *sorted(sides, key=lambda name: int(name.removeprefix("side_")))]


def privileged_objective(
    outputs,
    labels,
    depth,
    weighting,
    side_weight=0.4,
    depth_weight=0.5,
    depth_loss="berhu",
    class_weights=None,
    teacher_logits=None,
    distillation_weight=1.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The training loss: weighted cross-entropy of every output, and the loss of predicted depth.

        L = sum_k omega_k (mean_labelled mean_i W_i CE_i + distillation_weight mean_i KL_i)
            + depth_weight mean_images mean_i rho_i

    with omega = 1 for the main output and `side_weight` for side outputs. Each output has labels,
    depth and weight map W at its own resolution. mean_labelled is over the step's images that have
    a label there, of all devices together, and 0 where none has one: images without a label do not
    thin out what the others of the step teach.

    Args:
        outputs: dictionary of the network's outputs, (B, h, w, C).
        labels: (B, H, W) integer class ids in [0, C); any other id is void.
        depth: (B, H, W, 1) metres, not finite or <= 0 = not measured; None where neither the
            weighting nor a depth output needs it.
        weighting: a `keras_lwm.mining.Weighting`.
        side_weight, depth_weight: factors of the side outputs' and the depth output's losses.
        depth_loss: see `keras_lwm.training.objective.depth_loss`.
        class_weights: see `keras_lwm.training.objective.segmentation_loss`.
        teacher_logits: {name of an output: (B, h, w, C)}, see `keras_lwm.training.teacher`; None:
            there is no teacher, and KL is 0.
        distillation_weight: factor of `distillation_loss` at each output.

    Returns:
        The loss, a float32 scalar, and a dictionary of its unweighted parts, means over all images,
        in which one without what they are of counts as 0: `segmentation_loss`, `side_8_loss` ..,
        `depth_loss`, the main output's `distillation_loss`, and the mean over its valid pixels of
        what the weighting measures, `depth_prediction_error` and `depth_aware_segmentation_error`.
    """
    depth = None if depth is None else ops.cast(depth, "float32")
    depth_pred = outputs.get("depth")
    all_labels = labels_of_outputs(outputs, labels)
    of_labelled = _images_per_labelled_image(all_labels, outputs[MAIN_OUTPUT].shape[-1])
    total, parts = 0.0, {}
    for name, own_labels in all_labels.items():
        is_main = name == MAIN_OUTPUT
        logits = outputs[name]
        size = ops.shape(logits)[1:3]
        own_depth = resize_depth(depth, size) if weighting.uses_depth else None
        maps = weighting.measure(logits, own_labels, own_depth, depth_pred, is_main, training=True)
        loss = segmentation_loss(logits, own_labels, maps["loss_weight"], class_weights)
        parts[f"{name}_loss"] = loss
        loss = loss * of_labelled[name]
        if teacher_logits is not None:
            own_teacher = resize_bilinear(teacher_logits[name], size)
            distilled = distillation_loss(logits, own_teacher)
            loss = loss + distillation_weight * distilled
            if is_main:
                parts["distillation_loss"] = distilled
        total = total + (1.0 if is_main else side_weight) * loss
        if is_main:
            parts |= _mean_measures(maps)
    if depth_pred is not None:
        parts["depth_loss"] = _resized_depth_loss(depth_pred, depth, depth_loss)
        total = total + depth_weight * parts["depth_loss"]
    return total, parts


def labels_of_outputs(outputs, labels) -> dict[str, Tensor]:
    """The labels (B, h, w) int32 of each output that segments, in the order of these, by name."""
    labels = ops.cast(labels, "int32")
    return {
        name: resize_labels(labels, ops.shape(outputs[name])[1:3])
        for name in segmentation_outputs(outputs)
    }


def _images_per_labelled_image(all_labels, num_classes):
    """Of each output, by its labels' name; labels may be so few that coarse outputs see none."""
    labelled = [
        ops.cast(are_labelled(labels, num_classes), "float32") for labels in all_labels.values()
    ]
    sums = [ops.sum(ops.ones_like(labelled[0])), *map(ops.sum, labelled)]
    images, *counts = ops.unstack(replicas.total(ops.stack(sums)), len(sums))
    return {
        name: images / ops.maximum(count, 1.0)
        for name, count in zip(all_labels, counts, strict=True)
    }


def _resized_depth_loss(depth_pred, depth, loss):
    return depth_loss(depth_pred, resize_depth(depth, ops.shape(depth_pred)[1:3]), loss)


def _mean_measures(maps):
    valid = ops.expand_dims(maps["valid"], -1)
    return {
        name: ops.mean(image_mean(ops.expand_dims(maps[name], -1), valid))
        for name in MEASURES
        if name in maps
    }


def plain_objective(outputs, labels) -> Tensor:
    """The validation loss: the main output's unweighted cross-entropy, whatever the weighting.

    Args:
        outputs: a dictionary of outputs, of which `segmentation`, logits (B, h, w, C), counts.
        labels: (B, H, W) integer class ids in [0, C); any other id is void.

    Returns:
        A float32 scalar, nats: the mean over all images, one without a label adding 0.
    """
    logits = outputs[MAIN_OUTPUT]
    labels = resize_labels(ops.cast(labels, "int32"), ops.shape(logits)[1:3])
    valid = valid_mask(labels, logits.shape[-1])
    return segmentation_loss(logits, labels, ops.squeeze(valid, -1))
