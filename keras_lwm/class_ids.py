"""From logits to the class of every pixel, in few passes over the full-size scores of all classes.

Those are the largest maps that predicting makes: 49 MB for 480x640 pixels and 40 classes.
"""

from typing import Any

import keras
from keras import ops

from keras_lwm.resampling import resize_bilinear
from keras_lwm.tensors import Tensor


def resize_logits(logits: Any, size: tuple) -> tuple[Tensor, Tensor]:
    """Resizes logits bilinearly, and tells where they are finite.

    Args:
        logits: (B, h, w, C), any float dtype.
        size: (height, width), as of `resize_bilinear`.

    Returns:
        Logits, float32 (B, *size, C), which are finite all over, and booleans (B, *size): False
        where a logit that was NaN or infinite takes part.
    """
    logits = ops.cast(logits, "float32")
    # Asked by their sum, and before there are many of them.
    finite = ops.isfinite(ops.sum(logits, axis=-1, keepdims=True))
    share_of_others = resize_bilinear(ops.cast(ops.logical_not(finite), "float32"), size)
    # 0 times NaN is NaN: it would reach further than it takes part.
    logits = ops.where(finite, logits, 0.0)
    return resize_bilinear(logits, size), share_of_others[..., 0] == 0


def largest_class(scores: Any, finite: Any) -> Tensor:
    """The class of the largest score, the first of equal ones.

    Args:
        scores: float32 (B, H, W, C).
        finite: booleans (B, H, W).

    Returns:
        int32 (B, H, W); -1 where the scores are not finite.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        # `tf.argmax` takes twice as long; Keras' own, which tells 0.0 from -0.0, four times.
        class_ids = ops.top_k(scores, 1)[1][..., 0]
    elif backend == "torch":
        # `torch.argmax` takes half as long again.
        class_ids = scores.max(dim=-1).indices
    else:
        class_ids = ops.argmax(scores, axis=-1)
    return ops.where(finite, ops.cast(class_ids, "int32"), -1)
