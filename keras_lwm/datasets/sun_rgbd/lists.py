"""Keeps NYU Depth V2's test frames out of SUN RGB-D's training frames, and the other way round.

SUN RGB-D holds all 1,449 labelled frames of NYU Depth V2, as `kv1/NYUdata/NYU0001` to `NYU1449` by
their official numbers. As published, the lists of both agree on which are for training; with other
lists, a network trained on the one would have seen test frames of the other.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
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
        if name == "." or not (_is_file_name(image) and _is_file_name(depth)):
            raise ValueError(
                f"Expected FOLDER/image/FILE, an image and a depth in entry {index + 1} of {path}; "
                f"received {rgb_path!r}, {image!r} and {depth!r}."
            )
        if name.casefold() in seen:
            raise ValueError(f"{path} names the frame {name!r} twice.")
        seen.add(name.casefold())
        frames.append(Frame(name, image, depth, index))
    return frames


def _is_file_name(text):
    return text not in ("", ".", "..") and not set(text) & set("/\\\0")


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


_NYU_FRAME = re.compile(r"kv1/NYUdata/NYU(\d+)", re.IGNORECASE)


def nyu_numbers(names: Iterable[str]) -> set[int]:
    """The official NYU Depth V2 numbers, from 1, of those of these SUN RGB-D frames that are
    NYU's."""
    found = (_NYU_FRAME.fullmatch(name) for name in names)
    return {int(match[1]) for match in found if match}


def check_nyu_overlap(sun: Mapping[str, Iterable[str]], nyu: Mapping[str, Iterable[int]]) -> None:
    """Checks that no frame is for training in one data set and for testing in the other.

    Args:
        sun: `train` and `test` -> names of SUN RGB-D frames.
        nyu: `train` and `test` -> numbers of NYU Depth V2 frames, from 1.

    Raises:
        ValueError: if there is such a frame; it names the first.
    """
    for split, other in (("train", "test"), ("test", "train")):
        both = sorted(nyu_numbers(sun[split]) & set(nyu[other]))
        if both:
            raise ValueError(
                f"{len(both)} frames of NYU Depth V2's {other} split are in the {split} split of "
                f"SUN RGB-D; the first is frame {both[0]}, kv1/NYUdata/NYU{both[0]:04d}."
            )
