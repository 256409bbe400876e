"""Trained models out of training: exported to files, and asked for predictions."""

from keras_lwm.deployment.export import export_segmenter
from keras_lwm.deployment.predictor import Predictor

__all__ = ["Predictor", "export_segmenter"]
