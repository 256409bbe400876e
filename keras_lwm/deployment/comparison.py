"""How far an exported file is from the model that it was made of."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_lwm.deployment.image_files import rgb_image


class Agreement(NamedTuple):
    """Two models' answers to one image.

    Attributes:
        same_class: share of pixels, 0 to 1, that get the same class.
        difference: the largest difference of any probability; None where one gives none.
    """

    same_class: float
    difference: float | None


def compare(one, other, image, size=None):
    """Asks two `Predictor`s for the same image, which is of any form that they take.

    Args:
        one, other: the predictors.
        image: as `Predictor` takes it, of whole values.
        size: (height, width) that the image is resized to first, where a file takes no other size.
    """
    image = rgb_image(image)
    height, width = size or image.shape[:2]
    image = np.asarray(Image.fromarray(image.astype("uint8")).resize((width, height)))
    same_class = float(np.mean(one(image) == other(image)))
    if not (one.gives_probabilities and other.gives_probabilities):
        return Agreement(same_class, None)
    difference = np.abs(one.probabilities(image) - other.probabilities(image)).max()
    return Agreement(same_class, float(difference))
