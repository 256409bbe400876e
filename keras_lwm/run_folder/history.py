"""The logs of every epoch as a table."""

import csv

import keras

from keras_lwm.atomic_write import atomic_write


class LogLearningRate(keras.callbacks.Callback):
    """Logs the optimiser's learning rate at each epoch's end, as `learning_rate`."""

    def on_epoch_end(self, epoch, logs=None) -> None:
        if logs is not None:
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            logs["learning_rate"] = float(rate)


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
