"""A tiny network, and everything that an evaluation of it should find, in plain NumPy."""

import keras
import numpy as np
from scipy import ndimage

CLASSES = 4


def weights(seed=0):
    """Kernels (3, 3, 3, C) of a convolution that is not symmetric in any direction."""
    return np.random.default_rng(seed).normal(size=(3, 3, 3, CLASSES)).astype("float32") / 100


def network(depth=False, classes=CLASSES):
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(classes, 3, padding="same", use_bias=False, name="logits")
    logits = layer(keras.layers.Rescaling(1.0, dtype="float32")(image))
    outputs = logits
    if depth:
        metres = keras.layers.Conv2D(1, 1, use_bias=False, name="metres")
        half = keras.layers.MaxPooling2D(2, padding="same")(metres(image))
        outputs = {"segmentation": logits, "depth": half}
    model = keras.Model(image, outputs)
    if classes == CLASSES:
        layer.set_weights([weights()])
    if depth:
        metres.set_weights([np.full((1, 1, 3, 1), 0.01, "float32")])
    return model


def logits_of(image, seed=0):
    kernels = weights(seed).astype("float64")
    image = image.astype("float64")
    return np.stack(
        [
            sum(
                ndimage.correlate(image[..., c], kernels[..., c, k], mode="constant")
                for c in range(3)
            )
            for k in range(CLASSES)
        ],
        axis=-1,
    )


def resized(maps, size):
    """(H, W, C) to (*size, C), linearly along each axis, half-pixel centres, edges clamped."""
    for axis, target in enumerate(size):
        source = maps.shape[axis]
        centres = (np.arange(target) + 0.5) * source / target - 0.5
        maps = np.apply_along_axis(
            lambda line, at=centres, n=source: np.interp(at, np.arange(n), line), axis, maps
        )
    return maps


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def multi_scale(image, size, percents, flip):
    total = np.zeros((*size, CLASSES))
    for percent in percents:
        scaled = [(length * percent + 50) // 100 for length in image.shape[:2]]
        look = resized(image.astype("float64"), scaled)
        total += softmax(resized(logits_of(look), size))
        if flip:
            total += softmax(resized(logits_of(look[:, ::-1]), size))[:, ::-1]
    return total


def counted(labels, predictions):
    matrix = np.zeros((CLASSES, CLASSES), "int64")
    for label, class_ids in zip(labels, predictions, strict=True):
        for row, column in zip(label.ravel().tolist(), class_ids.ravel().tolist(), strict=True):
            if row != 255:
                matrix[row, column] += 1
    return matrix


def random_frames(count, size=(10, 13), label_size=None, seed=1):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, *size, 3)).astype("uint8")
    label_size = label_size or size
    labels = random.integers(0, CLASSES - 1, (count, *label_size)).astype("uint8")
    labels[random.random(labels.shape) < 0.1] = 255
    depths = random.uniform(0.5, 8, (count, *label_size, 1)).astype("float32")
    depths[random.random(depths.shape) < 0.2] = 0
    return images, labels, depths


def batches(images, labels, depths=None, size=2):
    for start in range(0, len(images), size):
        here = np.s_[start : start + size]
        targets = {"label": labels[here]}
        if depths is not None:
            targets["depth"] = depths[here]
        yield images[here], targets
