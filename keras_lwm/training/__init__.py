"""Training: losses, the objective, the model, and one thin step for each backend."""

from keras_lwm.training.model import DepthPrivilegedModel
from keras_lwm.training.objective import (
    depth_loss,
    plain_objective,
    privileged_objective,
    segmentation_loss,
)
from keras_lwm.training.progress import ProgressLine
from keras_lwm.training.schedules import PolynomialDecay

__all__ = [
    "DepthPrivilegedModel",
    "PolynomialDecay",
    "ProgressLine",
    "depth_loss",
    "plain_objective",
    "privileged_objective",
    "segmentation_loss",
]
