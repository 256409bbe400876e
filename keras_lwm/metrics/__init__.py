"""Scores of segmentations and of predicted depth."""

from keras_lwm.metrics.confusion import ConfusionMatrix
from keras_lwm.metrics.depth import DepthErrors
from keras_lwm.metrics.scores import segmentation_scores

__all__ = ["ConfusionMatrix", "DepthErrors", "segmentation_scores"]
