"""What every weighting of the segmentation loss has in common."""

import keras
from keras import ops

from keras_lwm.mining.measures import image_mean, segmentation_error, valid_mask
from keras_lwm.option_values import real
from keras_lwm.resampling import resize_bilinear, resize_depth, resize_labels
from keras_lwm.tensors import Tensor


class Weighting(keras.layers.Layer):
    """Turns what is known of a batch into a weight for the loss of every pixel.

    Called as `weighting(logits, labels, depth, depth_pred, main_output=True, training=None)`:

    Args:
        logits: (B, h, w, C) float, of the output whose loss is weighted.
        labels: (B, H, W) integer class ids in [0, C), any other id being void, at any resolution.
        depth: (B, H, W, 1) metres, not finite or <= 0 = not measured; at any resolution.
        depth_pred: (B, H0, W0, 1) metres, positive, at any resolution. `depth` and `depth_pred`
            may be None where the weighting's `uses_depth` and `uses_depth_prediction` are False.
        main_output: whether these are the logits of the main output, not of a side output.
        training: whether state that follows the training (see `LossWeightModule`) is updated.

    Returns:
        The loss weight map, (B, h, w) float32: mean 1 over each image's valid pixels, exactly 0
        on void. No gradient flows through it. It is always computed in float32.

    A subclass says in `measurements` what it measures and in `raw_weight` how that becomes a
    weight; the strength of all is `coefficient * strength`, and where that is 0 the weight is
    exactly 1 on every valid pixel.

    Attributes:
        coefficient: the curriculum's c, a non-trainable scalar weight, initially 1.
        uses_depth, uses_depth_prediction: whether a call needs `depth` and `depth_pred`.
    """

    uses_depth = False
    uses_depth_prediction = False

    def __init__(self, strength=1.0, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.strength = real("strength", strength)
        self.coefficient = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="coefficient"
        )
        self.built = True

    def call(
        self,
        logits,
        labels,
        depth=None,
        depth_pred=None,
        main_output=True,
        training=None,
    ) -> Tensor:
        maps = self.measure(logits, labels, depth, depth_pred, main_output, training)
        return maps["loss_weight"]

    def measure(
        self,
        logits,
        labels,
        depth=None,
        depth_pred=None,
        main_output=True,
        training=None,
    ) -> dict[str, Tensor]:
        """The loss weight map and the maps behind it, for logs and pictures.

        Arguments as for a call. Returns a dictionary of (B, h, w) float32 maps: `loss_weight`,
        `valid`, `segmentation_error`, and, from the weightings that measure them,
        `depth_prediction_error`, `depth_aware_segmentation_error` and `hardness`.
        """
        self._check(logits, labels, depth, depth_pred)
        if not self.built:
            self.build(logits.shape)
        size = ops.shape(logits)[1:3]
        logits = ops.stop_gradient(ops.cast(logits, "float32"))
        labels = resize_labels(ops.cast(labels, "int32"), size)
        valid = valid_mask(labels, logits.shape[-1])
        maps = {"valid": valid, "segmentation_error": segmentation_error(logits, labels)}
        if self.uses_depth:
            depth = resize_depth(ops.cast(depth, "float32"), size)
        if self.uses_depth_prediction:
            depth_pred = ops.stop_gradient(ops.cast(depth_pred, "float32"))
            depth_pred = resize_bilinear(depth_pred, size)
        maps |= self.measurements(maps, labels, depth, depth_pred, main_output, training)
        maps["loss_weight"] = self._normalised(self.raw_weight(maps), valid)
        return {name: ops.squeeze(values, -1) for name, values in maps.items()}

    def measurements(
        self, maps, labels, depth, depth_pred, main_output, training
    ) -> dict[str, Tensor]:
        """More maps, (B, h, w, 1) float32; for a subclass to give.

        Args:
            maps: `valid` and `segmentation_error`, (B, h, w, 1) float32.
            labels: (B, h, w) int32, at the logits' size as all maps are.
            depth, depth_pred: (B, h, w, 1) metres where the weighting uses them.
            main_output, training: as of the call.
        """
        return {}

    def raw_weight(self, maps) -> Tensor:
        """The weight before it is scaled to mean 1, (B, h, w, 1), not negative; here uniform.

        Args:
            maps: `valid`, `segmentation_error` and those of `measurements`, (B, h, w, 1) float32.
        """
        return maps["valid"]

    def blended(self, weight, valid) -> Tensor:
        """`weight` at the present strength: 1 + c strength (w - 1), w having mean 1, at least 0."""
        mean = image_mean(weight, valid)
        weight = ops.where(mean > 0, weight / ops.where(mean > 0, mean, 1.0), 1.0)
        return ops.maximum(1.0 + self.coefficient * self.strength * (weight - 1.0), 0.0)

    def _normalised(self, weight, valid):
        mean = image_mean(weight, valid)
        weight = valid * weight / ops.where(mean > 0, mean, 1.0)
        return ops.where(self.coefficient * self.strength == 0.0, valid, weight)

    def _check(self, logits, labels, depth, depth_pred):
        given = {"logits": logits, "labels": labels, "depth": depth, "depth_pred": depth_pred}
        needed = {"logits": 4, "labels": 3}
        needed |= {"depth": 4} if self.uses_depth else {}
        needed |= {"depth_pred": 4} if self.uses_depth_prediction else {}
        for name, rank in needed.items():
            if given[name] is None:
                raise ValueError(f"{type(self).__name__} needs {name}; received None.")
            if len(given[name].shape) != rank:
                form = "(B, H, W)" if rank == 3 else "(B, H, W, C)"
                raise ValueError(
                    f"{type(self).__name__} expected {name} of shape {form}; received shape "
                    f"{tuple(given[name].shape)}."
                )

    def get_config(self) -> dict:
        return {**super().get_config(), "strength": self.strength}
