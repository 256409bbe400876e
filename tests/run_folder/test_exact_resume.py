"""A run that was interrupted at any step ends as one that never was, bit by bit."""

import csv
import signal

import keras
import numpy as np
import pytest
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import Augmentation, CurriculumCallback, DepthPrivilegedModel, mining
from keras_lwm.arrays import ArrayBatches
from keras_lwm.run_folder import RunFolder, TrainingStopped
from keras_lwm.run_folder.checkpoints import read_arrays, read_progress_of
from keras_lwm.run_folder.state import read_state, restore_generators, restore_state

CLASSES = {"class_names": list("abcd"), "palette": [[i, i, i] for i in range(4)]}
EPOCHS, STEPS, BATCH = 2, 3, 2
IMAGES, TARGETS = tiny_batch(STEPS * BATCH)
VALIDATION = tiny_batch(4, seed=1)


def new_model():
    """With what has a state: batch norm, dropout, bins, curriculum, a schedule, two optimisers."""
    keras.utils.set_random_seed(2)
    network = tiny_network()
    noisy = dict(network.output)
    noisy["segmentation"] = keras.layers.SpatialDropout2D(0.2, dtype="float32")(
        noisy["segmentation"]
    )
    model = DepthPrivilegedModel(
        network.inputs,
        noisy,
        weighting=mining.LossWeightModule(depth_range=(1, 8)),
        learning_rate_multipliers={"encoder_0": 0.1},
    )
    rate = keras.optimizers.schedules.CosineDecay(0.02, EPOCHS * STEPS)
    model.compile(keras.optimizers.AdamW(rate, use_ema=True, ema_momentum=0.9))
    return model


def batches(epoch, step):
    return ArrayBatches(
        IMAGES,
        TARGETS["label"],
        TARGETS["depth"],
        num_classes=NUM_CLASSES,
        batch_size=BATCH,
        augmentation=Augmentation(crop=(32, 48), scale=(0.8, 1.2)),
        initial_epoch=epoch,
        initial_step=step,
    )


class InterruptAt(keras.callbacks.Callback):
    """Calls a function at one moment: ("step", epoch, step), ("validation", epoch), ..."""

    def __init__(self, moment, interrupt):
        super().__init__()
        self.moment = moment
        self.interrupt = interrupt
        self.epoch = None

    def _now(self, *moment):
        if moment == self.moment:
            self.interrupt()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._now("step", self.epoch, batch)

    def on_test_batch_end(self, batch, logs=None):
        self._now("validation", self.epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._now("end", epoch)


class Killed(BaseException):
    pass


def kill():
    raise Killed


def train(folder, model, resume=False, moment=None, interrupt=None, **options):
    run = RunFolder(folder, {}, resume, **options).begin(**CLASSES)
    run.fit(
        model,
        batches,
        STEPS,
        EPOCHS,
        callbacks=[CurriculumCallback(over=1.0), InterruptAt(moment, interrupt)],
        validation_data=VALIDATION,
        validation_batch_size=2,
        verbose=0,
    )
    return run


def history(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.reader(file))


def assert_same(state, other):
    assert state.keys() == other.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def restore_all(model, arrays):
    restore_state(model, arrays)
    restore_generators(arrays)


@pytest.fixture(scope="module")
def models():
    """A model that runs are begun with, its first state, and another that they are resumed with."""
    begun, resumed = new_model(), new_model()
    begun.optimizer.build(begun.trainable_variables)
    return begun, read_state(begun), resumed


@pytest.fixture(scope="module")
def unbroken(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    model, first, _ = models
    restore_all(model, first)
    train(folder, model)
    return folder, read_state(model)


@pytest.mark.parametrize(
    ("moment", "interrupt", "options", "goes_on_at"),
    [
        # A signal ends the step: that one is saved.
        (("step", 0, 0), lambda: signal.raise_signal(signal.SIGTERM), {}, (0, 1)),
        # In a validation it ends that: the last step is taken again, and all of the validation.
        (("validation", 1), lambda: signal.raise_signal(signal.SIGINT), {}, (1, 2)),
        (("end", 0), lambda: signal.raise_signal(signal.SIGTERM), {}, (1, 0)),
        # Killed: the last checkpoint is what there is.
        (("step", 1, 1), kill, {"save_every": 1}, (1, 1)),
    ],
)
def test_an_interrupted_run_ends_as_an_unbroken_one(
    models, unbroken, tmp_path, moment, interrupt, options, goes_on_at
):
    begun, first, resumed = models
    restore_all(begun, first)
    folder = tmp_path / "run"
    with pytest.raises((TrainingStopped, Killed)):
        train(folder, begun, moment=moment, interrupt=interrupt, **options)
    run = RunFolder(folder, resume=True)
    assert (run.initial_epoch, run.initial_step) == goes_on_at
    run = train(folder, resumed, resume=True)
    whole, state = unbroken
    assert_same(read_state(resumed), state)
    assert history(folder) == history(whole)
    newest, *_ = sorted(run.checkpoints_path.iterdir(), reverse=True)
    assert_same(read_arrays(newest), read_arrays(whole / "checkpoints" / newest.name))
    assert read_progress_of(newest) == read_progress_of(whole / "checkpoints" / newest.name)
