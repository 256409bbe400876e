"""One folder that holds everything a training leaves behind, and from which it can be resumed."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import keras

from keras_lwm import replicas
from keras_lwm.atomic_write import as_read_back, atomic_write, write_json
from keras_lwm.description import Description
from keras_lwm.extras import install, missing_packages
from keras_lwm.local_paths import local_path
from keras_lwm.option_values import whole
from keras_lwm.run_folder.board import Board, WriteScalars
from keras_lwm.run_folder.checkpoints import (
    CheckpointFolder,
    Position,
    read_arrays,
    read_progress_of,
)
from keras_lwm.run_folder.disk import check_room, writing_to
from keras_lwm.run_folder.history import LogLearningRate, WriteHistory
from keras_lwm.run_folder.lock import lock_folder
from keras_lwm.run_folder.models import SaveBest, SaveLast, read_progress
from keras_lwm.run_folder.same_run import check_data, read_options
from keras_lwm.run_folder.state import later_state, restore_state, state_bytes
from keras_lwm.run_folder.stopping import StopSignals
from keras_lwm.run_folder.training import Interval, SaveCheckpoints, fit_from

_FILES = {
    "options_path": "options.json",
    "last_model_path": "last.keras",
    "best_model_path": "best.keras",
    "checkpoints_path": "checkpoints",
    "history_path": "history.csv",
    "tensorboard_path": "tensorboard",
    "scores_path": "scores",
    "training_samples_path": "training_samples.png",
    "predictions_path": "predictions.png",
    "report_path": "report",
    "page_path": "report.html",
}
_COMMAND = "command.txt"


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
    | `checkpoints_path`      | `checkpoints/`: the last states, within epochs too, to go on from |
    | `history_path`          | `history.csv`: the logs, a line an epoch |
    | `tensorboard_path`      | `tensorboard/`: the same for TensorBoard, and pictures |
    | `scores_path`           | `scores/`: test scores, a folder a view |
    | `training_samples_path` | `training_samples.png`: a few augmented training samples |
    | `predictions_path`      | `predictions.png`: a few test images, and what is made of them |
    | `report_path`           | `report/`: pictures and numbers for the page beside it |
    | `page_path`             | `report.html`: all of it to look at |

    Files are replaced whole: a run that is killed at any moment leaves its last checkpoints, and
    `RunFolder(path, resume=True)` goes on from the newest of them:

        run = RunFolder(out, options, resume)
        model = build()
        run.begin(class_names, palette)
        run.fit(model, batches, steps_per_epoch, epochs)

    With data that depend on epoch and step alone, on the same backend and one CPU, it comes to the
    same weights, optimiser state and history, bit by bit, as a run that was never interrupted. What
    callbacks of one's own remember between epochs starts anew. Nothing depends on the clock.

    Args:
        path: the folder; created by `begin` where it does not exist.
        options: a dictionary of plain values. With `resume`, the options that were asked for anew,
            if any: they must equal the recorded ones.
        resume: go on with the run that `path` holds.
        save_every: how often to save a checkpoint within an epoch: `500` steps, or `"10m"`, ten
            minutes. At each epoch's end there is one anyway.
        keep_last: number of checkpoints to keep.
        process: which of how many processes that train together this one is, from 0. The first
            alone writes; the others read the checkpoint that they go on from.
        command: what started the run, kept as `command.txt` for whoever repeats it.

    Attributes:
        options: the run's options; with `resume`, as recorded.
        leads: whether this process writes.
        board: the `Board` of the training's part of `tensorboard_path`, for callbacks that have
            something to show there; None where TensorBoard is not installed, or another process
            writes.
        seconds: how long `fit` took; None before.
        initial_epoch, initial_step: where it goes on: number of completed epochs, and of steps of
            the next one; 0, 0 where nothing is saved.

    Raises:
        ValueError: if the folder holds a run already, or, with `resume`, holds none, or one of
            other options, or checkpoints of which none can be read, or one that another process is
            in. A checkpoint that cannot be read is named by a warning where one before it can.
    """

    def __init__(
        self,
        path,
        options=None,
        resume=False,
        save_every="10m",
        keep_last=3,
        process=(0, 1),
        command="",
    ):
        self.path = local_path(path)
        index, count = process
        self.leads = index == 0
        self._alone = count == 1
        self.description = None
        self.keep_last = whole("keep_last", keep_last)
        self._save_every = save_every
        self._command = command
        Interval(save_every)
        for attribute, name in _FILES.items():
            setattr(self, attribute, self.path / name)
        self._checkpoints = CheckpointFolder(self.checkpoints_path, self.keep_last)
        self._checkpoint = None
        self._progress = {"epochs": 0, "steps": 0}
        self._data = None
        self._lock = None
        self.seconds = None
        if resume:
            self._resume(options or {})
        else:
            self._start(options or {})
        self.board = self._new_board("train")
        self._validation_board = self._new_board("validation")

    def _new_board(self, name):
        if not self.leads or missing_packages("tensorboard"):
            return None
        return Board(self.tensorboard_path / name, self.initial_epoch)

    @property
    def initial_epoch(self) -> int:
        """Number of completed epochs, where the run goes on."""
        return self._progress["epochs"]

    @property
    def initial_step(self) -> int:
        """Number of completed steps of the next epoch."""
        return self._progress["steps"]

    @property
    def best(self) -> dict | None:
        """Of the best model so far `epochs`, the number of completed ones, and the `value` of
        `monitor` that it reached; None where there is none that can be read."""
        try:
            return read_progress(self.best_model_path)
        except (ValueError, OSError):
            return None

    def _start(self, options):
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"Expected a folder for the run; received the file {self.path}.")
        self._refuse_another_run()
        self.options = as_read_back(options)

    def _refuse_another_run(self):
        if not self.leads:
            return  # The one that leads may have begun its own.
        found = [name for name in _FILES.values() if (self.path / name).exists()]
        if found:
            raise ValueError(
                f"{self.path} holds another run ({', '.join(found)}): go on with it by --resume, "
                f"or choose another folder by --out."
            )

    def _resume(self, options):
        self.options = read_options(self.options_path, options)
        self._take_lock()
        self._find_checkpoint()

    def _take_lock(self):
        if not self.leads:
            return
        with writing_to(self.path):
            self._lock = lock_folder(self.path)

    def _find_checkpoint(self):
        path, unreadable = self._checkpoints.newest_readable()
        sentence = "; ".join(unreadable)
        if path is None and unreadable:
            raise ValueError(f"{sentence}: there is no other checkpoint to go on from.")
        if path is None and self.last_model_path.exists() and not self.checkpoints_path.is_dir():
            raise ValueError(
                f"Expected the checkpoints of a run in {self.checkpoints_path}, to go on from; "
                f"found {self.last_model_path.name} alone."
            )
        if unreadable:
            warnings.warn(f"{sentence}: going on from {path.name}.", stacklevel=4)
        if path is not None:
            self._checkpoint = path
            self._progress = read_progress_of(path)

    def begin(self, class_names, palette, data: Mapping | None = None) -> "RunFolder":
        """Creates the folder and writes the options, where it is a new run; returns the run.

        Only now, so that a run refused for its options or its data leaves no folder behind. Every
        model saved from now on says what its classes are, and the options it was trained with.

        Args:
            class_names: one name a class.
            palette: one RGB triple, 0 to 255, a class.
            data: plain values that say what the run is trained on. A resumed run must be trained on
                the same.

        Raises:
            ValueError: the data are others than before the run was interrupted, or another process
                is in the folder, or it cannot be written to.
        """
        self.description = Description(class_names, palette, self.options)
        self._data = as_read_back(data or {})
        check_data(self.path, self._progress.get("data", self._data), self._data)
        if not self.leads:
            return self
        if self._lock is None:
            with writing_to(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self._refuse_another_run()  # One that has begun meanwhile.
            with writing_to(self.path):
                self._write_command()
        with writing_to(self.path):
            # Of a resumed run, what it takes from elsewhere may have moved.
            write_json(self.options_path, self.options)
            self.checkpoints_path.mkdir(exist_ok=True)
        return self

    def _write_command(self):
        if self._command:
            with atomic_write(self.path / _COMMAND) as partial:
                partial.write_text(self._command + "\n", encoding="utf-8")

    def fit(
        self,
        model: keras.Model,
        batches: Callable,
        steps_per_epoch: int,
        epochs: int,
        *,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        monitor: str = "val_mean_iou",
        mode: str = "max",
        validation_data=None,
        **settings,
    ) -> keras.callbacks.History:
        """Trains from where the run was interrupted, or from the begin, and keeps all of it.

        While it trains, SIGINT (Ctrl-C) and SIGTERM end the step, save, and raise a
        `TrainingStopped`, which is a `KeyboardInterrupt`; a second one acts at once. They end one
        of several processes at once, which cannot stop after the same step: the run goes on from
        its last checkpoint.

        Args:
            model: compiled, and built as it was when the run began; its state is restored.
            batches: function from an epoch and a step in it to endless batches from there on, as
                `keras.Model.fit` takes them, such as
                `lambda epoch, step: ArrayBatches(..., initial_epoch=epoch, initial_step=step)`.
            steps_per_epoch: how many of them make an epoch.
            epochs: number of epochs of the whole run.
            callbacks: further ones, called before the run's own.
            monitor: the log that decides which model is the best.
            mode: "max" or "min": what is best of `monitor`.
            validation_data, **settings: further arguments of `fit`.

        TensorBoard needs the extra `tensorflow`; without it, it is left out, with a warning.

        Raises:
            ValueError: the checkpoint is not of such a model, or of epochs of another length, or
                there is too little room on the disk.
            OSError: something could not be saved; what was saved before is whole.
            TrainingStopped: by a signal.
        """
        if self.description is None:
            raise ValueError(f"Expected begin() before fit() of the run in {self.path}.")
        start = Position(self.initial_epoch, self.initial_step)
        if start.steps and self._progress["steps_per_epoch"] != steps_per_epoch:
            raise ValueError(
                f"The run in {self.path} was interrupted in an epoch of "
                f"{self._progress['steps_per_epoch']} steps; received {steps_per_epoch} steps."
            )
        later = self._restore(model)
        if self.leads:
            self._check_room(model)
        facts = {**_computed_by(model), "data": self._data}
        writers = self._writers(monitor, mode) if self.leads else []
        begun = time.monotonic()
        with StopSignals(self._alone) as stop, writing_to(self.path):
            save = SaveCheckpoints(
                self._checkpoints if self.leads else None,
                Interval(self._save_every),
                facts,
                stop,
                steps_per_epoch,
                validation_data is not None,
                start,
                later,
            )
            try:
                history = fit_from(
                    model,
                    start,
                    batches,
                    steps_per_epoch,
                    epochs,
                    [*callbacks, *writers, save],
                    validation_data=validation_data,
                    **settings,
                )
                save.wait()
            finally:
                save.close()
        self.seconds = time.monotonic() - begun
        return history

    def _restore(self, model):
        """Sets the model's state; returns the arrays that are to be set later, None for a new run.

        What lies beyond the checkpoint, and cannot be read, is put aside.
        """
        if self.leads:
            self._checkpoints.clean_beyond(Position(self.initial_epoch, self.initial_step))
        if self._checkpoint is None:
            return None
        arrays = read_arrays(self._checkpoint)
        try:
            restore_state(model, arrays)
        except ValueError as error:
            raise ValueError(f"{self._checkpoint} does not fit the model: {error}") from error
        before = {name: self._progress[name] for name in ("backend", "devices")}
        if before != (now := _computed_by(model)):
            warnings.warn(
                f"The run in {self.path} was computed by {before['backend']} on "
                f"{before['devices']} device(s) and goes on by {now['backend']} on "
                f"{now['devices']}: from here on its numbers are no longer those of an "
                "uninterrupted run bit by bit.",
                stacklevel=3,
            )
        return later_state(arrays)

    def _check_room(self, model):
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        # All checkpoints and one that is being written; best, last, and one that is being written.
        needed = (self.keep_last + 4) * state_bytes(model)
        files = [*self._checkpoints.paths(), self.best_model_path, self.last_model_path]
        check_room(self.path, needed, files)

    def _writers(self, monitor, mode) -> list[keras.callbacks.Callback]:
        """The callbacks that write history, TensorBoard, best and last model."""
        writers = [LogLearningRate(), WriteHistory(self.history_path, self.initial_epoch)]
        missing = missing_packages("tensorboard")
        if missing:
            warnings.warn(
                f"The run writes its history as CSV alone: for TensorBoard it needs {missing}, not "
                f"installed here: {install('tensorflow')}.",
                stacklevel=3,
            )
        else:
            writers.append(WriteScalars(self.board, self._validation_board))
        best = SaveBest(self.best_model_path, self.description, monitor, mode)
        return [*writers, best, SaveLast(self.last_model_path, self.description)]


def _computed_by(model):
    """The backend, and how many devices take part in a step."""
    devices = replicas.number_of(model)
    if (distribution := keras.distribution.distribution()) is not None:
        devices = int(distribution.device_mesh.devices.size)
    return {"backend": keras.backend.backend(), "devices": devices}
