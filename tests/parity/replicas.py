"""Run in a process of its own: steps on one device, or on several that share the same batches.

    KERAS_BACKEND=... python replicas.py OUT.npz DEVICES

Writes weights, bins, the optimiser's state and what `fit` logged, of batches that hold an invalid
image and of others. It is one of several processes where the engine's environment says so.
"""

import sys

import keras
import numpy as np
from keras import ops
from training_samples import tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel, mining
from keras_lwm.devices import several_devices

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


def dataset_of(batches):
    import tensorflow as tf

    parts = [batches[index] for index in range(len(batches))]
    whole = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *parts)
    dataset = tf.data.Dataset.from_tensor_slices(whole)
    return dataset.batch(len(parts[0][0]), drop_remainder=True).repeat()


def trained(devices, invalid):
    """All state and logs after two epochs of two steps; an image of the second batch is invalid."""
    keras.utils.set_random_seed(0)
    x, y = tiny_batch(2 * BATCH)
    x = x.astype("float32")
    if invalid:
        x[BATCH] = np.nan
    with several_devices(devices) as share:
        network = tiny_network()
        model = DepthPrivilegedModel(
            network.inputs,
            network.output,
            weighting=mining.LossWeightModule(depth_range=(1, 8), bins=3),
            learning_rate_multipliers={"encoder_0": 0.1},
        )
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
        batches = OfOneProcess(x, y, share)
        if keras.backend.backend() == "tensorflow":
            batches = share.served(dataset_of(batches))
        history = model.fit(batches, epochs=2, verbose=0, shuffle=False, steps_per_epoch=2).history
    state = [*model.weights, *model.optimizer.variables]
    arrays = {f"{i} {v.path}": ops.convert_to_numpy(v.value) for i, v in enumerate(state)}
    return {**arrays, **{f"log {name}": np.array(values) for name, values in history.items()}}


def main(path, devices):
    arrays = {}
    for invalid in (False, True):
        for name, values in trained(int(devices), invalid).items():
            arrays[f"{'invalid' if invalid else 'valid'}|{name}"] = values
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
