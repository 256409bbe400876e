"""NYU Depth V2's labelled frames, from the official files."""

from keras_lwm.datasets.nyu_depth_v2.builder import NyuDepthV2Labeled

__all__ = ["NyuDepthV2Labeled"]
