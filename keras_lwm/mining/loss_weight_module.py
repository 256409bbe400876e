"""The Loss Weight Module: from two measurements of hard pixels to a loss weight map."""

import keras
from keras import ops

from keras_lwm.mining.class_depth_errors import ClassDepthErrors, depth_limits
from keras_lwm.mining.measures import (
    EPSILON,
    depth_aware_segmentation_error,
    depth_prediction_error,
    image_mean,
)
from keras_lwm.mining.weighting import Weighting
from keras_lwm.option_values import real, whole
from keras_lwm.tensors import Tensor
from keras_lwm.void import void_id


class HardnessWeighting(Weighting):
    """A weighting by hardness h, not negative, which a subclass measures; 1 is an average pixel.

        W = clip(h ** (c strength), floor, ceiling)

    scaled to mean 1 over each image's valid pixels (this project's own formula).

    Args:
        strength: the exponent at c = 1: at 0.5, twice as hard a pixel weighs 1.4 times as much.
        floor, ceiling: least and greatest weight before the scaling, 0 <= floor <= 1 <= ceiling.
    """

    def __init__(self, strength=0.5, floor=0.1, ceiling=4.0, **kwargs):
        super().__init__(strength=strength, **kwargs)
        self.floor = real("floor", floor, most=1.0)
        self.ceiling = real("ceiling", ceiling, least=1.0)

    def raw_weight(self, maps) -> Tensor:
        exponent = self.coefficient * self.strength
        weight = ops.exp(exponent * ops.log(ops.maximum(maps["hardness"], EPSILON)))
        return ops.clip(weight, self.floor, self.ceiling)

    def get_config(self) -> dict:
        return {**super().get_config(), "floor": self.floor, "ceiling": self.ceiling}


GATHERINGS = ("binned", "distance", "window")


def beside_average(measured, valid) -> Tensor:
    """A measurement as a multiple of its image's mean over the valid pixels; 1 where that is 0."""
    mean = image_mean(measured, valid)
    return ops.where(mean > 0, measured / ops.where(mean > 0, mean, 1.0), 1.0)


@keras.saving.register_keras_serializable(package="keras_lwm")
class LossWeightModule(HardnessWeighting):
    """The Loss Weight Module (LWM) of depth-privileged segmentation.

    Hardness is a product of two measurements, each beside its image's average: the Depth Prediction
    Error (DPE) and the Depth-aware Segmentation Error (DSE),

        h = (DPE / mean DPE) ** alpha * (DSE / mean DSE) ** beta

    `HardnessWeighting` says how it becomes a weight, `Weighting` how the layer is called. From Gu,
    Niu, Zhao, Zhang, *Hard Pixel Mining for Depth Privileged Semantic Segmentation* (IEEE TMM
    2021), whose abstract fixes the two measurements and their use; the formulas are this project's
    own, chosen by measurement, see docs/method.md.

    Args:
        alpha, beta: exponents of DPE and DSE, not negative, not both 0. With `alpha=0` no predicted
            depth is needed.
        strength, floor, ceiling: see `HardnessWeighting`.
        gathering: `"binned"`, both errors as running means over the pixel's class at its distance;
            `"distance"`, over its distance alone, whatever its class; or `"window"`: the DPE is the
            pixel's own, and the segmentation error is gathered over a window from pixels at a like
            depth.
        window, dilation, tau: of the window, see `depth_aware_segmentation_error`.
        bins, depth_range, momentum: of the bins, see `ClassDepthErrors`; with `bins=1` the distance
            does not matter.

    The bins are fed by calls with `main_output=True, training=True` alone, before the call looks
    them up, and are used by every output.

    Examples:
        >>> module = LossWeightModule(depth_range=(0.7, 10.0))
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
        gathering="binned",
        window=5,
        dilation=1,
        tau=0.1,
        bins=8,
        depth_range=(0.5, 80.0),
        momentum=0.95,
        **kwargs,
    ):
        super().__init__(strength=strength, floor=floor, ceiling=ceiling, **kwargs)
        self.alpha = real("alpha", alpha)
        self.beta = real("beta", beta)
        if self.alpha + self.beta == 0:
            raise ValueError("Expected alpha or beta above 0; received alpha=0, beta=0.")
        self.tau = real("tau", tau)
        if self.tau == 0:
            raise ValueError(f"Expected tau above 0; received tau={tau}.")
        if gathering not in GATHERINGS:
            raise ValueError(
                f"Expected gathering to be one of {', '.join(GATHERINGS)}; received {gathering!r}."
            )
        self.gathering = gathering
        self.window = whole("window", window)
        self.dilation = whole("dilation", dilation)
        self.bins = whole("bins", bins)
        self.depth_range = depth_limits(depth_range)
        self.momentum = real("momentum", momentum)
        self.binned_prediction_error = None
        self.binned_segmentation_error = None
        self.num_classes = None
        self.built = False

    def build(self, logits_shape) -> None:
        if self.gathering != "window":
            self.num_classes = logits_shape[-1]
            rows = self.num_classes if self.gathering == "binned" else 1
            options = (rows, self.bins, self.depth_range, self.momentum)
            if self.alpha > 0:
                self.binned_prediction_error = ClassDepthErrors(*options)
            if self.beta > 0:
                self.binned_segmentation_error = ClassDepthErrors(*options)
        self.built = True

    @property
    def uses_depth_prediction(self) -> bool:
        """Whether the DPE takes part."""
        return self.alpha > 0

    def measurements(
        self, maps, labels, depth, depth_pred, main_output, training
    ) -> dict[str, Tensor]:
        error, valid = maps["segmentation_error"], maps["valid"]
        binned = self.gathering != "window"
        if self.gathering == "distance":
            labels = ops.where(ops.squeeze(valid, -1) > 0, 0, void_id(self.num_classes))
        bins_input = labels, depth, training and main_output
        measured, hardness = {}, 1.0
        if self.alpha > 0:
            dpe = depth_prediction_error(depth_pred, depth, valid)
            if binned:
                dpe = _recalled(self.binned_prediction_error, dpe, *bins_input)
            measured["depth_prediction_error"] = dpe
            hardness *= beside_average(dpe, valid) ** self.alpha
        if self.beta > 0:
            if binned:
                dse = _recalled(self.binned_segmentation_error, error, *bins_input)
            else:
                dse = depth_aware_segmentation_error(
                    error, depth, valid, self.window, self.dilation, self.tau
                )
            measured["depth_aware_segmentation_error"] = dse
            hardness *= beside_average(dse, valid) ** self.beta
        return {**measured, "hardness": hardness}

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "beta": self.beta,
            "gathering": self.gathering,
            "window": self.window,
            "dilation": self.dilation,
            "tau": self.tau,
            "bins": self.bins,
            "depth_range": self.depth_range,
            "momentum": self.momentum,
        }


def _recalled(bins, error, labels, depth, feed):
    if feed:
        bins.update(error, labels, depth)
    return bins(labels, depth)
