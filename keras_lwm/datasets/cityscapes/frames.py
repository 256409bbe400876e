"""Reads one frame of Cityscapes: image, training ids, and metres from disparity and camera."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.datasets.cityscapes.classes import train_ids
from keras_lwm.rgbd_folder.depth_files import read_numbers
from keras_lwm.rgbd_folder.image_files import open_picture
from keras_lwm.rgbd_folder.labels import LabelReading

PAGE = "https://www.cityscapes-dataset.com"
_ENDINGS = {
    "leftImg8bit": "_leftImg8bit.png",
    "gtFine": "_gtFine_labelIds.png",
    "disparity": "_disparity.png",
    "camera": "_camera.json",
}
_LABELS = LabelReading()
PACKAGES = tuple(f"{tree}_trainvaltest.zip" for tree in _ENDINGS)


@dataclasses.dataclass(frozen=True)
class Frame:
    """The files of one frame; `disparity` and `camera` are `None` where depth is not needed."""

    name: str
    image: Path
    label: Path
    disparity: Path | None = None
    camera: Path | None = None

    def files(self) -> list[Path]:
        files = (self.image, self.label, self.disparity, self.camera)
        return [path for path in files if path is not None]


def find_frames(folder: Path, split: str, *, depth_required: bool) -> list[Frame]:
    """The frames of a split, by city and name.

    Args:
        folder: holds the trees `leftImg8bit`, `gtFine`, `disparity` and `camera`.
        split: "train" or "val".
        depth_required: if not, there may be no `disparity/SPLIT`; then no frame has depth.

    Raises:
        ValueError: for a tree that is missing or empty, or a frame that lacks one of its files.
    """
    with_depth = depth_required or (folder / "disparity" / split).is_dir()
    trees = list(_ENDINGS) if with_depth else ["leftImg8bit", "gtFine"]
    found = {tree: _find(folder, tree, split) for tree in trees}
    # An image without label is as much a hole in what was unpacked as a label without image.
    names = sorted(found["leftImg8bit"] | found["gtFine"])
    return [
        Frame(name.rpartition("/")[2], *(_file(folder, tree, split, name, found) for tree in trees))
        for name in names
    ]


def _find(folder, tree, split) -> set[str]:
    """The frames of one tree, as CITY/NAME."""
    root = folder / tree / split
    if not root.is_dir():
        raise ValueError(f"Expected the folder {root}; there is none: {_remedy(folder, tree)}")
    ending = _ENDINGS[tree]
    found = {
        f"{path.parent.name}/{path.name.removesuffix(ending)}"
        for path in root.glob(f"*/*{ending}")
        if not path.name.startswith(".")
    }
    if not found:
        raise ValueError(
            f"Expected files {root}/CITY/NAME{ending}; found none: {_remedy(folder, tree)}"
        )
    return found


def _file(folder, tree, split, name, found):
    path = folder / tree / split / f"{name}{_ENDINGS[tree]}"
    if name not in found[tree]:
        raise ValueError(
            f"Expected the file {path}, for there are others of this frame; there is none: "
            f"{_remedy(folder, tree)}"
        )
    return path


def _remedy(folder, tree):
    return f"unpack {tree}_trainvaltest.zip of {PAGE} in {folder}."


@dataclasses.dataclass(frozen=True)
class StreetFrames(Sequence):
    """The frames of a split as examples of the library's form, each read when it is asked for.

    Raises:
        ValueError: by `[i]`, for a file that cannot be used; it names the file.
    """

    frames: list[Frame]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict:
        frame = self.frames[index]
        picture = open_picture(frame.image)
        if (picture.format, picture.mode) != ("PNG", "RGB"):
            raise ValueError(
                f"Expected an RGB picture, PNG, in {frame.image}; received {picture.format} of "
                f"mode {picture.mode!r}."
            )
        size = picture.height, picture.width
        label = train_ids(_LABELS.ids(frame.label), frame.label)
        _check_size(frame.label, label.shape, frame.image, size)
        if frame.disparity is None:
            depth = np.zeros(size, np.float32)
        else:
            disparity = read_numbers(frame.disparity)
            _check_size(frame.disparity, disparity.shape, frame.image, size)
            depth = metres(disparity, read_camera(frame.camera))
        return {
            "image": frame.image.read_bytes(),
            "depth": depth[..., None],
            "label": label[..., None],
            "name": frame.name,
        }


def metres(disparity: np.ndarray, baseline_times_focal: float) -> np.ndarray:
    """Depth (H, W) float32, 0 = not measured, from the numbers v of a disparity file, 0 to 65535.

    By the official cityscapesScripts, d = (v - 1) / 256 pixels, and v = 0 was not measured; v = 1
    would be infinitely far, so it is not measured either. Depth is baseline * fx / d.
    """
    of_value = np.zeros(2**16, np.float32)
    of_value[2:] = baseline_times_focal * 256 / np.arange(1, 2**16 - 1)
    return of_value[disparity]


def read_camera(path: Path) -> float:
    """Baseline (metres) times horizontal focal length (pixels) of a camera file.

    Raises:
        ValueError: if the file does not tell both, above 0; it names the file.
    """
    try:
        camera = json.loads(path.read_text(encoding="utf-8"))
        product = camera["extrinsic"]["baseline"] * camera["intrinsic"]["fx"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"Expected JSON with extrinsic.baseline and intrinsic.fx in {path}: {error!r}."
        ) from error
    if not (isinstance(product, float | int) and 0 < product < math.inf):
        raise ValueError(
            f"Expected a baseline and a focal length above 0 in {path}; their product is "
            f"{product!r}."
        )
    return product


def _check_size(path, size, image_path, image_size):
    if size != image_size:
        raise ValueError(
            f"{path} is {size[0]}x{size[1]} (height x width) and {image_path} is "
            f"{image_size[0]}x{image_size[1]}: expected one size."
        )
