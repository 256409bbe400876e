"""An experiment from its options: network, objective, optimiser, training, scores and pictures.

Nothing here imports TensorFlow before `train` or `report` reads a data set.
"""

from keras_lwm.experiment.model import (
    CURRICULUM,
    NETWORK,
    OBJECTIVE,
    OPTIMIZER,
    WEIGHTING,
    compiled_model,
    dtype_policy,
    fit,
    given,
    new_augmentation,
    new_model,
    new_optimizer,
    new_weighting,
    weighting_options,
)
from keras_lwm.experiment.run import LITERATURE, SINGLE_SCALE, SUBSETS, report, train

__all__ = [
    "CURRICULUM",
    "LITERATURE",
    "NETWORK",
    "OBJECTIVE",
    "OPTIMIZER",
    "SINGLE_SCALE",
    "SUBSETS",
    "WEIGHTING",
    "compiled_model",
    "dtype_policy",
    "fit",
    "given",
    "new_augmentation",
    "new_model",
    "new_optimizer",
    "new_weighting",
    "report",
    "train",
    "weighting_options",
]
