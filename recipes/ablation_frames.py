"""The ablation's frames as arrays in memory, from a folder of frames or a data set by name."""

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.rgbd_folder import FramesOnDisk, Layout, resize_nearest


@dataclasses.dataclass
class Frames:
    """Frames of one split: images (N, H, W, 3) uint8, labels (N, H, W), depths (N, H, W, 1)."""

    images: np.ndarray
    labels: np.ndarray
    depths: np.ndarray


def read_frames(data, splits, size, depth_unit, first_id, void_ids):
    """Reads whole splits at one size; returns {split: Frames}, class names and palette.

    Args:
        data: a folder in the layout of `rgbd_folder`, or the name of a prepared TFDS builder.
        splits: names of splits.
        size: (height, width) that every frame is brought to.
        depth_unit, first_id, void_ids: how a folder's files are meant, see `RgbdFolder`.
    """
    if Path(data).is_dir():
        layout = Layout(Path(data), splits)
        samples = {
            split: FramesOnDisk(
                places,
                {
                    "depth_unit": depth_unit,
                    "first_id": first_id,
                    "void_ids": void_ids,
                    "num_classes": len(layout.class_names),
                    "size": size,
                },
            )
            for split, places in layout.frames.items()
        }
        return _stacked(samples), layout.class_names, layout.palette
    return _from_builder(data, splits, size)


def _from_builder(name, splits, size):
    import tensorflow_datasets as tfds

    from keras_lwm.datasets import load_builder

    builder = load_builder(name)
    samples = {
        split: (_resized(sample, size) for sample in tfds.as_numpy(builder.as_dataset(split)))
        for split in splits
    }
    metadata = builder.info.metadata
    return _stacked(samples), list(metadata["class_names"]), metadata["palette"]


def _resized(sample, size):
    picture = Image.fromarray(sample["image"])
    maps = {key: resize_nearest(sample[key][..., 0], size)[..., None] for key in ("depth", "label")}
    return {"image": np.asarray(picture.resize(size[::-1], Image.Resampling.BOX)), **maps}


def _stacked(splits):
    return {
        split: Frames(
            *(
                np.stack(column)
                for column in zip(
                    *((_image(s["image"]), s["label"][..., 0], s["depth"]) for s in samples),
                    strict=True,
                )
            )
        )
        for split, samples in splits.items()
    }


def _image(image):
    # A JPEG that already has the size comes as the bytes of its file.
    return np.asarray(Image.open(io.BytesIO(image))) if isinstance(image, bytes) else image


def write_frames(folder, frames, class_names, palette):
    """Writes reduced frames as a folder that `read_frames` reads, to carry to another machine.

    Images as JPEG of quality 95, labels from 0 with 255 = void, depth in millimetres.
    """
    folder = Path(folder)
    for kind in ("rgb", "label", "depth"):
        (folder / kind).mkdir(parents=True)
    for split, part in frames.items():
        names = [f"{split}_{index:05d}" for index in range(len(part.images))]
        for index, name in enumerate(names):
            rgb, label = Image.fromarray(part.images[index]), Image.fromarray(part.labels[index])
            rgb.save(folder / "rgb" / f"{name}.jpg", quality=95, subsampling=0)
            label.save(folder / "label" / f"{name}.png", optimize=True)
            millimetres = np.clip(np.round(part.depths[index, ..., 0] * 1000), 0, 65535)
            depth = Image.fromarray(millimetres.astype(np.uint16))
            depth.save(folder / "depth" / f"{name}.png", optimize=True)
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    colours = "\n".join(" ".join(map(str, colour)) for colour in palette)
    (folder / "classes.txt").write_text("\n".join(class_names) + "\n", encoding="utf-8")
    (folder / "colours.txt").write_text(colours + "\n", encoding="utf-8")
