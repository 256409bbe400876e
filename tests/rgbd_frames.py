"""Writes tiny folders of RGB-D frames for the tests of what reads them."""

import numpy as np
from PIL import Image

CLASSES = ("wall", "floor", "chair", "lamp")


def random_frame(seed, size=(6, 8)):
    """Image (H, W, 3) uint8, label ids 0 to 3 and 255, depth in millimetres uint16, some 0."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    label = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), size)
    depth = rng.integers(500, 5000, size, dtype=np.uint16) * rng.integers(0, 2, size, np.uint16)
    return image, label, depth


def write_frame(folder, name, image, label, depth=None):
    """`depth` of uint16 becomes a PNG, of floats a .npy, `None` no file."""
    for kind in ("rgb", "label", "depth"):
        (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / "rgb" / f"{name}.png")
    Image.fromarray(label).save(folder / "label" / f"{name}.png")
    if depth is None:
        return
    if depth.dtype == np.uint16:
        Image.fromarray(depth).save(folder / "depth" / f"{name}.png")
    else:
        np.save(folder / "depth" / f"{name}.npy", depth)


def write_lists(folder, classes=CLASSES, **splits):
    (folder / "classes.txt").write_text("\n".join(classes) + "\n")
    for split, names in splits.items():
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n")


def write_random_folder(folder, number=6, size=(6, 8), val=2):
    """`number` random frames for train and `val` more for val; returns their names."""
    names = [f"frame{index}" for index in range(number + val)]
    for seed, name in enumerate(names):
        write_frame(folder, name, *random_frame(seed, size))
    write_lists(folder, train=names[:number], val=names[number:])
    return names
