"""Run folders: where a training keeps its options, models, history, scores and pictures.

A run that is killed at any moment goes on, resumed, to the very numbers that it would have come to.
"""

from keras_lwm.run_folder.folder import RunFolder, find_run_model
from keras_lwm.run_folder.stopping import TrainingStopped

__all__ = ["RunFolder", "TrainingStopped", "find_run_model"]
