"""Folders of RGB-D frames with labels: what they hold, and how it is read. No TensorFlow."""

from keras_lwm.rgbd_folder.frame_files import Frame
from keras_lwm.rgbd_folder.frames import FrameReader, FramesOnDisk, resize_nearest
from keras_lwm.rgbd_folder.layout import Layout
from keras_lwm.rgbd_folder.named_layouts import NAMED_LAYOUTS, folder_options
from keras_lwm.rgbd_folder.options import FolderOptions

__all__ = [
    "NAMED_LAYOUTS",
    "FolderOptions",
    "Frame",
    "FrameReader",
    "FramesOnDisk",
    "Layout",
    "folder_options",
    "resize_nearest",
]
