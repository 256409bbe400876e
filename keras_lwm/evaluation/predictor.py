"""A network and a view of it, compiled to predict one frame at a time."""

import keras
import numpy as np
from keras import ops


class FramePredictor:
    """Predicts single frames at any wanted resolution, in one compiled step a frame.

    One frame at a time, because a network's rounding may depend on how many images share a batch:
    so an evaluation finds the same classes however its data are batched.

    Args:
        network: a Keras model of RGB images.
        view: gives the scores of all classes (see `keras_lwm.evaluation.views`).
    """

    def __init__(self, network, view):
        self._class_ids = _compiled(_ClassIds(network, view))
        self._scores = _compiled(_Scores(network, view))

    def class_ids(self, image, size):
        """Returns the predicted classes, int32 (h, w), of `image` (H, W, 3); -1 = not finite.

        Also returns the network's depth in metres, (h', w', 1), or None where it gives none.
        """
        outputs = self._class_ids.predict_on_batch(_inputs(image, size))
        depth = outputs.get("depth")
        return outputs["class_ids"][0], None if depth is None else depth[0]

    def scores(self, image, size):
        """Returns the view's scores of `image` (H, W, 3), float32 (h, w, C)."""
        return self._scores.predict_on_batch(_inputs(image, size))[0]


def _inputs(image, size):
    # The wanted size travels as the shape of an array: a compiled step takes arrays alone.
    return {"image": image[None], "wanted": np.zeros((1, *size), "uint8")}


def _compiled(model):
    # XLA compiles anew for every size of frame, which only JAX cannot do without.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model


class _Scores(keras.Model):
    def __init__(self, network, view):
        super().__init__(name="frame_predictor")
        self.network = network
        self.view = view

    def call(self, inputs):
        size = tuple(ops.shape(inputs["wanted"])[1:3])
        return self.view(self.network, inputs["image"], size)[0]


class _ClassIds(_Scores):
    def call(self, inputs):
        size = tuple(ops.shape(inputs["wanted"])[1:3])
        scores, outputs = self.view(self.network, inputs["image"], size)
        finite = ops.all(ops.isfinite(scores), axis=-1)
        class_ids = ops.where(finite, ops.cast(ops.argmax(scores, axis=-1), "int32"), -1)
        depth = outputs.get("depth") if isinstance(outputs, dict) else None
        return {"class_ids": class_ids} | ({} if depth is None else {"depth": depth})
