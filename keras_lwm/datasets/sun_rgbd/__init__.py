"""SUN RGB-D, from the official files."""

from keras_lwm.datasets.sun_rgbd.builder import SunRgbd
from keras_lwm.datasets.sun_rgbd.lists import check_nyu_overlap, nyu_numbers

__all__ = ["SunRgbd", "check_nyu_overlap", "nyu_numbers"]
