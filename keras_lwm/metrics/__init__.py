"""Scores of segmentations and of predicted depth."""

from keras_lwm.metrics.confusion import ConfusionMatrix
from keras_lwm.metrics.depth import DepthErrors
from keras_lwm.metrics.scores import class_scores, segmentation_scores

__all__ = ["ConfusionMatrix", "DepthErrors", "class_scores", "segmentation_scores"]
