"""Evaluation of model files that are not run by Keras, through `keras_lwm.Predictor`."""

import numpy as np
from keras import ops

from keras_lwm.resampling import resize_bilinear, resize_labels


class ExportedPredictor:
    """Predicts single frames at any wanted resolution, as `FramePredictor` does for networks.

    At another resolution than the image's, the largest of the resized probabilities decides, as it
    does in the literature; of a file that gives class ids alone, the nearest pixel does.

    Args:
        predictor: a `keras_lwm.Predictor`, or what can be called like one.
    """

    def __init__(self, predictor):
        self.predictor = predictor

    def class_ids(self, image, size):
        """Returns the predicted classes, int32 (h, w), of `image` (H, W, 3), and None: no depth."""
        if image.shape[:2] == tuple(size) or not self.predictor.gives_probabilities:
            maps = ops.convert_to_tensor(self.predictor(image)[None].astype("int32"))
            return ops.convert_to_numpy(resize_labels(maps, size))[0], None
        maps = ops.convert_to_tensor(self.predictor.probabilities(image)[None])
        resized = ops.convert_to_numpy(resize_bilinear(maps, size))[0]
        return np.argmax(resized, axis=-1).astype("int32"), None
