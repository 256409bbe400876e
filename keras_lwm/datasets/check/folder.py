"""A folder of RGB-D frames, looked at file by file: nothing stops at the first error."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.datasets.check.facts import FrameFacts, depth_facts, label_facts, pixel_digest
from keras_lwm.datasets.check.reading import Reading
from keras_lwm.datasets.check.report import LISTS, SIZES, UNLISTED, UNREADABLE, Finding
from keras_lwm.rgbd_folder.files import (
    is_array,
    open_image,
    read_depth_values,
    read_label_ids,
)
from keras_lwm.rgbd_folder.frames import check_aspect, read_frame
from keras_lwm.rgbd_folder.layout import SUFFIXES, Layout

_COLOURLESS = ("1", "L", "LA")


class FolderSource:
    """The frames of a folder; errors of its lists and classes are in `errors`, at once."""

    def __init__(
        self,
        folder,
        splits: Sequence[str] | None = None,
        classes: str = "classes.txt",
        colours: str | None = None,
        size: tuple[int, int] | None = None,
    ):
        self.where = self.title = str(Path(folder).expanduser().resolve())
        self.name = Path(self.where).name
        self.errors: list[Finding] = []
        self._layout = Layout(Path(self.where), splits, classes, colours, self._add_error)
        self._size = size
        self.class_names, self.palette = self._layout.class_names, self._layout.palette
        self.frame_numbers = {split: len(frames) for split, frames in self._layout.frames.items()}
        self._frames = [
            (split, frame) for split, frames in self._layout.frames.items() for frame in frames
        ]
        self.warnings = list(self._ignored())
        if splits is None:  # else other files may belong to the other lists
            self.warnings += self._unlisted()
            self._find_training()

    def __len__(self) -> int:
        return len(self._frames)

    def facts(self, index: int) -> FrameFacts:
        """Reads the files of a frame, each once; what is wrong with them is among the facts."""
        split, frame = self._frames[index]
        facts = FrameFacts(split, frame.name, str(frame.image or frame.label or frame.name))
        facts.has_depth = frame.depth is not None

        def note(kind, path, error):
            facts.errors.append((kind, str(path), str(error)))

        for path, read in (
            (frame.image, _look_at_image),
            (frame.label, _look_at_label),
            (frame.depth, _look_at_depth),
        ):
            if path is not None:
                try:
                    read(path, facts)
                except ValueError as error:
                    note(UNREADABLE, path, error)
        for other, size in self._sizes_to_fit(frame, facts):
            try:
                check_aspect(*other, *size)
            except ValueError as error:
                note(SIZES, other[0], error)
        return facts

    def sample(self, index: int, reading: Reading) -> dict:
        """The frame as it is prepared, its image decoded: see `rgbd_folder.frames.read_frame`."""
        _, frame = self._frames[index]
        sample = read_frame(
            frame,
            depth_unit=reading.depth_unit,
            first_id=reading.first_id,
            void_ids=reading.void_ids,
            num_classes=len(self.class_names),
            size=self._size,
        )
        if isinstance(sample["image"], bytes):
            sample["image"] = np.asarray(open_image(frame.image))
        return sample

    def _sizes_to_fit(self, frame, facts):
        """((file, its size), (what it has to fit, that one's size)) as far as they are known."""
        if facts.size is None:
            return
        if self._size is not None:
            yield (frame.image, facts.size), (f"size={self._size}", self._size)
        for part in (facts.label, facts.depth):
            if part is not None:
                yield (part.file, part.size), (frame.image, facts.size)

    def _add_error(self, path, message):
        self.errors.append(Finding(LISTS, str(path), message))

    def _find_training(self):
        """Notes what no training can do without: its list, and depth for at least one frame."""
        where = self._layout.folder
        if self.frame_numbers and "train" not in self.frame_numbers:
            expected = f"{where / 'train.txt'} to train on, or the lists to check by their names"
            self._add_error(where, f"Expected {expected}; found {', '.join(self.frame_numbers)}.")
        elif not any(frame.depth for split, frame in self._frames if split == "train"):
            root = where / "depth"
            sentence = f"No training frame has its depth in {root}: expected depth/NAME.png|npy"
            self._add_error(root, f"{sentence}, from which the loss weights are made.")

    def _unlisted(self):
        named = {frame.name for _, frame in self._frames}
        for files in self._layout.files.values():
            for name, path in files.items():
                if name not in named:
                    yield Finding(UNLISTED, str(path), f"No list names {path}.")

    def _ignored(self):
        for kind in SUFFIXES:
            for path in sorted((self._layout.folder / kind).rglob("*")):
                hidden = path.name.startswith(".") or path.is_dir()
                if not hidden and path.suffix.lower() not in SUFFIXES[kind]:
                    expected = " or ".join(SUFFIXES[kind])
                    message = f"{path} is ignored: expected {expected} in {kind}/."
                    yield Finding(UNLISTED, str(path), message)


def _look_at_image(path, facts):
    picture = open_image(path)
    facts.size = picture.height, picture.width
    facts.is_grey = picture.mode in _COLOURLESS
    facts.digest = pixel_digest(np.asarray(picture.convert("RGB")))


def _look_at_label(path, facts):
    facts.label = label_facts(str(path), read_label_ids(path))


def _look_at_depth(path, facts):
    facts.depth = depth_facts(str(path), read_depth_values(path), not is_array(path))
