"""Batches to be scored that several devices can share, whatever their number of images.

A frame of void counts in no score: so many of them stand beside the last frames that every device
gets as many frames as any other.
"""

import sys

import keras
import numpy as np

from keras_lwm.devices import Share
from keras_lwm.void import void_id


def even_batches(x, y, devices: int, num_classes: int, batch_size: int | None = None) -> tuple:
    """Arrays or a `tf.data.Dataset`, with frames of void so that `devices` divides every batch.

    Args:
        x, y: what `evaluate` takes; `y` is None beside a data set. Other sources come back as they
            are.
        devices: how many devices share a batch.
        num_classes: of the labels.
        batch_size: of arrays; None: 32, as Keras has it.

    Raises:
        ValueError: `devices` does not divide `batch_size`.
    """
    if devices == 1:
        return x, y
    if isinstance(x, np.ndarray):
        Share(devices=devices).check(batch_size or 32)
        return _padded(x, y, -len(x) % devices, num_classes, np.pad)
    if is_tf_dataset(x):
        import tensorflow as tf

        def even(x, y):
            missing = -tf.shape(keras.tree.flatten(x)[0])[0] % devices
            return _padded(x, y, missing, num_classes, tf.pad)

        return x.map(even), y
    return x, y


def is_tf_dataset(data) -> bool:
    """Whether data is a `tf.data.Dataset`, without importing TensorFlow."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


def _padded(x, y, frames, num_classes, pad):
    def with_frames(values, value):
        widths = [(0, frames), *[(0, 0)] * (len(values.shape) - 1)]
        return pad(values, widths, constant_values=np.array(value, _dtype(values)))

    fill = {"label": void_id(num_classes)}
    padded = {name: with_frames(values, fill.get(name, 0)) for name, values in y.items()}
    return keras.tree.map_structure(lambda values: with_frames(values, 0), x), padded


def _dtype(values):
    return getattr(values.dtype, "as_numpy_dtype", values.dtype)
