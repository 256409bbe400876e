"""Depth where there is no sensor: made by a monocular model, kept apart from what was measured.

    estimator = open_estimator("runs/mine")
    for name in make_depth("FOLDER", estimator, depth_unit=0.001):
        print(name)

Made depth lies in `FOLDER/made_depth`, never in `FOLDER/depth`, and says by which model.
"""

from keras_lwm.made_depth.alignment import Alignment, fit_alignment
from keras_lwm.made_depth.estimators import open_estimator
from keras_lwm.made_depth.files import MadeDepth, made_by, read_record
from keras_lwm.made_depth.making import make_depth

__all__ = [
    "Alignment",
    "MadeDepth",
    "fit_alignment",
    "made_by",
    "make_depth",
    "open_estimator",
    "read_record",
]
