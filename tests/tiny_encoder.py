"""An encoder that is trained in no time."""

import keras


def tiny_encoder():
    """Of four channels at every stride; and the names of its layers, as `build_backbone` takes."""
    image = maps = keras.Input((None, None, 3))
    for stride in (2, 4, 8, 16, 32):
        convolution = keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name=f"at_{stride}")
        maps = convolution(maps)
    return keras.Model(image, maps), {stride: f"at_{stride}" for stride in (4, 8, 16, 32)}
