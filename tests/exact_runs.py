"""A small run that has every kind of state, and two of them compared bit by bit."""

from pathlib import Path

import keras
import numpy as np
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import Augmentation, CurriculumCallback, DepthPrivilegedModel, mining
from keras_lwm.arrays import ArrayBatches
from keras_lwm.run_folder import RunFolder
from keras_lwm.run_folder.checkpoints import read_arrays, read_progress_of
from keras_lwm.run_folder.models import read_progress

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


def train(folder, model, callbacks=(), **options):
    """Begins the run in `folder`, or goes on with it where it is there."""
    resume = (Path(folder) / "options.json").exists()
    run = RunFolder(folder, {}, resume, **options).begin(**CLASSES)
    run.fit(
        model,
        batches,
        STEPS,
        EPOCHS,
        callbacks=[CurriculumCallback(over=1.0), *callbacks],
        validation_data=VALIDATION,
        validation_batch_size=2,
        verbose=0,
    )
    return run


def assert_same(state, other):
    """Asserts that two dictionaries hold the same arrays."""
    assert state.keys() == other.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def assert_same_run(folder, other):
    """Asserts that two runs have ended in the same state, with the same history and best model."""
    newest, expected = (max((Path(run) / "checkpoints").glob("*.npz")) for run in (folder, other))
    assert newest.name == expected.name
    assert read_progress_of(newest) == read_progress_of(expected)
    assert_same(read_arrays(newest), read_arrays(expected))
    history, expected = ((Path(run) / "history.csv").read_text() for run in (folder, other))
    assert history == expected
    best, expected = (read_progress(Path(run) / "best.keras") for run in (folder, other))
    assert best == expected
