"""A backbone of one's own: five strided convolutions."""

import keras
from keras import layers

STRIDES = (4, 8, 16, 32)


def plain_backbone(input_shape=(None, None, 3), width: int = 16) -> tuple[keras.Model, dict]:
    """What `RefineNet` takes for a backbone: a functional model, and its layers by stride.

    Args:
        input_shape: (height, width, 3), each of the first two an integer or None; 0 to 255.
        width: channels at stride 4, doubled at every stride after it.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    for stride in STRIDES:
        # "same" makes maps of ceil(size / stride), which RefineNet counts on.
        x = layers.Conv2D(width * stride // 4, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU(name=f"stride_{stride}")(x)
    model = keras.Model(image, x, name="plain_backbone")
    return model, {stride: f"stride_{stride}" for stride in STRIDES}
