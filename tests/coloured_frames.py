"""A folder of a few tiny frames whose colour tells the class, one of them without depth."""

import numpy as np
from PIL import Image


def write_frames(folder):
    random = np.random.default_rng(0)
    for kind in ("rgb", "label", "depth"):
        (folder / kind).mkdir(parents=True)
    for name in ("a", "b", "c", "d"):
        label = np.kron(random.integers(1, 4, (4, 5)), np.ones((10, 10), "int64"))
        image = np.clip(label[..., None] * 70 + random.normal(0, 9, (40, 50, 3)), 0, 255)
        label[:3] = 0
        depth = (1000 * label + 500).astype("uint16")
        Image.fromarray(image.astype("uint8")).save(folder / "rgb" / f"{name}.png")
        Image.fromarray(label.astype("uint8")).save(folder / "label" / f"{name}.png")
        if name != "b":
            Image.fromarray(depth).save(folder / "depth" / f"{name}.png")
    (folder / "classes.txt").write_text("wall\nfloor\nsofa\n")
    for split, names in {"train": "a\nb\n", "val": "c\n", "test": "d\n"}.items():
        (folder / f"{split}.txt").write_text(names)
