"""The files of Cityscapes as its packages unpack: TREE/SPLIT/CITY/CITY_SEQUENCE_FRAME_ending."""

import dataclasses
from pathlib import Path

PAGE = "https://www.cityscapes-dataset.com"
_ENDINGS = {
    "leftImg8bit": "_leftImg8bit.png",
    "gtFine": "_gtFine_labelIds.png",
    "disparity": "_disparity.png",
    "camera": "_camera.json",
}
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
