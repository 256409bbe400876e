"""keras_lwm: segmentation networks for plain RGB, trained with depth as privileged information.

The names here need Keras, one of its backends, NumPy and Pillow alone. `keras_lwm.datasets`,
`keras_lwm.pipeline` and `keras_lwm.report` need an extra each and are imported by name.
"""

from keras_lwm.extras import import_of_keras

with import_of_keras():
    import keras  # noqa: F401

from keras_lwm.augmentation import Augmentation
from keras_lwm.deployment import Predictor, export_segmenter
from keras_lwm.example import load_example, load_example_frame
from keras_lwm.mining import (
    CurriculumCallback,
    ErrorWindowWeighting,
    FocalWeighting,
    LossWeightModule,
    OnlineHardExampleMining,
    PixelErrorWeighting,
    ShuffledWeighting,
    UniformWeighting,
    depth_aware_segmentation_error,
    depth_prediction_error,
)
from keras_lwm.networks import RefineNet, attach_depth_branch, segmenter
from keras_lwm.training import DepthPrivilegedModel

__version__ = "0.1.0"

__all__ = [
    "Augmentation",
    "CurriculumCallback",
    "DepthPrivilegedModel",
    "ErrorWindowWeighting",
    "FocalWeighting",
    "LossWeightModule",
    "OnlineHardExampleMining",
    "PixelErrorWeighting",
    "Predictor",
    "RefineNet",
    "ShuffledWeighting",
    "UniformWeighting",
    "attach_depth_branch",
    "depth_aware_segmentation_error",
    "depth_prediction_error",
    "export_segmenter",
    "load_example",
    "load_example_frame",
    "segmenter",
]
