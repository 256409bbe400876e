"""A batch of random numbers, for steps whose time does not depend on what they learn."""

import numpy as np


def random_batch(batch, size, classes) -> tuple:
    """Images (B, H, W, 3) and labels (B, H, W), uint8, and depth (B, H, W, 1), float32 metres."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (batch, *size, 3), np.uint8)
    labels = random.integers(0, classes, (batch, *size), np.uint8)
    return images, labels, random.uniform(1, 8, (batch, *size, 1)).astype("float32")
