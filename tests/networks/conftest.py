"""A backbone of a few channels, so that a network builds in a moment."""

import numpy as np
import pytest

STRIDES = (4, 8, 16, 32)


def _tiny_backbone(input_shape=(None, None, 3)):
    # Imported here: a conftest is loaded before the tests' backend is chosen.
    import keras
    from keras import layers

    images = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(images)
    for number, stride in enumerate((2, *STRIDES)):
        x = layers.Conv2D(3 + number, 3, strides=2, padding="same", name=f"conv_{stride}")(x)
        x = layers.BatchNormalization(name=f"norm_{stride}")(x)
        x = layers.ReLU(name=f"features_{stride}")(x)
    return keras.Model(images, x, name="tiny"), {s: f"features_{s}" for s in STRIDES}


@pytest.fixture
def tiny_backbone():
    """Function of an input shape: (model, stride to layer name)."""
    return _tiny_backbone


@pytest.fixture
def random_images():
    """Function of (height, width): a batch of 2 uint8 images."""

    def draw(height, width):
        return np.random.default_rng(7).integers(0, 256, (2, height, width, 3), dtype=np.uint8)

    return draw
