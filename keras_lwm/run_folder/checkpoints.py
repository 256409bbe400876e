"""Saving a model together with the training's progress, in one file that is never half-written.

The progress travels inside the `.keras` file (a zip archive), as one more small entry that Keras
does not read. So model and progress are replaced in the same instant: a run that is killed between
any two instructions resumes at the epoch that its model has really reached.
"""

import json
import math
import zipfile

import keras

from keras_lwm.atomic_write import atomic_write

_ENTRY = "keras_lwm_progress.json"


def save_checkpoint(model, path, progress):
    """Saves `model` with optimiser to `path` (.keras), with the plain dictionary `progress`."""
    with atomic_write(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(_ENTRY, json.dumps(progress, allow_nan=False))


def read_progress(path):
    """Reads the `progress` of a file that `save_checkpoint` wrote.

    Raises:
        ValueError: if the file is not such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_ENTRY))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"Expected a model saved by a training run, with its progress; received {path}, which "
            f"cannot be read as one ({error})."
        ) from error


class SaveLast(keras.callbacks.Callback):
    """Saves the model after every epoch, over the one of the epoch before.

    Its progress is `epochs`, the number of completed ones. It belongs after the callbacks that
    write about an epoch: what they wrote of an epoch that was never saved can be dropped, while
    nothing could write it later.

    Args:
        path: where to save, ending in `.keras`.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        save_checkpoint(self.model, self.path, {"epochs": epoch + 1})


class SaveBest(keras.callbacks.Callback):
    """Saves the model after each epoch that betters all before, those before a resume included.

    Its progress is `epochs` and the `value` of `monitor` that the saved model reached.

    Args:
        path: where to save, ending in `.keras`; a model found there is the one to better.
        monitor: name of the log to watch.
        mode: "max" or "min".
    """

    def __init__(self, path, monitor, mode="max"):
        super().__init__()
        if mode not in ("max", "min"):
            raise ValueError(f'Expected mode "max" or "min"; received {mode!r}.')
        self.path = path
        self.monitor = monitor
        self.mode = mode
        self.best = read_progress(path)["value"] if path.exists() else None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.monitor not in logs:
            if self.monitor.startswith("val_") and not any(key.startswith("val_") for key in logs):
                return  # an epoch without validation
            raise ValueError(
                f"Expected a log named {self.monitor!r} to choose the best model by; received "
                f"{', '.join(sorted(logs))}."
            )
        value = float(logs[self.monitor])
        if math.isfinite(value) and self._betters(value):
            progress = {"epochs": epoch + 1, "monitor": self.monitor, "value": value}
            save_checkpoint(self.model, self.path, progress)
            self.best = value

    def _betters(self, value):
        if self.best is None:
            return True
        return value > self.best if self.mode == "max" else value < self.best
