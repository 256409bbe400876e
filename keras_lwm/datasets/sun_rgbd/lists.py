"""SUN RGB-D's lists: which frames there are (`SUNRGBDMeta.mat`) and their split (`allsplit.mat`).

Both write absolute paths of the machines that they come from, which differ; what agrees is what
follows `SUNRGBD/`, such as `kv1/NYUdata/NYU0003`: a frame's name here.
"""

import dataclasses
import re
from pathlib import Path, PurePosixPath

from keras_lwm.datasets.matlab import read_mat, struct_field, texts

_VARIABLES = {"train": "alltrain", "test": "alltest"}
_BELOW_ROOT = re.compile(r"(?:.*/)?SUNRGBD/(.*)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Frame:
    """Attributes:
    name: its folder below `SUNRGBD/`.
    image: name of the file in its folder `image/`.
    depth: name of the files in its folders `depth/` and `depth_bfx/`.
    index: its place, from 0, in `SUNRGBDMeta.mat` and `SUNRGBD2Dseg.mat`.
    """

    name: str
    image: str
    depth: str
    index: int


def read_splits(path: Path) -> dict[str, list[str]]:
    """Split (`train`, `test`) -> the names of its frames, in the order of `allsplit.mat`.

    Raises:
        ValueError: if the file cannot be read or names a frame twice.
    """
    splits = {
        split: [below_root(text, path) for text in texts(read_mat(path, variable), path)]
        for split, variable in _VARIABLES.items()
    }
    seen = set()
    for name in (name for names in splits.values() for name in names):
        if name.casefold() in seen:
            raise ValueError(f"{path} names the frame {name!r} twice.")
        seen.add(name.casefold())
    return splits


def read_frames(path: Path) -> list[Frame]:
    """The frames of `SUNRGBDMeta.mat`, in its order.

    Raises:
        ValueError: if the file cannot be read, names a frame twice or has an entry without file
            names.
    """
    struct = read_mat(path, "SUNRGBDMeta")
    columns = [
        texts(struct_field(struct, field, path), path)
        for field in ("rgbpath", "rgbname", "depthname")
    ]
    frames, seen = [], set()
    for index, (rgb_path, image, depth) in enumerate(zip(*columns, strict=True)):
        name = str(PurePosixPath(below_root(rgb_path, path)).parent.parent)
        if name == "." or not image or not depth:
            raise ValueError(
                f"Expected FOLDER/image/FILE, an image and a depth in entry {index + 1} of {path}; "
                f"received {rgb_path!r}, {image!r} and {depth!r}."
            )
        if name.casefold() in seen:
            raise ValueError(f"{path} names the frame {name!r} twice.")
        seen.add(name.casefold())
        frames.append(Frame(name, image, depth, index))
    return frames


def frames_of_splits(
    frames: list[Frame], splits: dict[str, list[str]], path: Path
) -> dict[str, list[Frame]]:
    """Split -> its frames, in the order of the list at `path`.

    Raises:
        ValueError: if a list names what is not among the frames.
    """
    by_name = {frame.name.casefold(): frame for frame in frames}
    missing = [
        name for names in splits.values() for name in names if name.casefold() not in by_name
    ]
    if missing:
        raise ValueError(
            f"{path} names {len(missing)} frames that SUNRGBDMeta.mat does not have; the first is "
            f"{missing[0]!r}."
        )
    return {split: [by_name[name.casefold()] for name in names] for split, names in splits.items()}


def below_root(path: str, source: Path) -> str:
    """What follows the last `SUNRGBD/`, without doubled and trailing slashes.

    Raises:
        ValueError: if nothing does; it names `source`, where the path was read.
    """
    found = _BELOW_ROOT.fullmatch(path)
    parts = [part for part in found[1].split("/") if part] if found else []
    if not parts or ".." in parts:
        raise ValueError(f"Expected a path below 'SUNRGBD/' in {source}; received {path!r}.")
    return "/".join(parts)
