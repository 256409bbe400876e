"""Pictures of a run."""

from keras_lwm.report.hard_pixels import hard_pixel_maps
from keras_lwm.report.prediction_sheet import prediction_sheet
from keras_lwm.report.training_sheet import training_sheet

__all__ = ["hard_pixel_maps", "prediction_sheet", "training_sheet"]
