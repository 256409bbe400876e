"""A tiny network with side outputs and a depth branch, and a batch to train it on."""

import keras
import numpy as np
from keras import layers

NUM_CLASSES = 4


def tiny_network(size=(32, 48), batch_norm=True, penalty=0.0):
    """A functional network with the kinds of outputs RefineNet has, and a few hundred weights."""
    image = keras.Input((*size, 3), name="image")
    features = layers.Rescaling(1 / 255)(image)
    encoder = []
    for level, stride in enumerate((4, 2)):
        features = layers.Conv2D(
            6,
            3,
            strides=stride,
            padding="same",
            activation="relu",
            kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
            name=f"encoder_{level}",
        )(features)
        if batch_norm:
            features = layers.BatchNormalization(momentum=0.5, name=f"norm_{level}")(features)
        encoder.append(features)
    fine, coarse = encoder
    outputs = {
        "segmentation": layers.Conv2D(NUM_CLASSES, 1, dtype="float32", name="logits")(fine),
        "side_8": layers.Conv2D(NUM_CLASSES, 1, dtype="float32", name="side_logits")(coarse),
    }
    depth = layers.Conv2D(1, 1, name="depth_logits", dtype="float32")(fine)
    outputs["depth"] = layers.Activation("softplus", dtype="float32", name="depth")(depth)
    return keras.Model(image, outputs)


def tiny_batch(images=4, size=(32, 48), seed=0):
    """Images whose colour tells the class, with void, depth holes and an image without depth."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, NUM_CLASSES, (images, size[0] // 8, size[1] // 8))
    label = np.kron(blocks, np.ones((1, 8, 8), "int64")).astype("uint8")
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 200, 200]])
    image = colours[label] + random.normal(0, 8, (*label.shape, 3))
    depth = (1.0 + label + random.uniform(0, 0.2, label.shape)).astype("float32")[..., None]
    depth[random.random(depth.shape) < 0.1] = 0.0
    depth[images - 1] = 0.0
    label[random.random(label.shape) < 0.05] = 255
    return np.clip(image, 0, 255).astype("uint8"), {"label": label, "depth": depth}
