"""Pictures of a run."""

from keras_lwm.extras import imports_of

with imports_of("report", "Drawing (keras_lwm.report)"):
    import matplotlib  # noqa: F401

from keras_lwm.report.sheets import hard_pixel_maps, prediction_sheet, training_sheet

__all__ = ["hard_pixel_maps", "prediction_sheet", "training_sheet"]
