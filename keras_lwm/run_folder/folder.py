"""One folder that holds everything a training leaves behind, and from which it can be resumed."""

import csv
import json
import warnings
from pathlib import Path

import keras

from keras_lwm.atomic_write import as_json, atomic_write, write_json
from keras_lwm.description import Description
from keras_lwm.extras import install, missing_packages
from keras_lwm.run_folder.checkpoints import SaveBest, SaveLast, read_progress


class WriteHistory(keras.callbacks.Callback):
    """Writes every epoch's logs as a line, the file being whole at any moment.

    Goes on with an existing file. Unlike `keras.callbacks.CSVLogger` it takes columns from their
    names, so that epochs with and without validation may mix, before a resume and after; a log that
    an epoch lacks is an empty cell. Column `epoch` counts from 0, as Keras does.

    Args:
        path: the CSV file.
        initial_epoch: lines of this epoch and later ones are dropped: they are of a run that was
            killed after it had written them and before it had saved the model.
    """

    def __init__(self, path, initial_epoch=0):
        super().__init__()
        self.path = path
        self.rows = []
        if path.exists():
            with open(path, newline="", encoding="utf-8") as file:
                self.rows = [
                    row for row in csv.DictReader(file) if int(row["epoch"]) < initial_epoch
                ]

    def on_epoch_end(self, epoch, logs=None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch, **values})
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with (
            atomic_write(self.path) as partial,
            open(partial, "w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)


_FILES = {
    "options_path": "options.json",
    "last_model_path": "last.keras",
    "best_model_path": "best.keras",
    "history_path": "history.csv",
    "tensorboard_path": "tensorboard",
    "scores_path": "scores",
    "training_samples_path": "training_samples.png",
    "predictions_path": "predictions.png",
}


def find_run_model(folder) -> Path | None:
    """The path of the best model in a run's folder, else of the last; None if there is neither."""
    paths = (Path(folder) / _FILES[name] for name in ("best_model_path", "last_model_path"))
    return next((path for path in paths if path.is_file()), None)


class RunFolder:
    """The folder of one training run.

    | attribute               | what it holds |
    | ----------------------- | --- |
    | `options_path`          | `options.json`: the options that the run was started with |
    | `last_model_path`       | `last.keras`: the model after the last completed epoch |
    | `best_model_path`       | `best.keras`: the model of the best epoch |
    | `history_path`          | `history.csv`: the logs, a line an epoch |
    | `tensorboard_path`      | `tensorboard/`: the same for TensorBoard |
    | `scores_path`           | `scores/`: test scores, a folder a view |
    | `training_samples_path` | `training_samples.png`: a few augmented training samples |
    | `predictions_path`      | `predictions.png`: a few test images, and what is made of them |

    Files are replaced whole: a run that is killed at any moment leaves the state after its last
    saved epoch, and `RunFolder(path, resume=True)` goes on from there:

        run = RunFolder(out, options, resume)
        model = keras.models.load_model(run.last_model_path) if run.initial_epoch else build()
        run.begin(class_names, palette)
        model.fit(..., initial_epoch=run.initial_epoch, callbacks=[..., *run.callbacks()])

    Args:
        path: the folder; created by `begin` where it does not exist.
        options: a dictionary of plain values. With `resume`, the options that were asked for anew,
            if any: they must equal the recorded ones.
        resume: go on with the run that `path` holds.

    Attributes:
        options: the run's options; with `resume`, as recorded.
        initial_epoch: number of epochs that `last_model_path` has completed; 0 where none is saved.

    Raises:
        ValueError: if the folder holds a run already, or, with `resume`, holds none, or one of
            other options, or a model that cannot be read.
    """

    def __init__(self, path, options=None, resume=False):
        self.path = Path(path)
        self.description = None
        for attribute, name in _FILES.items():
            setattr(self, attribute, self.path / name)
        if resume:
            self._resume(options or {})
        else:
            self._start(options or {})

    def _start(self, options):
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"Expected a folder for the run; received the file {self.path}.")
        found = [name for name in _FILES.values() if (self.path / name).exists()]
        if found:
            raise ValueError(
                f"{self.path} holds another run ({', '.join(found)}): go on with it by --resume, "
                f"or choose another folder by --out."
            )
        self.options = json.loads(as_json(options))
        self.initial_epoch = 0

    def _resume(self, options):
        if not self.options_path.exists():
            raise ValueError(
                f"Expected a run to resume in {self.path}; found no {self.options_path.name} there."
            )
        try:
            self.options = json.loads(self.options_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{self.options_path} is not readable as JSON ({error}).") from error
        for name, value in json.loads(as_json(options)).items():
            if name not in self.options or self.options[name] != value:
                raise ValueError(
                    f"The run in {self.path} was started with {name}={self.options.get(name)!r}; "
                    f"received {name}={value!r}: a run is resumed with its own options."
                )
        saved = self.last_model_path.exists()
        self.initial_epoch = read_progress(self.last_model_path)["epochs"] if saved else 0

    def begin(self, class_names, palette) -> "RunFolder":
        """Creates the folder and writes the options, where it is a new run; returns the run.

        Only now, so that a run refused for its options or its data leaves no folder behind. Every
        model saved from now on says what its classes are, and the options it was trained with.

        Args:
            class_names: one name a class.
            palette: one RGB triple, 0 to 255, a class.
        """
        self.description = Description(class_names, palette, self.options)
        if not self.options_path.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.options_path, self.options)
        return self

    def callbacks(self, monitor="val_mean_iou", mode="max") -> list[keras.callbacks.Callback]:
        """Returns the Keras callbacks that write history, TensorBoard, best and last model.

        They belong after every callback that adds to an epoch's logs. TensorBoard needs the
        extra `tensorflow`; without it, it is left out, with a warning.

        Args:
            monitor: the log that decides which model is the best.
            mode: "max" or "min": what is best of `monitor`.

        Raises:
            ValueError: before `begin`, which tells what the classes are.
        """
        if self.description is None:
            raise ValueError(f"Expected begin() before callbacks() of the run in {self.path}.")
        writers = [WriteHistory(self.history_path, self.initial_epoch)]
        missing = missing_packages("tensorflow", "tensorboard")
        if missing:
            warnings.warn(
                f"The run writes its history as CSV alone: for TensorBoard it needs {missing}, not "
                f"installed here: {install('tensorflow')}.",
                stacklevel=2,
            )
        else:
            board = keras.callbacks.TensorBoard(str(self.tensorboard_path), write_graph=False)
            writers.append(board)
        best = SaveBest(self.best_model_path, self.description, monitor, mode)
        # The last model last: only once it is saved does the epoch count as completed.
        return [*writers, best, SaveLast(self.last_model_path, self.description)]
