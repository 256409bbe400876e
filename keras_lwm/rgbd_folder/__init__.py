"""Folders of RGB-D frames with labels: what they hold, and how it is read. No TensorFlow."""

from keras_lwm.rgbd_folder.frames import FramesOnDisk, read_frame, resize_nearest
from keras_lwm.rgbd_folder.layout import Frame, Layout

__all__ = ["Frame", "FramesOnDisk", "Layout", "read_frame", "resize_nearest"]
