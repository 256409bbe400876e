"""Cityscapes: streets, with depth from a stereo camera."""

from keras_lwm.datasets.cityscapes.builder import CityscapesDepth

__all__ = ["CityscapesDepth"]
