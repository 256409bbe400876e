"""The models that a run leaves for use: files that are never half-written and know their classes.

Progress and description travel inside the `.keras` file (a zip archive), as small entries that
Keras does not read. So model and progress are replaced in the same instant, and whoever is given
the file alone knows the classes. A run does not go on from them, but from its checkpoints.
"""

import json
import math
import warnings
import zipfile

import keras

from keras_lwm.atomic_write import atomic_write
from keras_lwm.description import Description

_PROGRESS = "keras_lwm_progress.json"
_DESCRIPTION = "keras_lwm_description.json"


def save_model(model, path, progress, description) -> None:
    """Saves `model` with optimiser to `path` (.keras), and what is known of it.

    Args:
        progress: a dictionary of plain values.
        description: a `Description` of its classes.
    """
    with atomic_write(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(_PROGRESS, json.dumps(progress, allow_nan=False))
            archive.writestr(_DESCRIPTION, description.as_json())


def read_progress(path) -> dict:
    """Reads the `progress` of a file that `save_model` wrote.

    Raises:
        ValueError: if the file is not such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_PROGRESS))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"Expected a model saved by a training run, with its progress; received {path}, which "
            f"cannot be read as one ({error})."
        ) from error


def read_description(path) -> Description | None:
    """Reads the `Description` inside a `.keras` file; None where it has none.

    Raises:
        ValueError: if the file is no `.keras` file, or its description cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if _DESCRIPTION not in archive.namelist():
                return None
            text = archive.read(_DESCRIPTION).decode("utf-8")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError(f"Expected a .keras file; received {path} ({error}).") from error
    return Description.from_json(text, path)


class SaveLast(keras.callbacks.Callback):
    """Saves the model after every epoch, over the one of the epoch before.

    Its progress is `epochs`, the number of completed ones.

    Args:
        path: where to save, ending in `.keras`.
        description: a `Description` of the classes, saved with the model.
    """

    def __init__(self, path, description):
        super().__init__()
        self.path = path
        self.description = description

    def on_epoch_end(self, epoch, logs=None) -> None:
        save_model(self.model, self.path, {"epochs": epoch + 1}, self.description)


class SaveBest(keras.callbacks.Callback):
    """Saves the model after each epoch that betters all before, those before a resume included.

    Its progress is `epochs` and the `value` of `monitor` that the saved model reached.

    Args:
        path: where to save, ending in `.keras`; a model found there is the one to better. One that
            cannot be read is named by a warning, and replaced.
        description: a `Description` of the classes, saved with the model.
        monitor: name of the log to watch.
        mode: "max" or "min".
    """

    def __init__(self, path, description, monitor, mode="max"):
        super().__init__()
        if mode not in ("max", "min"):
            raise ValueError(f'Expected mode "max" or "min"; received {mode!r}.')
        self.path = path
        self.monitor = monitor
        self.mode = mode
        self.description = description
        self.best = self._value_before()

    def _value_before(self):
        if not self.path.exists():
            return None
        try:
            return read_progress(self.path)["value"]
        except (ValueError, KeyError, OSError) as error:
            warnings.warn(
                f"{self.path} cannot be read ({error}): the best of the epochs still to come "
                "replaces it.",
                stacklevel=2,
            )
            return None

    def on_epoch_end(self, epoch, logs=None) -> None:
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
            save_model(self.model, self.path, progress, self.description)
            self.best = value

    def _betters(self, value):
        if self.best is None:
            return True
        return value > self.best if self.mode == "max" else value < self.best
