"""Writes tiny frames in the layout of Cityscapes' official packages."""

import json

import numpy as np
from PIL import Image

CAMERA = {
    "extrinsic": {"baseline": 0.209313, "pitch": 0.038, "roll": 0.0, "x": 1.7, "y": 0.1, "z": 1.2},
    "intrinsic": {"fx": 2262.52, "fy": 2265.3017905988554, "u0": 1096.98, "v0": 513.137},
}


def asymmetric_frame(seed=0, size=(5, 7)):
    """Image, label ids and disparity numbers, in which no two pixels are the same."""
    height, width = size
    rng = np.random.default_rng(seed)
    image = rng.permutation(height * width * 3).astype(np.uint8).reshape(height, width, 3)
    label = np.arange(height * width).reshape(size) % 34
    disparity = np.linspace(0, 65535, height * width).astype(np.uint16).reshape(size)
    disparity[0, :4] = 0, 1, 2, 3
    return image, label.astype(np.uint8), disparity


def write_frame(folder, split, name, image, label, disparity, camera=CAMERA):
    """`name` is CITY_SEQUENCE_FRAME."""
    city = name.split("_")[0]
    for tree, ending, array in (
        ("leftImg8bit", "leftImg8bit.png", image),
        ("gtFine", "gtFine_labelIds.png", label),
        ("disparity", "disparity.png", disparity),
    ):
        path = folder / tree / split / city / f"{name}_{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
    path = folder / "camera" / split / city / f"{name}_camera.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(camera))


def write_cityscapes(folder):
    """Three frames of two cities to train on, one to validate on."""
    for seed, name in enumerate(
        ("bremen_000000_000019", "aachen_000001_000019", "aachen_000000_000019")
    ):
        write_frame(folder, "train", name, *asymmetric_frame(seed))
    write_frame(folder, "val", "lindau_000000_000019", *asymmetric_frame(3))
