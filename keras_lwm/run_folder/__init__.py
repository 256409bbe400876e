"""Run folders: where a training keeps its options, models, history, scores and pictures."""

from keras_lwm.run_folder.folder import RunFolder, find_run_model

__all__ = ["RunFolder", "find_run_model"]
