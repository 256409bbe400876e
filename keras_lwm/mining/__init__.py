"""The mission: measuring hard pixels by depth, and weighting the segmentation loss by them."""

from keras_lwm.mining.class_depth_errors import ClassDepthErrors
from keras_lwm.mining.curriculum import CurriculumCallback, curriculum_coefficient
from keras_lwm.mining.loss_weight_module import HardnessWeighting, LossWeightModule
from keras_lwm.mining.measures import (
    cross_entropy,
    depth_aware_segmentation_error,
    depth_prediction_error,
    segmentation_error,
)
from keras_lwm.mining.rivals import (
    ErrorWindowWeighting,
    FocalWeighting,
    OnlineHardExampleMining,
    PixelErrorWeighting,
    ShuffledWeighting,
    UniformWeighting,
)
from keras_lwm.mining.weighting import Weighting

WEIGHTINGS = {
    "lwm": LossWeightModule,
    "uniform": UniformWeighting,
    "focal": FocalWeighting,
    "ohem": OnlineHardExampleMining,
    "pixel_error": PixelErrorWeighting,
    "error_window": ErrorWindowWeighting,
    "shuffled": ShuffledWeighting,
}
"""The weightings by the name that `get` and `--weighting` take."""


def get(weighting, **options) -> Weighting:
    """The weighting of this name, built with `options`; a `Weighting` is returned as it is.

    Raises:
        ValueError: where no weighting has this name; the message lists those there are.
    """
    if isinstance(weighting, Weighting) and not options:
        return weighting
    if weighting not in WEIGHTINGS:
        raise ValueError(
            f"Expected a weighting among {', '.join(sorted(WEIGHTINGS))}; received {weighting!r}."
        )
    return WEIGHTINGS[weighting](**options)


__all__ = [
    "WEIGHTINGS",
    "ClassDepthErrors",
    "CurriculumCallback",
    "ErrorWindowWeighting",
    "FocalWeighting",
    "HardnessWeighting",
    "LossWeightModule",
    "OnlineHardExampleMining",
    "PixelErrorWeighting",
    "ShuffledWeighting",
    "UniformWeighting",
    "Weighting",
    "cross_entropy",
    "curriculum_coefficient",
    "depth_aware_segmentation_error",
    "depth_prediction_error",
    "get",
    "segmentation_error",
]
