"""Large frames seen through a window that slides over them."""

import numpy as np
from keras import ops

from keras_lwm.evaluation.predictor import FramePredictor
from keras_lwm.evaluation.views import MultiScale
from keras_lwm.resampling import resize_bilinear


class SlidingWindow:
    """The largest mean class probability over all windows that see a pixel decides.

    The windows lie evenly over the frame, from edge to edge, neighbours sharing at least `overlap`.
    All have one size, so frames of any size need one compilation and the memory of one window; a
    frame smaller than the window is seen whole. Depth is not predicted.

    Args:
        size: (height, width) of the window, pixels.
        overlap: least share of a window that it has in common with its neighbour, from 0 to
            below 1.
        scales, flip: how each window is looked at, as in `MultiScale`.
    """

    def __init__(self, size, overlap=1 / 3, scales=(1.0,), flip=False):
        if not 0 <= overlap < 1:
            raise ValueError(f"Expected an overlap from 0 to below 1; received {overlap!r}.")
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"Expected a window's (height, width); received {size!r}.")
        self.size = tuple(size)
        self.overlap = overlap
        self.inside = MultiScale(scales, flip)

    def predictor(self, network):
        return _WindowPredictor(FramePredictor(network, self.inside), self)


def window_starts(length, window, overlap):
    """The fewest evenly laid starts that cover `length` with neighbours sharing `overlap`."""
    if length <= window:
        return [0]
    step = max(int(window * (1 - overlap)), 1)
    count = -(-(length - window) // step)
    return [(length - window) * index // count for index in range(count + 1)]


class _WindowPredictor:
    def __init__(self, inside, view):
        self.inside = inside
        self.view = view

    def class_ids(self, image, size):
        probabilities = self._mean_probabilities(image)
        if probabilities.shape[:2] != tuple(size):
            resized = resize_bilinear(ops.convert_to_tensor(probabilities[None]), size)
            probabilities = ops.convert_to_numpy(resized)[0]
        finite = np.isfinite(probabilities).all(axis=-1)
        return np.where(finite, probabilities.argmax(axis=-1), -1).astype("int32"), None

    def _mean_probabilities(self, image):
        frame = image.shape[:2]
        height, width = (min(a, b) for a, b in zip(frame, self.view.size, strict=True))
        total, looks = None, np.zeros((*frame, 1), "float32")
        for top in window_starts(frame[0], height, self.view.overlap):
            for left in window_starts(frame[1], width, self.view.overlap):
                here = np.s_[top : top + height, left : left + width]
                seen = self.inside.scores(image[here], (height, width))
                if total is None:
                    total = np.zeros((*frame, seen.shape[-1]), "float32")
                total[here] += seen
                looks[here] += 1
        return total / looks
