"""What the folder holds: frames, split lists, class names, colours; and whether it has changed.

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
from keras_lwm.void import check_num_classes

SPLITS = ("train", "tune", "val", "valid", "validation", "dev", "test")
SUFFIXES = {"rgb": (".jpg", ".jpeg", ".png"), "depth": (".png", ".npy"), "label": (".png",)}


@dataclasses.dataclass(frozen=True)
class Frame:
    """The files of one frame; `depth` is `None` where there is none."""

    name: str
    image: Path
    label: Path
    depth: Path | None

    def files(self) -> list[Path]:
        return [path for path in (self.image, self.label, self.depth) if path is not None]


def raise_error(path: Path, message: str) -> None:
    """Raises the message, which names the file already, as a `ValueError`."""
    raise ValueError(message)


class Layout:
    """The folder as it is now.

    Args:
        folder: where the frames are.
        splits, classes, colours: as of `RgbdFolder`.
        report_error: called with a file and a message for every error. If it returns, reading goes
            on: such frames have `None` where an image or a label is missing.

    Attributes:
        frames: split -> its frames, in the order of the list.
        files: kind -> name -> file: all there are, whether a list names them or not.
        class_names: one name a class.
        palette: one RGB triple a class.
        fingerprint: changes with every file that the frames are made of (its name, size and time
            of change) and with the text of every list.

    Raises:
        ValueError: for a file that is missing, named twice or invalid, unless `report_error` does
            something else; for a folder that is none, always.
    """

    def __init__(
        self,
        folder: Path,
        splits=None,
        classes="classes.txt",
        colours=None,
        report_error=raise_error,
    ):
        self.folder = folder
        if not folder.is_dir():
            raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
        self.class_names = _class_names(folder / classes, report_error)
        self.palette = _palette(folder, colours, self.class_names, report_error)
        self.files = {kind: _find(folder, kind, report_error) for kind in SUFFIXES}
        self.frames = {
            split: _frames(folder, split, self.files, report_error)
            for split in splits or _known_splits(folder, report_error)
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


def read_lines(path: Path, report_error=raise_error) -> list[str]:
    """The lines of a text file that are not blank; having none is an error."""
    lines = []
    if not path.is_file():
        report_error(path, f"Expected the text file {path}; there is none.")
        return lines
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        report_error(path, f"Expected UTF-8 text in {path}: {error}.")
        return lines
    except OSError as error:
        report_error(path, f"Cannot read {path}: {error.strerror}.")
        return lines
    lines = [line for line in lines if line]
    if not lines:
        report_error(path, f"Expected at least one line in {path}; it is empty.")
    return lines


def _class_names(path, report_error):
    names = read_lines(path, report_error)
    for repeated in _repeated(names):
        report_error(path, f"{path} names the class {repeated!r} twice.")
    if names:
        try:
            check_num_classes(len(names), path)
        except ValueError as error:
            report_error(path, str(error))
    return names


def _palette(folder, colours, class_names, report_error):
    path = folder / (colours or "colours.txt")
    made_up = distinct_palette(len(class_names))
    if colours is None and not path.exists():
        return made_up
    lines = read_lines(path, report_error)
    if len(lines) != len(class_names):
        report_error(
            path,
            f"Expected one colour a class in {path}: {len(class_names)} classes, {len(lines)} "
            "colours.",
        )
        return made_up
    return [
        _colour(path, line, report_error) or colour
        for line, colour in zip(lines, made_up, strict=True)
    ]


def _colour(path, line, report_error):
    channels = re.split(r"[\s,]+", line)
    if len(channels) != 3 or not all(re.fullmatch(r"\d{1,3}", text) for text in channels):
        channels = ["256"]
    colour = tuple(int(text) for text in channels)
    if max(colour) > 255:
        report_error(path, f"Expected 'red green blue', 0 to 255, in {path}; received {line!r}.")
        return None
    return colour


def _known_splits(folder, report_error):
    splits = [split for split in SPLITS if (folder / f"{split}.txt").is_file()]
    if not splits:
        report_error(
            folder,
            f"Found no list of frames in {folder}: expected one of "
            f"{', '.join(f'{split}.txt' for split in SPLITS)}, or splits=('name', ...) for lists "
            "of other names.",
        )
    return splits


def _find(folder, kind, report_error) -> dict[str, Path]:
    """Name -> file, for every file of one kind."""
    root = folder / kind
    if not root.is_dir() and kind != "depth":
        report_error(root, f"Expected a folder {kind} in {folder}; there is none.")
    found = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in SUFFIXES[kind] or path.name.startswith("."):
            continue
        if not path.is_file():
            found_instead = "a link that leads nowhere" if path.is_symlink() else "a folder"
            report_error(path, f"Expected a file at {path}; there is {found_instead}.")
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in found:
            report_error(path, f"Expected one file a frame; received {found[name]} and {path}.")
        found[name] = path
    return found


def _frames(folder, split, files, report_error):
    path = folder / f"{split}.txt"
    names = read_lines(path, report_error)
    for repeated in _repeated(names):
        report_error(path, f"{path} names the frame {repeated!r} twice.")
    names = list(dict.fromkeys(names))
    for name in names:
        for kind in ("rgb", "label"):
            if name not in files[kind]:
                report_error(
                    path,
                    f"{path} names the frame {name!r}, but there is no {folder / kind / name} that "
                    f"ends in {' or '.join(SUFFIXES[kind])}.",
                )
    return [
        Frame(name, *(files[kind].get(name) for kind in ("rgb", "label", "depth")))
        for name in names
    ]


def _repeated(values) -> list:
    """The values that occur more than once, in the order of their first repetition."""
    seen, repeated = set(), {}
    for value in values:
        if value in seen:
            repeated[value] = None
        seen.add(value)
    return list(repeated)
