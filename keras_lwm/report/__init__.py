"""Pictures of a run, and its page."""

from keras_lwm.extras import imports_of

with imports_of("report", "Drawing (keras_lwm.report)"):
    import matplotlib  # noqa: F401

from keras_lwm.report.bins import keep_bins
from keras_lwm.report.hard_frames import FrameScores, choose_frames, keep_frames
from keras_lwm.report.sheets import hard_pixel_maps, prediction_sheet, training_sheet
from keras_lwm.report.weight_maps import KeepWeightMaps

__all__ = [
    "FrameScores",
    "KeepWeightMaps",
    "choose_frames",
    "hard_pixel_maps",
    "keep_bins",
    "keep_frames",
    "prediction_sheet",
    "training_sheet",
]
