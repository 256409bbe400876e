"""Run in a process of its own: steps on one device, or on several that share the same batches.

    KERAS_BACKEND=... python replicas.py OUT.npz DEVICES

Writes weights, bins, the optimiser's state and what `fit` logged. It is one of several processes
where the engine's environment says so.
"""

import sys

import keras
import numpy as np
from keras import ops
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel, mining
from keras_lwm.devices import several_devices
from keras_lwm.run_folder.state import read_state, restore_state
from keras_lwm.training.even_batches import even_batches

BATCH = 8
VALIDATION = 11  # No number of devices divides it.


class OfOneProcess(keras.utils.PyDataset):
    """The part of each batch that falls to a process."""

    def __init__(self, x, y, share):
        super().__init__()
        self.x, self.y, self.share = x, y, share

    def __len__(self):
        return len(self.x) // BATCH

    def __getitem__(self, index):
        here = self.share.of(np.arange(index * BATCH, (index + 1) * BATCH))
        return self.x[here], {name: values[here] for name, values in self.y.items()}


def tf_dataset(arrays, batch_size):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(arrays)
    return dataset.batch(batch_size, drop_remainder=True).repeat()


def validation(share):
    """Frames to be scored: of one process all at once, of several the part of each."""
    x, y = tiny_batch(VALIDATION, seed=1)
    x = x.astype("float32")
    if share.count > 1:
        x, y = even_batches(x, y, share.count, NUM_CLASSES, share.count)
        here = share.of(np.arange(len(x)))
        x, y = x[here], {name: values[here] for name, values in y.items()}
        if keras.backend.backend() == "tensorflow":
            dataset = tf_dataset((x, y), len(x))
            return {"validation_data": share.served(dataset), "validation_steps": 1}
        return {"validation_data": (x, y), "validation_batch_size": len(x)}
    return {"validation_data": (x, y), "validation_batch_size": BATCH}


def new_model():
    network = tiny_network()
    model = DepthPrivilegedModel(
        network,
        weighting=mining.LossWeightModule(depth_range=(1, 8), bins=3),
        learning_rate_multipliers={"encoder_0": 0.1},
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    return model


def trained(devices=1):
    """All state and logs after two epochs of two steps, the second of which has an invalid image.

    That image is in the last device's part: all skip the step together. Two images of the first
    device's have no label, and another one that only the fine output sees: means are over those
    that have one, of all devices. The state is that of another model on as many devices, which was
    given the state of the one that was trained.
    """
    keras.utils.set_random_seed(0)
    x, y = tiny_batch(2 * BATCH)
    x = x.astype("float32")
    x[-1] = np.nan
    y["label"][:3] = 255
    y["label"][2, 2, 2] = 1
    with several_devices(devices) as share:
        model = new_model()
        batches = OfOneProcess(x, y, share)
        if keras.backend.backend() == "tensorflow":
            parts = [batches[index] for index in range(len(batches))]
            whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *parts)
            batches = share.served(tf_dataset(whole, len(parts[0][0])))
        history = model.fit(
            batches,
            epochs=2,
            steps_per_epoch=2,
            shuffle=False,
            verbose=0,
            **validation(share),
        ).history
        resumed = new_model()
        restore_state(resumed, read_state(model))
        state = [*resumed.weights, *resumed.optimizer.variables]
        arrays = {f"{i} {v.name}": ops.convert_to_numpy(v) for i, v in enumerate(state)}
    return {**arrays, **{f"log {name}": np.array(values) for name, values in history.items()}}


def main(path, devices):
    np.savez(path, **trained(int(devices)))


if __name__ == "__main__":
    main(*sys.argv[1:])
