"""An experiment from its options: network, objective, optimiser, training, scores and pictures.

Nothing here imports TensorFlow before `train` or `report` reads a data set. Those two draw, so that
they cannot be imported without the extra `report`.
"""

from typing import TYPE_CHECKING

from keras_lwm.experiment.model import (
    CURRICULUM,
    NETWORK,
    OBJECTIVE,
    OPTIMIZER,
    WEIGHTING,
    compiled_model,
    dtype_policy,
    encoder_rates,
    fit,
    given,
    new_augmentation,
    new_model,
    new_optimizer,
    new_weighting,
    weighting_options,
)
from keras_lwm.experiment.scored import LITERATURE, SINGLE_SCALE, SUBSETS
from keras_lwm.experiment.teacher import open_teacher, teacher_file

if TYPE_CHECKING:
    from keras_lwm.experiment.run import report, train

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
    "encoder_rates",
    "fit",
    "given",
    "new_augmentation",
    "new_model",
    "new_optimizer",
    "new_weighting",
    "open_teacher",
    "report",
    "teacher_file",
    "train",
    "weighting_options",
]


def __getattr__(name):
    # At first use: the rest goes without the packages that draw.
    if name in ("report", "train"):
        from keras_lwm.experiment import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
