"""A training that goes on within an epoch, and leaves checkpoints from which it can."""

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import keras

from keras_lwm.run_folder.checkpoints import CheckpointFolder, Position
from keras_lwm.run_folder.state import (
    read_generators,
    read_state,
    restore_generators,
    restore_metrics,
)
from keras_lwm.run_folder.stopping import StopSignals, TrainingStopped


class Interval:
    """How often to save beside the epochs' ends: every so many steps, or minutes.

    Args:
        text: `"500"` or 500 for steps, `"10m"` or `"0.5m"` for minutes.
    """

    def __init__(self, text: str | int):
        steps = re.fullmatch(r"\d+", str(text))
        minutes = re.fullmatch(r"(\d+(?:\.\d+)?)m", str(text))
        if not (steps or minutes) or float((steps or minutes).group().rstrip("m")) == 0:
            raise ValueError(
                "Expected save_every as a number of steps, such as 500, or of minutes, such as "
                f"10m, above 0; received {text!r}."
            )
        self.steps = int(text) if steps else None
        self.seconds = 60 * float(minutes.group(1)) if minutes else None
        self._saved_steps = 0
        self._saved_at = time.monotonic()

    def due(self, steps: int) -> bool:
        """Whether it is time, after `steps` steps of the whole training."""
        if self.steps is not None:
            return steps // self.steps > self._saved_steps // self.steps
        return time.monotonic() - self._saved_at >= self.seconds

    def saved(self, steps: int) -> None:
        """Counts from now on."""
        self._saved_steps = steps
        self._saved_at = time.monotonic()


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves all state every so often, at each epoch's end, and where a signal asks to stop.

    The state is copied between two steps and written by another thread while the next ones run; a
    copy that is due before the last one is written waits for that. The callback belongs after
    all other callbacks: what they wrote of an epoch that was never saved can be written again,
    while nothing could write it later. Like `InputCheck` it has no method for a step's end, for
    which Keras would wait for the device after every step.

    Args:
        folder: where the checkpoints go; None where another process writes them.
        interval: how often within an epoch.
        facts: plain values for the progress of each.
        stop: the signals. They end the training by a `TrainingStopped`.
        steps_per_epoch: steps of an epoch.
        validates: whether epochs end in a validation; then their training is saved before it, but
            for its last step, so that to stop does not have to wait for the validation.
        start: where the training starts.
        later: `later_state` of the checkpoint there; None where the run begins.
    """

    def __init__(
        self,
        folder: CheckpointFolder | None,
        interval: Interval,
        facts: Mapping,
        stop: StopSignals,
        steps_per_epoch: int,
        validates: bool,
        start: Position,
        later: Mapping | None,
    ):
        super().__init__()
        self.folder = folder
        self.interval = interval
        self.facts = facts
        self.stop = stop
        self.steps_per_epoch = steps_per_epoch
        self.validates = validates
        self._start = start
        self._metrics = later if start.steps else None
        self._generators = later
        self._saved = start
        self._epoch = start.epochs
        self._steps_at_once = 1
        self._pool = ThreadPoolExecutor(1)
        self._writing: Future | None = None
        interval.saved(self._steps(start))

    def _steps(self, position):
        return position.epochs * self.steps_per_epoch + position.steps

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self._epoch = epoch
        # Under JAX `self.model` gives the state back to the model, too much for every step.
        self._steps_at_once = self.model.steps_per_execution
        if self._metrics is not None:
            # Only now has `fit` reset them.
            restore_metrics(self.model, self._metrics)
            self._metrics = None

    def on_train_batch_begin(self, batch, logs=None) -> None:
        if self._generators is not None:
            # Only now is the iterator made that draws from them.
            restore_generators(self._generators)
            self._generators = None
        position = Position(self._epoch, batch)
        if self._writing is not None and self._writing.done():
            self.wait()  # For what it may have raised.
        last = self.validates and batch + self._steps_at_once >= self.steps_per_epoch
        if self.stop.received or last or self.interval.due(self._steps(position)):
            self._save(position)
        self._end_if_asked_to()

    def on_test_batch_begin(self, batch, logs=None) -> None:
        self._end_if_asked_to()

    def on_epoch_end(self, epoch, logs=None) -> None:
        if self._start.steps and epoch == self._start.epochs:
            # Another `fit` begins here, see `fit_from`.
            self._generators = read_generators()
        self._save(Position(epoch + 1, 0))
        self._end_if_asked_to()

    def _save(self, position):
        if position == self._saved or self.folder is None:
            return
        self.wait()
        arrays = read_state(self.model)
        progress = {**position._asdict(), "steps_per_epoch": self.steps_per_epoch, **self.facts}
        self._writing = self._pool.submit(self.folder.save, position, arrays, progress)
        self._saved = position
        self.interval.saved(self._steps(position))

    def _end_if_asked_to(self):
        if self.stop.received:
            self.wait()
            raise TrainingStopped(
                f"Stopped by {self.stop.received.name}; saved after {self._saved.epochs} epochs "
                f"and {self._saved.steps} of {self.steps_per_epoch} steps in {self.folder.path}.",
                self.stop.received,
            )

    def wait(self) -> None:
        """Waits for the checkpoint that is being written; raises what that raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> None:
        """Waits for the thread that writes."""
        self._pool.shutdown()


class _OneTraining(keras.callbacks.CallbackList):
    """The callbacks of several calls of `fit` that are one training.

    It begins once and ends once, and steps are counted from the begin of their epoch, which Keras
    cannot: its `fit` begins at the first step of an epoch.
    """

    first_step = 0
    begun = False
    _last_logs = None

    def on_train_begin(self, logs=None):
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        self._last_logs = logs

    def end(self):
        super().on_train_end(self._last_logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self.first_step + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self.first_step + batch, logs)


@contextlib.contextmanager
def _unfinished(optimizer) -> Iterator[None]:
    """In the block, the end of a `fit` is not the end of the training, at which an optimiser with
    averages overwrites the weights."""
    optimizer.finalize_variable_values = lambda variables: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


def fit_from(
    model: keras.Model,
    start: Position,
    batches: Callable,
    steps_per_epoch: int,
    epochs: int,
    callbacks: Iterable[keras.callbacks.Callback],
    **settings,
) -> keras.callbacks.History:
    """Trains like one `fit` that can begin within an epoch.

    Args:
        model: compiled, with the state of `start`.
        start: completed epochs, and steps of the next.
        batches: function from an epoch and a step within it to endless batches from there on, as
            `fit` takes them.
        steps_per_epoch, epochs, callbacks, **settings: those of `fit`.
    """
    steps = model.steps_per_execution
    if steps_per_epoch % steps:
        raise ValueError(
            f"Expected steps_per_epoch to be a multiple of steps_per_execution, {steps}, or epochs "
            f"would not begin where their batches do; received steps_per_epoch={steps_per_epoch}."
        )
    calls = [(start, epochs)]
    if start.steps:
        following = Position(start.epochs + 1, 0)
        calls = [(start, following.epochs), (following, epochs)]
    together = _OneTraining(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=steps_per_epoch
    )
    model.stop_training = False
    with _unfinished(model.optimizer):
        for begin, end in calls:
            if begin.epochs < end and not model.stop_training:
                together.first_step = begin.steps
                model.fit(
                    batches(*begin),
                    steps_per_epoch=steps_per_epoch - begin.steps,
                    initial_epoch=begin.epochs,
                    epochs=end,
                    callbacks=together,
                    shuffle=False,
                    **settings,
                )
    if together.begun:
        model.optimizer.finalize_variable_values(model.trainable_weights)
        together.end()
    return model.history
