"""Pictures of a run."""

from keras_lwm.report.prediction_sheet import prediction_sheet
from keras_lwm.report.training_sheet import training_sheet

__all__ = ["prediction_sheet", "training_sheet"]
