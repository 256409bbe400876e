"""The Loss Weight Module: from two measurements of hard pixels to a loss weight map."""

import keras
from keras import ops

from keras_lwm.mining.class_depth_errors import ClassDepthErrors
from keras_lwm.mining.masks import EPSILON, image_mean
from keras_lwm.mining.measures import depth_aware_segmentation_error, depth_prediction_error
from keras_lwm.mining.weighting import Weighting


class HardnessWeighting(Weighting):
    """A weighting by hardness h in [0, 1], of which a subclass says in `hardness` what it is.

        W = clip(1 + c strength (h - mean h) / (mean |h - mean h| + 1e-6), floor, ceiling)

    scaled to mean 1 over each image's valid pixels (this project's own formula).

    Args:
        strength: how far the weight of a pixel of average deviation from the mean moves from 1.
        floor, ceiling: least and greatest weight before the scaling, 0 <= floor <= 1 <= ceiling.
    """

    def __init__(self, strength=0.5, floor=0.1, ceiling=4.0, **kwargs):
        super().__init__(strength=strength, **kwargs)
        if not 0 <= floor <= 1 <= ceiling:
            raise ValueError(
                f"Expected 0 <= floor <= 1 <= ceiling; received floor={floor}, ceiling={ceiling}."
            )
        self.floor = floor
        self.ceiling = ceiling

    def raw_weight(self, maps):
        hardness, valid = maps["hardness"], maps["valid"]
        deviation = hardness - image_mean(hardness, valid)
        spread = image_mean(ops.abs(deviation), valid) + EPSILON
        weight = 1.0 + self.coefficient * self.strength * deviation / spread
        return ops.clip(weight, self.floor, self.ceiling)

    def get_config(self):
        return {**super().get_config(), "floor": self.floor, "ceiling": self.ceiling}


@keras.saving.register_keras_serializable(package="keras_lwm")
class LossWeightModule(HardnessWeighting):
    """The Loss Weight Module (LWM) of depth-privileged segmentation.

    Hardness is the mean of the Depth Prediction Error (DPE) and the Depth-aware Segmentation Error
    (DSE), h = (alpha DPE + beta DSE) / (alpha + beta); `HardnessWeighting` says how it becomes a
    weight, `Weighting` how the layer is called. From Gu, Niu, Zhao, Zhang, *Hard Pixel Mining for
    Depth Privileged Semantic Segmentation* (IEEE TMM 2021), whose abstract fixes the two
    measurements and their use; the formulas are this project's own, see docs/method.md.

    Args:
        alpha, beta: shares of DPE and DSE, not negative, not both 0. With `alpha=0` no predicted
            depth is needed.
        strength, floor, ceiling: see `HardnessWeighting`.
        segmentation_error: `"window"`, the error gathered over a window from pixels at a like
            depth, or `"binned"`, the running mean error of the pixel's class at its distance.
        window, dilation, tau: of the window, see `depth_aware_segmentation_error`.
        num_classes, bins, depth_range, momentum: of the bins, see `ClassDepthErrors`; the first
            and third must be given for `"binned"`.

    The bins are fed by calls with `main_output=True, training=True` alone, before the call looks
    them up, and are used by every output.

    Example:

    >>> module = LossWeightModule(strength=0.5)
    >>> weight = module(logits, labels, depth, depth_pred)  # (B, h, w), like the logits
    """

    uses_depth = True

    def __init__(
        self,
        alpha=1.0,
        beta=1.0,
        strength=0.5,
        floor=0.1,
        ceiling=4.0,
        segmentation_error="window",
        window=5,
        dilation=1,
        tau=0.1,
        num_classes=None,
        bins=8,
        depth_range=None,
        momentum=0.95,
        **kwargs,
    ):
        super().__init__(strength=strength, floor=floor, ceiling=ceiling, **kwargs)
        if alpha < 0 or beta < 0 or alpha + beta == 0:
            raise ValueError(
                "Expected alpha and beta not negative and not both 0; received "
                f"alpha={alpha}, beta={beta}."
            )
        if tau <= 0:
            raise ValueError(f"Expected tau above 0; received tau={tau}.")
        if segmentation_error not in ("window", "binned"):
            raise ValueError(
                'Expected segmentation_error="window" or "binned"; received '
                f"{segmentation_error!r}."
            )
        self.alpha = alpha
        self.beta = beta
        self.segmentation_error = segmentation_error
        self.window = window
        self.dilation = dilation
        self.tau = tau
        self.num_classes = num_classes
        self.bins = bins
        self.depth_range = depth_range
        self.momentum = momentum
        self.class_depth_errors = None
        if segmentation_error == "binned":
            if num_classes is None or depth_range is None:
                raise ValueError(
                    'segmentation_error="binned" needs num_classes and depth_range=(nearest, '
                    f"farthest) in metres; received num_classes={num_classes}, "
                    f"depth_range={depth_range}."
                )
            self.class_depth_errors = ClassDepthErrors(num_classes, bins, depth_range, momentum)

    @property
    def uses_depth_prediction(self):
        return self.alpha > 0

    def measurements(self, maps, labels, depth, depth_pred, main_output, training):
        error, valid = maps["segmentation_error"], maps["valid"]
        measured = {}
        if self.alpha > 0:
            dpe = depth_prediction_error(depth_pred, depth, valid)
            measured["depth_prediction_error"] = dpe
        if self.beta > 0:
            dse = self._segmentation_error(error, valid, labels, depth, main_output, training)
            measured["depth_aware_segmentation_error"] = dse
        shares = {"depth_prediction_error": self.alpha, "depth_aware_segmentation_error": self.beta}
        total = sum(shares[name] * values for name, values in measured.items())
        return {**measured, "hardness": total / (self.alpha + self.beta)}

    def _segmentation_error(self, error, valid, labels, depth, main_output, training):
        if self.class_depth_errors is None:
            return depth_aware_segmentation_error(
                error, depth, valid, self.window, self.dilation, self.tau
            )
        if training and main_output:
            self.class_depth_errors.update(error, labels, depth)
        return self.class_depth_errors(labels, depth)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "beta": self.beta,
            "segmentation_error": self.segmentation_error,
            "window": self.window,
            "dilation": self.dilation,
            "tau": self.tau,
            "num_classes": self.num_classes,
            "bins": self.bins,
            "depth_range": self.depth_range,
            "momentum": self.momentum,
        }
