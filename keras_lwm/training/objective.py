"""The objective of depth-privileged training, on tensors alone: it knows no backend."""

from keras import ops

from keras_lwm.mining.masks import image_mean, valid_mask
from keras_lwm.resampling import resize_depth, resize_labels
from keras_lwm.training.losses import depth_loss as loss_of_depth
from keras_lwm.training.losses import segmentation_loss

MAIN_OUTPUT = "segmentation"
MEASURES = ("depth_prediction_error", "depth_aware_segmentation_error")


def segmentation_outputs(outputs):
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
):
    """The training loss: weighted cross-entropy of every output, and the loss of predicted depth.

        L = sum_k omega_k mean_images mean_i W_i CE_i + depth_weight mean_images mean_i rho_i

    with omega = 1 for the main output and `side_weight` for side outputs. Each output has labels,
    depth and weight map W at its own resolution.

    Args:
        outputs: dictionary of the network's outputs, (B, h, w, C).
        labels: (B, H, W) integer class ids in [0, C), 255 = void.
        depth: (B, H, W, 1) metres, not finite or <= 0 = not measured; None where neither the
            weighting nor a depth output needs it.
        weighting: a `keras_lwm.mining.Weighting`.
        side_weight, depth_weight: factors of the side outputs' and the depth output's losses.
        depth_loss: see `keras_lwm.training.losses.depth_loss`.
        class_weights: see `keras_lwm.training.losses.segmentation_loss`.

    Returns:
        The loss, a float32 scalar, and a dictionary of its unweighted parts: `segmentation_loss`,
        `side_8_loss` .., `depth_loss`, and the mean over the main output's valid pixels of what the
        weighting measures, `depth_prediction_error` and `depth_aware_segmentation_error`.
    """
    labels = ops.cast(labels, "int32")
    depth = None if depth is None else ops.cast(depth, "float32")
    depth_pred = outputs.get("depth")
    total, parts = 0.0, {}
    for name in segmentation_outputs(outputs):
        is_main = name == MAIN_OUTPUT
        logits = outputs[name]
        size = ops.shape(logits)[1:3]
        own_labels = resize_labels(labels, size)
        own_depth = resize_depth(depth, size) if weighting.uses_depth else None
        maps = weighting.measure(
            logits, own_labels, own_depth, depth_pred, main_output=is_main, training=True
        )
        loss = segmentation_loss(logits, own_labels, maps["loss_weight"], class_weights)
        total = total + (1.0 if is_main else side_weight) * loss
        parts[f"{name}_loss"] = loss
        if is_main:
            parts |= _mean_measures(maps)
    if depth_pred is not None:
        own_depth = resize_depth(depth, ops.shape(depth_pred)[1:3])
        parts["depth_loss"] = loss_of_depth(depth_pred, own_depth, depth_loss)
        total = total + depth_weight * parts["depth_loss"]
    return total, parts


def _mean_measures(maps):
    valid = ops.expand_dims(maps["valid"], -1)
    return {
        name: ops.mean(image_mean(ops.expand_dims(maps[name], -1), valid))
        for name in MEASURES
        if name in maps
    }


def plain_objective(outputs, labels):
    """The validation loss: the main output's unweighted cross-entropy, whatever the weighting."""
    logits = outputs[MAIN_OUTPUT]
    labels = resize_labels(ops.cast(labels, "int32"), ops.shape(logits)[1:3])
    return segmentation_loss(logits, labels, ops.squeeze(valid_mask(labels), -1))
