"""Pictures that a small network finds several classes in, the network, and too little memory."""

import keras
import numpy as np
from deployment.small_refinenet import NUM_CLASSES, small_refinenet
from PIL import Image

from keras_lwm.large_images import memory

# The second fits the network's stride nowhere.
SIZES = [(928, 1216), (941, 1207)]


def picture(height, width, seed=0):
    """Smooth shapes with some noise on them, uint8 (height, width, 3)."""
    random = np.random.default_rng(seed)
    shapes = random.integers(0, 256, (height // 24, width // 24, 3)).astype("uint8")
    smooth = np.asarray(Image.fromarray(shapes).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.integers(-20, 20, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype("uint8")


def network():
    """A small RefineNet whose mean logits are alike for all classes."""
    model = small_refinenet()
    images = picture(320, 352)[None].astype("float32")
    logits = keras.ops.convert_to_numpy(model(images)["segmentation"])
    bias = model.get_layer("segmentation_logits").bias
    bias.assign(keras.ops.convert_to_numpy(bias) - logits.mean(axis=(0, 1, 2)))
    return model


def are_varied(class_ids):
    """Whether no class has most of the pixels."""
    counts = np.bincount(class_ids.ravel(), minlength=NUM_CLASSES)
    return counts.max() < 0.6 * class_ids.size


def memory_for(pixels, bytes_per_pixel, size):
    """Gigabytes in which tiles of an image of this size may have so many pixels."""
    whole = memory._FIXED + memory._WHOLE * size[0] * size[1]
    return (whole + pixels * bytes_per_pixel) / 1e9
