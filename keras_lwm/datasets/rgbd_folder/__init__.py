"""Anybody's own RGB-D frames with labels, in a folder."""

from keras_lwm.datasets.rgbd_folder.builder import RgbdFolder

__all__ = ["RgbdFolder"]
