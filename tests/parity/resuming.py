"""A small run in a folder, in this process or in one of its own under another backend.

    KERAS_BACKEND=jax python resuming.py RUN_FOLDER EPOCHS OUT.npz

It begins the run, or goes on with it where there is one, up to EPOCHS of its 4 epochs, and writes
all state: as it was loaded (`loaded|...`, of a run that goes on) and as it ended (`ended|...`).
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import CurriculumCallback, DepthPrivilegedModel, mining
from keras_lwm.arrays import ArrayBatches
from keras_lwm.run_folder import RunFolder

CLASSES = {"class_names": list("abcd"), "palette": [[i, i, i] for i in range(4)]}
PLANNED_EPOCHS = 4


def new_model():
    keras.utils.set_random_seed(2)
    network = tiny_network(size=(None, None))
    weighting = mining.LossWeightModule(depth_range=(1, 8))
    model = DepthPrivilegedModel(
        network,
        weighting=weighting,
        learning_rate_multipliers={"encoder_0": 0.1},
    )
    rate = keras.optimizers.schedules.CosineDecay(0.02, 2 * PLANNED_EPOCHS)
    # A large epsilon, or Adam would make whole steps of what is rounding in a gradient of nothing.
    model.compile(keras.optimizers.AdamW(rate, epsilon=1e-2))
    return model


def state(model):
    """Every variable that a run depends on: weights, statistics, bins, coefficient, optimiser."""
    metrics = {id(variable) for variable in model.metrics_variables}
    variables = [variable for variable in model.variables if id(variable) not in metrics]
    variables += model.optimizer.variables
    names = [f"{index} {variable.path}" for index, variable in enumerate(variables)]
    arrays = [ops.convert_to_numpy(variable.value) for variable in variables]
    return dict(zip(names, arrays, strict=True))


def batches(epoch, step):
    """The same batches under every backend, in an order of their own every epoch."""
    x, y = tiny_batch(8)
    options = {"num_classes": NUM_CLASSES, "batch_size": 4, "initial_epoch": epoch}
    return ArrayBatches(x, y["label"], y["depth"], initial_step=step, **options)


class Look(keras.callbacks.Callback):
    """Copies the state that a training begins with."""

    def __init__(self, into):
        super().__init__()
        self.into = into

    def on_train_begin(self, logs=None):
        self.into |= {name: values.copy() for name, values in state(self.model).items()}


class StopAfter(keras.callbacks.Callback):
    """Ends a run before the epochs that were planned, as if it had been interrupted."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 >= self.epochs


def go_on(folder, epochs):
    """Returns the state as loaded (empty for a new run), and as it is after `epochs` epochs."""
    run = RunFolder(folder, {"planned": PLANNED_EPOCHS}, resume=Path(folder).exists())
    model, loaded = new_model(), {}
    run.begin(**CLASSES)
    run.fit(
        model,
        batches,
        steps_per_epoch=2,
        epochs=PLANNED_EPOCHS,
        callbacks=[Look(loaded), CurriculumCallback(over=1.0), StopAfter(epochs)],
        monitor="loss",
        mode="min",
        verbose=0,
    )
    return loaded if run.initial_epoch else {}, state(model)


def main(folder, epochs, out):
    loaded, ended = go_on(folder, int(epochs))
    arrays = {f"loaded|{name}": values for name, values in loaded.items()}
    arrays |= {f"ended|{name}": values for name, values in ended.items()}
    np.savez(out, **{name.replace("/", "|"): values for name, values in arrays.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
