"""How far a training is: one block of lines in a terminal, and a line an epoch."""

import contextlib
import dataclasses
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import keras
from rich.console import Console

from keras_lwm.live_block import LiveBlock
from keras_lwm.peak_memory import peak_memory
from keras_lwm.training.progress_block import State, epoch_line, minute_line, progress_block
from keras_lwm.training.running_logs import running_logs

_RECENT = 30.0
"""Seconds that the speed is taken over."""


class ProgressLine(keras.callbacks.Callback):
    """Shows how far the training of a `DepthPrivilegedModel` is; for `fit(..., verbose=0)`.

    In a terminal or notebook one block of lines is drawn anew in its place: epoch and steps, time
    left, losses, mIoU, the curriculum's coefficient, learning rate, speed and memory. Losses and
    mIoU of training are those of the epoch so far. Each epoch that has ended stays as one line. In
    a log, these lines are all, with another one a minute between.

    It has no method for a step's end, for which Keras would wait for the device after every step,
    and waits for it when the block is drawn alone: after the first step, then twice a second.

    Args:
        best: the best validation mIoU of earlier epochs of this run, and the epoch, from 1.
        console: of rich; None: standard output.
    """

    def __init__(self, best: tuple[float, int] | None = None, console: Console | None = None):
        super().__init__()
        self._best = best
        self._state = State(epochs=1)
        self._block = LiveBlock(
            lambda: progress_block(self._state), lambda: minute_line(self._state), console
        )
        self._fits = False
        self._begun = 0.0
        self._has_steps = False
        self._marks = deque()  # recent ones, from the end of the epoch's first step on
        self._last_mark = None  # after the epoch's last step
        self._seconds_a_step = None
        self._after_steps = None  # seconds from the last step of an epoch to the next epoch

    def on_train_begin(self, logs=None) -> None:
        if not hasattr(self.model, "mean_logs"):
            raise ValueError(
                "ProgressLine shows the training of a DepthPrivilegedModel; received a "
                f"{type(self.model).__name__}."
            )
        self._fits = True
        self._state = State(epochs=self.params["epochs"], best=self._best)
        self._last_mark = self._after_steps = self._seconds_a_step = None

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self._begun = time.perf_counter()
        if self._last_mark is not None:
            self._after_steps = self._begun - self._last_mark.time
        self._last_mark = None
        self._has_steps = False
        self._marks.clear()
        self._state = dataclasses.replace(
            self._state,
            epoch=epoch + 1,
            # Of data that do not tell it, those of the epoch before.
            steps=self.params["steps"] or self._state.step or None,
            **{"step": 0, "first_step": 0, "doing": "training", "validation_batch": 0},
            **{"logs": {}, "frames_per_second": None},
            memory=peak_memory(),
        )
        self._block.draw()

    def on_train_batch_begin(self, batch, logs=None) -> None:
        if not self._has_steps:
            self._has_steps = True
            self._state.first_step = self._state.step = batch
            self._block.draw()
        elif not self._marks or self._block.due():
            self._look(batch)
            self._block.draw()
        self._state.step = batch

    def on_test_begin(self, logs=None) -> None:
        if not self._fits:  # `evaluate`, of which nothing is shown.
            return
        self._end_steps()
        self._state.doing = "validating"
        self._block.draw()

    def on_test_batch_begin(self, batch, logs=None) -> None:
        self._state.validation_batch = batch
        if self._fits and self._block.due():
            if self._state.epoch_left is not None:
                self._set_time_left(0.0, spent=time.perf_counter() - self._last_mark.time)
            self._block.draw()

    def on_test_end(self, logs=None) -> None:
        self._state.validation_batches = self._state.validation_batch + 1

    def on_epoch_end(self, epoch, logs=None) -> None:
        state = self._state
        if self._last_mark is None:
            self._end_steps()
        state.doing = "saving"
        state.epoch_seconds = time.perf_counter() - self._begun
        state.logs |= logs or {}
        state.memory = peak_memory()
        score = state.logs.get("val_mean_iou")
        if score is not None:
            state.validated = score
            if math.isfinite(score) and (state.best is None or score > state.best[0]):
                state.best = (score, state.epoch)
        self._block.print(epoch_line(state, self._block.width))
        self._block.draw()

    def on_train_end(self, logs=None) -> None:
        self._fits = False
        self._block.stop(keep=False)

    def close(self) -> None:
        """Leaves the block as it is, where a training ends that was not to end yet."""
        self._fits = False
        # What ended it may be that nothing can be written any more.
        with contextlib.suppress(OSError):
            self._block.stop()

    def _end_steps(self):
        self._look(self._state.step + self.model.steps_per_execution)
        self._last_mark = self._marks[-1]

    def _look(self, step):
        """Waits for the steps that are begun, and takes note of where they have come to."""
        state = self._state
        state.logs = running_logs(self.model)
        mark = _Mark(time.perf_counter(), step, state.logs["images"])
        self._marks.append(mark)
        while mark.time - self._marks[0].time > _RECENT and len(self._marks) > 2:
            self._marks.popleft()
        state.step = step
        state.memory = peak_memory()
        self._estimate(mark)

    def _estimate(self, now):
        state, before = self._state, self._marks[0]
        if now.step > before.step:
            seconds = now.time - before.time
            state.frames_per_second = (now.images - before.images) / seconds
            self._seconds_a_step = seconds / (now.step - before.step)
        if self._seconds_a_step is not None and state.steps is not None:
            self._set_time_left((state.steps - now.step) * self._seconds_a_step)

    def _set_time_left(self, steps, spent=0.0):
        """Seconds that the epoch's steps still take, and were spent after them."""
        state, after = self._state, self._after_steps or 0.0
        an_epoch = state.steps * self._seconds_a_step + after
        state.epoch_left = steps + max(after - spent, 0.0)
        state.run_left = state.epoch_left + (state.epochs - state.epoch) * an_epoch
        state.at_least = self._after_steps is None


class _Mark(NamedTuple):
    """A moment of an epoch, and how many steps it has had, and images that were trained on."""

    time: float
    step: int
    images: float


@contextlib.contextmanager
def closed_on_errors(callbacks: Iterable[keras.callbacks.Callback]) -> Iterator[None]:
    """Where the block raises, the terminal is left in order: Keras tells no callback of it."""
    try:
        yield
    except BaseException:
        for callback in callbacks:
            if isinstance(callback, ProgressLine):
                callback.close()
        raise
