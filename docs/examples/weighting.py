"""A weighting of one's own: near pixels count more, by the depth of the training images alone."""

import keras
from keras import ops

from keras_lwm.mining import HardnessWeighting
from keras_lwm.mining.measures import image_mean, measured_mask


@keras.saving.register_keras_serializable(package="my_project")
class NearWeighting(HardnessWeighting):
    """Hardness is how many times as far as the pixel the image's valid pixels are in the mean:

        h = mean d / d,    1 where no depth is measured

    Args:
        strength, floor, ceiling: see `HardnessWeighting`.
    """

    uses_depth = True

    def measurements(self, maps, labels, depth, depth_pred, main_output, training) -> dict:
        measured = measured_mask(depth)
        depth = ops.where(measured > 0, depth, 1.0)
        mean = image_mean(depth, measured * maps["valid"])
        return {"hardness": ops.where((measured > 0) & (mean > 0), mean / depth, 1.0)}
