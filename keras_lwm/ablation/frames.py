"""The ablation's frames as arrays in memory, from a folder of frames or a data set by name."""

import dataclasses
import io
import posixpath
import re
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
from keras_lwm.void import void_of_dtype


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of one split, all of one size.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        labels: (N, H, W) class ids and `void_id(num_classes)`, uint8 or uint16.
        depths: (N, H, W, 1) float32 metres, 0 = not measured.
        scenes: (N,) integers, equal for frames of one scene; None: each frame is one of its own.
    """

    images: np.ndarray
    labels: np.ndarray
    depths: np.ndarray
    scenes: np.ndarray | None = None

    def __post_init__(self):
        if self.scenes is None:
            object.__setattr__(self, "scenes", np.arange(len(self.images)))

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def stack(cls, samples: Iterable[tuple], scenes: np.ndarray) -> "Frames":
        """The frames of (image, label, depth) one by one."""
        return cls(*(np.stack(column) for column in zip(*samples, strict=True)), scenes)


def read_frames(splits: Sequence[str], options: Mapping) -> tuple[dict, list[str], list]:
    """Reads whole splits; returns {split: Frames}, class names and palette.

    Args:
        splits: names of splits.
        options: `data`, a folder in the layout of `rgbd_folder` or the name of a TFDS builder;
            `size`, the (height, width) that every frame is brought to; and, for a folder,
            `depth_unit`, `first_id`, `void_ids` and `made_depth`, see `rgbd_folder.FolderOptions`;
            the last may be missing; and `scenes`, see `scene_numbers`, which may be missing too.
    """
    tells = options.get("scenes") or "folders"
    folder, size = Path(options["data"]), tuple(options["size"])
    if not folder.is_dir():
        return _from_builder(options["data"], splits, size, tells)
    names = ("depth_unit", "first_id", "void_ids", "made_depth")
    given = {name: options.get(name) for name in names}
    given = {name: value for name, value in given.items() if value not in (None, (), [])}
    layout = Layout(folder, FolderOptions(splits=tuple(splits), **given))
    reader = FrameReader.of(layout, size)
    frames = {
        split: Frames.stack(
            map(_arrays, FramesOnDisk(on_disk, reader)),
            scene_numbers([frame.name for frame in on_disk], tells),
        )
        for split, on_disk in layout.frames.items()
    }
    return frames, layout.class_names, layout.palette


def keep_labels(frames: Frames, share: float) -> Frames:
    """The frames, of which a share alone, evenly spread from the first on, keep their labels.

    Args:
        frames: of one split.
        share: above 0, up to 1.
    """
    kept = np.diff(np.floor(np.arange(len(frames)) * share), prepend=-1) > 0
    void = frames.labels.dtype.type(void_of_dtype(frames.labels.dtype))
    return dataclasses.replace(frames, labels=np.where(kept[:, None, None], frames.labels, void))


def scene_numbers(names: Sequence[str], tells: str) -> np.ndarray:
    """The scene of each frame, integers (N,), from the frames' names.

    Args:
        names: of frames, such as "kitchen_3/0012".
        tells: "folders": frames of one folder are of one scene; a frame that lies in none is one of
            its own, and so is each where all lie in the same. "numbers": names begin with numbers,
            and a gap in them lies between scenes. Scenes without a gap between are taken for one.

    Raises:
        ValueError: a name that begins with no number, where numbers tell.
    """
    if tells == "folders":
        scenes = [posixpath.dirname(name) or name for name in names]
        scenes = scenes if len(set(scenes)) > 1 else names
    else:
        numbers = np.array([_number(name) for name in names])
        ordered = np.unique(numbers)
        scenes = np.cumsum(np.diff(ordered, prepend=ordered[0]) > 1)
        scenes = scenes[np.searchsorted(ordered, numbers)]
    return np.unique(scenes, return_inverse=True)[1]


def _number(name):
    digits = re.match(r"\d+", posixpath.basename(name))
    if digits is None:
        raise ValueError(f"Expected names that begin with numbers; received the frame {name!r}.")
    return int(digits[0])


def _arrays(sample):
    image = sample["image"]
    # A JPEG that already has the size comes as the bytes of its file.
    image = np.asarray(Image.open(io.BytesIO(image))) if isinstance(image, bytes) else image
    return image, sample["label"][..., 0], sample["depth"]


def _from_builder(name, splits, size, tells):
    # TensorFlow comes with these.
    from keras_lwm.datasets import load_builder
    from keras_lwm.pipeline import evaluation_dataset, sample_names

    builder, frames = load_builder(name), {}
    for split in splits:
        samples = [
            _resized(image[0], targets["label"][0], targets["depth"][0], size)
            for image, targets in evaluation_dataset(builder, split).as_numpy_iterator()
        ]
        names = sample_names(builder, split, range(len(samples)))
        frames[split] = Frames.stack(samples, scene_numbers(names, tells))
    return frames, list(builder.info.metadata["class_names"]), builder.info.metadata["palette"]


def _resized(image, label, depth, size):
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.BOX)
    depth = resize_nearest(depth[..., 0], size)[..., None]
    return np.asarray(picture), resize_nearest(label, size), depth


def pack_frames(folder: str | Path, options: Mapping, quality: int = 95) -> None:
    """Writes the reduced frames of both splits as a folder, to carry to another machine.

    It is read with a `depth_unit` of 0.001, and `first_id`, `void_ids` and `scenes` left out:
    images are JPEG, depth is in millimetres, and the frames of a scene are in a folder.

    Args:
        folder: where to; must not exist yet.
        options: the ablation's.
        quality: of the JPEGs, up to 95.
    """
    folder = Path(folder)
    frames, class_names, palette = read_frames(
        (options["train_split"], options["score_split"]), options
    )
    for split, part in frames.items():
        names = [f"{split}_{scene:04d}/{index:05d}" for index, scene in enumerate(part.scenes)]
        for index, name in enumerate(names):
            for kind in ("rgb", "label", "depth"):
                (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
            rgb, label = Image.fromarray(part.images[index]), Image.fromarray(part.labels[index])
            rgb.save(folder / "rgb" / f"{name}.jpg", quality=quality, subsampling=0)
            label.save(folder / "label" / f"{name}.png", optimize=True)
            millimetres = np.clip(np.round(part.depths[index, ..., 0] * 1000), 0, 65535)
            depth = Image.fromarray(millimetres.astype(np.uint16))
            depth.save(folder / "depth" / f"{name}.png", optimize=True)
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    colours = "\n".join(" ".join(map(str, colour)) for colour in palette)
    (folder / "classes.txt").write_text("\n".join(class_names) + "\n", encoding="utf-8")
    (folder / "colours.txt").write_text(colours + "\n", encoding="utf-8")
