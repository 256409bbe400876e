"""Ways in which a network looks at a frame, from which the class of every pixel is decided.

`view.predictor(network)` gives an object whose `class_ids(image, size)` predicts a single frame,
(H, W, 3) in 0..255, at the wanted (height, width).
"""

from keras import ops

from keras_lwm.evaluation.predictor import FramePredictor
from keras_lwm.resampling import resize_bilinear


def _logits_at(network, image, size):
    outputs = network(image, training=False)
    logits = outputs["segmentation"] if isinstance(outputs, dict) else outputs
    return resize_bilinear(ops.cast(logits, "float32"), size), outputs


class SingleScale:
    """The frame as it is: the largest logit, resized bilinearly to the wanted size, decides."""

    def predictor(self, network):
        return FramePredictor(network, self)

    def __call__(self, network, image, size):
        """Returns logits (B, *size, C) and the network's own outputs, within a compiled step."""
        return _logits_at(network, image, size)


class MultiScale:
    """The largest mean class probability over several image sizes, mirrored and not, decides.

    Each look resizes the image bilinearly, the logits to the wanted size, and takes the softmax
    there. The default scales are those of RefineNet (Lin et al., CVPR 2017). Depth is not
    predicted.

    Args:
        scales: factors of the image's height and width, above 0; taken in whole per cent.
        flip: whether each size is looked at mirrored as well.
    """

    def __init__(self, scales=(0.4, 0.6, 0.8, 1.0, 1.2), flip=True):
        self.percents = [round(100 * scale) for scale in scales]
        if not self.percents or min(self.percents) < 1:
            raise ValueError(f"Expected scales of at least 0.01; received {scales!r}.")
        self.flip = flip

    def predictor(self, network):
        return FramePredictor(network, self)

    def __call__(self, network, image, size):
        """Returns mean probabilities (B, *size, C), within a compiled step, and no outputs."""
        image = ops.cast(image, "float32")
        height, width = ops.shape(image)[1:3]
        total = 0.0
        for percent in self.percents:
            # Whole numbers keep sizes exact, whether they are known when compiling or not.
            scaled = ((height * percent + 50) // 100, (width * percent + 50) // 100)
            look = resize_bilinear(image, scaled)
            if self.flip:
                look = ops.concatenate([look, ops.flip(look, axis=2)], axis=0)
            probabilities = ops.softmax(_logits_at(network, look, size)[0], axis=-1)
            if self.flip:
                plain, mirrored = ops.split(probabilities, 2, axis=0)
                probabilities = plain + ops.flip(mirrored, axis=2)
            total += probabilities
        return total / (len(self.percents) * (2 if self.flip else 1)), None
