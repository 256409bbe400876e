"""What lies in the folder: frames, split lists, class names, colours; and whether it has changed.

    folder/
      rgb/NAME.jpg|png        label/NAME.png        depth/NAME.png|npy   (may be missing)
      classes.txt             colours.txt           (may be missing)
      train.txt, ...          one NAME a line

A NAME may have folders of its own ("kitchen/0001"). Blank lines mean nothing.
"""

import dataclasses
import hashlib
import re
from pathlib import Path

from keras_lwm.palette import distinct_palette

SPLITS = ("train", "tune", "val", "valid", "validation", "dev", "test")
MOST_CLASSES = 255
_SUFFIXES = {"rgb": (".jpg", ".jpeg", ".png"), "depth": (".png", ".npy"), "label": (".png",)}


@dataclasses.dataclass(frozen=True)
class Frame:
    """The files of one frame; `depth` is `None` where there is none."""

    name: str
    image: Path
    label: Path
    depth: Path | None

    def files(self) -> list[Path]:
        return [path for path in (self.image, self.label, self.depth) if path is not None]


class Layout:
    """The folder as it is now.

    Attributes:
        frames: split -> its frames, in the order of the list.
        class_names: one name a class.
        palette: one RGB triple a class.
        fingerprint: changes with every file that the frames are made of (its name, size and time
            of change) and with the text of every list.

    Raises:
        ValueError: for a file that is missing, named twice, or does not say what it should.
    """

    def __init__(self, folder: Path, splits=None, classes="classes.txt", colours=None):
        self.folder = folder
        if not folder.is_dir():
            raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
        self.class_names = _class_names(folder / classes)
        self.palette = _palette(folder, colours, self.class_names)
        found = {kind: _find(folder, kind) for kind in _SUFFIXES}
        self.frames = {
            split: _frames(folder, split, found) for split in splits or _known_splits(folder)
        }
        self.fingerprint = self._fingerprint()

    def _fingerprint(self):
        digest = hashlib.sha256(repr((self.class_names, self.palette)).encode())
        for split, frames in self.frames.items():
            for frame in frames:
                digest.update(repr((split, frame.name)).encode())
                for path in frame.files():
                    status = path.stat()
                    entry = path.relative_to(self.folder), status.st_size, status.st_mtime_ns
                    digest.update(repr(entry).encode())
        return digest.hexdigest()


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank, or a `ValueError` that says what is wrong."""
    if not path.is_file():
        raise ValueError(f"Expected the text file {path}; there is none.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected UTF-8 text in {path}: {error}.") from error
    lines = [line for line in lines if line]
    if not lines:
        raise ValueError(f"Expected at least one line in {path}; it is empty.")
    return lines


def _class_names(path):
    names = read_lines(path)
    repeated = _first_repeated(names)
    if repeated is not None:
        raise ValueError(f"{path} names the class {repeated!r} twice.")
    if len(names) > MOST_CLASSES:
        raise ValueError(f"Expected at most {MOST_CLASSES} classes in {path}; found {len(names)}.")
    return names


def _palette(folder, colours, class_names):
    path = folder / (colours or "colours.txt")
    if colours is None and not path.exists():
        return distinct_palette(len(class_names))
    lines = read_lines(path)
    if len(lines) != len(class_names):
        raise ValueError(
            f"Expected one colour a class in {path}: {len(class_names)} classes, {len(lines)} "
            "colours."
        )
    return [_colour(path, line) for line in lines]


def _colour(path, line):
    channels = re.split(r"[\s,]+", line)
    if len(channels) != 3 or not all(re.fullmatch(r"\d{1,3}", text) for text in channels):
        channels = ["256"]
    colour = tuple(int(text) for text in channels)
    if max(colour) > 255:
        raise ValueError(f"Expected 'red green blue', 0 to 255, in {path}; received {line!r}.")
    return colour


def _known_splits(folder):
    splits = [split for split in SPLITS if (folder / f"{split}.txt").is_file()]
    if not splits:
        raise ValueError(
            f"Found no list of frames in {folder}: expected one of "
            f"{', '.join(f'{split}.txt' for split in SPLITS)}, or splits=('name', ...) for lists "
            "of other names."
        )
    return splits


def _find(folder, kind) -> dict[str, Path]:
    """Name -> file, for every file of one kind."""
    root = folder / kind
    if not root.is_dir() and kind != "depth":
        raise ValueError(f"Expected a folder {kind} in {folder}; there is none.")
    found = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES[kind] or path.name.startswith("."):
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in found:
            raise ValueError(f"Expected one file a frame; received {found[name]} and {path}.")
        found[name] = path
    return found


def _frames(folder, split, found):
    path = folder / f"{split}.txt"
    names = read_lines(path)
    repeated = _first_repeated(names)
    if repeated is not None:
        raise ValueError(f"{path} names the frame {repeated!r} twice.")
    for name in names:
        for kind in ("rgb", "label"):
            if name not in found[kind]:
                raise ValueError(
                    f"{path} names the frame {name!r}, but there is no {folder / kind / name} that "
                    f"ends in {' or '.join(_SUFFIXES[kind])}."
                )
    return [
        Frame(name, found["rgb"][name], found["label"][name], found["depth"].get(name))
        for name in names
    ]


def _first_repeated(names):
    seen = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
