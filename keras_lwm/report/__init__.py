"""Pictures of a run."""

from keras_lwm.report.sheets import hard_pixel_maps, prediction_sheet, training_sheet

__all__ = ["hard_pixel_maps", "prediction_sheet", "training_sheet"]
