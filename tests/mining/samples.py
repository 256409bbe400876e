"""Small awkward batches: holes of every kind, void, an image without depth, odd sizes."""

import numpy as np


def batch(seed=0, size=(11, 14), output=(6, 7), num_classes=4, images=4):
    """Image 1 has no depth, image 2 no valid pixel."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, num_classes, (images, *size)).astype("int32")
    labels[random.random(labels.shape) < 0.15] = 255
    depth = random.uniform(0.8, 9.0, (images, *size, 1)).astype("float32")
    holes = random.random(depth.shape)
    depth[holes < 0.3] = 0.0
    depth[holes < 0.2] = np.nan
    depth[holes < 0.1] = -1.0
    depth[holes < 0.05] = np.inf
    depth[1] = 0.0
    labels[2] = 255
    return {
        "logits": random.normal(0, 2, (images, *output, num_classes)).astype("float32"),
        "labels": labels,
        "depth": depth,
        "depth_pred": random.uniform(0.8, 9.0, (images, *output, 1)).astype("float32"),
    }
