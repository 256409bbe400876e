"""The ablation's frames as arrays in memory, from a folder of frames or a data set by name."""

import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.rgbd_folder import (
    FolderOptions,
    FrameReader,
    FramesOnDisk,
    Layout,
    resize_nearest,
)


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of one split, all of one size.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        labels: (N, H, W) class ids and `void_id(num_classes)`, uint8 or uint16.
        depths: (N, H, W, 1) float32 metres, 0 = not measured.
    """

    images: np.ndarray
    labels: np.ndarray
    depths: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def stack(cls, samples: Iterable[tuple]) -> "Frames":
        """The frames of (image, label, depth) one by one."""
        return cls(*(np.stack(column) for column in zip(*samples, strict=True)))


def train_and_score_frames(options: Mapping) -> tuple[Frames, Frames, list[str]]:
    """The frames to train on, those to score, and the class names; `options`: the ablation's."""
    splits = options["train_split"], options["score_split"]
    frames, class_names, _ = read_frames(splits, options)
    return *(frames[split] for split in splits), class_names


def read_frames(splits: Sequence[str], options: Mapping) -> tuple[dict, list[str], list]:
    """Reads whole splits; returns {split: Frames}, class names and palette.

    Args:
        splits: names of splits.
        options: `data`, a folder in the layout of `rgbd_folder` or the name of a TFDS builder;
            `size`, the (height, width) that every frame is brought to; and, for a folder,
            `depth_unit`, `first_id`, `void_ids` and `made_depth`, see `rgbd_folder.FolderOptions`;
            the last may be missing.
    """
    folder, size = Path(options["data"]), tuple(options["size"])
    if not folder.is_dir():
        return _from_builder(options["data"], splits, size)
    names = ("depth_unit", "first_id", "void_ids", "made_depth")
    given = {name: options.get(name) for name in names}
    given = {name: value for name, value in given.items() if value not in (None, (), [])}
    layout = Layout(folder, FolderOptions(splits=tuple(splits), **given))
    reader = FrameReader.of(layout, size)
    frames = {
        split: Frames.stack(map(_arrays, FramesOnDisk(on_disk, reader)))
        for split, on_disk in layout.frames.items()
    }
    return frames, layout.class_names, layout.palette


def _arrays(sample):
    image = sample["image"]
    # A JPEG that already has the size comes as the bytes of its file.
    image = np.asarray(Image.open(io.BytesIO(image))) if isinstance(image, bytes) else image
    return image, sample["label"][..., 0], sample["depth"]


def _from_builder(name, splits, size):
    # TensorFlow comes with these.
    from keras_lwm.datasets import load_builder
    from keras_lwm.pipeline import evaluation_dataset

    builder = load_builder(name)
    frames = {
        split: Frames.stack(
            _resized(image[0], targets["label"][0], targets["depth"][0], size)
            for image, targets in evaluation_dataset(builder, split).as_numpy_iterator()
        )
        for split in splits
    }
    return frames, list(builder.info.metadata["class_names"]), builder.info.metadata["palette"]


def _resized(image, label, depth, size):
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.BOX)
    depth = resize_nearest(depth[..., 0], size)[..., None]
    return np.asarray(picture), resize_nearest(label, size), depth


def pack_frames(folder: str | Path, options: Mapping) -> None:
    """Writes the reduced frames of both splits as a folder, to carry to another machine.

    It is read with a `depth_unit` of 0.001, and `first_id` and `void_ids` left out: images are JPEG
    of quality 95, depth is in millimetres.

    Args:
        folder: where to; must not exist yet.
        options: the ablation's.
    """
    folder = Path(folder)
    frames, class_names, palette = read_frames(
        (options["train_split"], options["score_split"]), options
    )
    for kind in ("rgb", "label", "depth"):
        (folder / kind).mkdir(parents=True)
    for split, part in frames.items():
        names = [f"{split}_{index:05d}" for index in range(len(part))]
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
