"""Run in a process of its own: the same steps on one device and on two replicas of TensorFlow.

python replicas.py OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from training_samples import tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel

DEVICES = ["CPU:0", "CPU:1"]


def trained(strategy, invalid_replica):
    """Weights and skipped steps after two steps on a batch, a half of which may be invalid."""
    keras.utils.set_random_seed(0)
    x, y = tiny_batch(8)
    x = x.astype("float32")
    if invalid_replica:
        x[:4] = np.nan
    with strategy.scope():
        network = tiny_network(batch_norm=False)
        model = DepthPrivilegedModel(
            network.inputs,
            network.output,
            weighting="focal",
            learning_rate_multipliers={"encoder_0": 0.1},
        )
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    history = model.fit(batches, epochs=2, verbose=0).history
    return [ops.convert_to_numpy(weight) for weight in model.weights], history["skipped_steps"]


def main(path):
    device = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration() for _ in DEVICES]
    tf.config.set_logical_device_configuration(device, logical)
    arrays = {}
    for name, invalid in (("valid", False), ("invalid", True)):
        one, _ = trained(tf.distribute.get_strategy(), invalid)
        two, skipped = trained(tf.distribute.MirroredStrategy(DEVICES), invalid)
        arrays[f"{name}|skipped"] = np.array(skipped)
        for index, pair in enumerate(zip(one, two, strict=True)):
            arrays[f"{name}|one|{index}"], arrays[f"{name}|two|{index}"] = pair
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
