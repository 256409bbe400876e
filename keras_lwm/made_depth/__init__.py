"""Depth where there is no sensor: made by a monocular model, kept apart from what was measured.

    estimator = open_estimator("runs/mine")
    for name in make_depth("FOLDER", estimator, FolderOptions(depth_unit=0.001)):
        print(name)

Made depth lies in `FOLDER/made_depth`, never in `FOLDER/depth`, and says by which model.
"""

from keras_lwm.made_depth.estimators import open_estimator
from keras_lwm.made_depth.files import made_by
from keras_lwm.made_depth.making import make_depth
from keras_lwm.made_depth.scale_shift import fit_scale_shift

__all__ = ["fit_scale_shift", "made_by", "make_depth", "open_estimator"]
