"""Progress that fits on one line of a terminal, however many logs the model has."""

import keras

from keras_lwm.progress_bar import progress_bar

SHOWN = ("loss", "mean_iou", "skipped_steps", "val_loss", "val_mean_iou")


class ProgressLine(keras.callbacks.Callback):
    """Shows a bar with the steps and the time left of the epoch, and a few of the logs.

    A `DepthPrivilegedModel` has more logs than a terminal has columns, and Keras' own bar, too long
    to be overwritten, fills the screen with a line a step: `fit(..., verbose=0)` leaves it out. In
    a log, outside terminals and notebooks, an epoch is one line. Of an epoch that a resumed run
    begins within, the bar counts the steps that are left.

    Args:
        shown: names of the logs to show, where they are there; `skipped_steps` only if there are.
    """

    def __init__(self, shown=SHOWN):
        super().__init__()
        self.shown = shown
        self.bar = None
        self._first = None

    def on_epoch_begin(self, epoch, logs=None) -> None:
        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self.bar = progress_bar(self.params["steps"], stateful_metrics=self.shown)
        self._first = None

    def on_train_batch_begin(self, batch, logs=None) -> None:
        if self._first is None:
            self._first = batch
            if batch > 0:
                print(f"after its first {batch} steps")
                left = self.params["steps"] - batch
                self.bar = progress_bar(left, stateful_metrics=self.shown)

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.bar.update(batch + 1 - self._first, self._values(logs), finalize=False)

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.bar.update(self.bar.target, self._values(logs), finalize=True)

    def _values(self, logs):
        values = [(name, float(logs[name])) for name in self.shown if name in (logs or {})]
        return [(name, value) for name, value in values if name != "skipped_steps" or value]
