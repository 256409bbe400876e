"""Furnished rooms rendered on the spot: the data set that needs no download.

Only `rooms_dataset_builder` knows TensorFlow Datasets; the rest is NumPy, SciPy, trimesh
and Embree. What renders is imported by the first room to be rendered: reading rooms that were
rendered before needs none of it.
"""

from keras_lwm.datasets.rooms.catalogue import CLASS_NAMES, PALETTE
from keras_lwm.datasets.rooms.rooms_dataset_builder import Rooms
from keras_lwm.datasets.rooms.splits import frames

__all__ = ["CLASS_NAMES", "PALETTE", "Rooms", "frames"]
