"""Data sets as TFDS builders. Importing this package registers them."""

import contextlib

import keras
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_lwm.datasets.rgbd_folder import RgbdFolder
from keras_lwm.datasets.rooms import Rooms

__all__ = ["BUILDERS", "RgbdFolder", "Rooms", "load_builder"]

BUILDERS = {"rgbd_folder": RgbdFolder, "rooms": Rooms}


def load_builder(name: str, **options) -> tfds.core.DatasetBuilder:
    """The data set of this name, prepared; the first time takes a while, with progress shown.

    Args:
        name: `rooms` or `rgbd_folder`.
        **options: passed to the builder, such as `data_dir`, or `folder` for `rgbd_folder`.

    Raises:
        ValueError: for an unknown name; the known ones are listed.
    """
    if name not in BUILDERS:
        raise ValueError(f"Unknown data set {name!r}: expected one of {sorted(BUILDERS)}.")
    builder = BUILDERS[name](**options)
    builder.download_and_prepare()
    return builder


def _keep_tensorflow_off_the_gpu():
    """TensorFlow only reads data here, and would take the GPU's memory from the real backend."""
    # It refuses if its GPUs are in use already, by somebody who wants them.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


if keras.config.backend() != "tensorflow":
    _keep_tensorflow_off_the_gpu()
