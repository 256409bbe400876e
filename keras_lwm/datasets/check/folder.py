"""A folder of RGB-D frames, looked at file by file: nothing stops at the first error."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from keras_lwm.datasets.check.facts import FrameFacts, depth_facts, label_facts, pixel_digest
from keras_lwm.datasets.check.reading import Reading
from keras_lwm.datasets.check.report import (
    LEFT_OUT,
    LISTS,
    SIZES,
    UNKNOWN_MODEL,
    UNREADABLE,
    Finding,
)
from keras_lwm.rgbd_folder import FolderOptions, FrameReader, Layout
from keras_lwm.rgbd_folder.frame_files import SUFFIXES
from keras_lwm.rgbd_folder.frames import check_aspect
from keras_lwm.rgbd_folder.image_files import open_image
from keras_lwm.rgbd_folder.made_depth import RECORD
from keras_lwm.rgbd_folder.splits import TRAINING_SPLITS

_COLOURLESS = ("1", "L", "LA")


class FolderSource:
    """The frames of a folder; errors of its lists and classes are in `errors`, at once.

    Attributes:
        facts_in_metres: whether depth facts are of metres, rather than of the files' own numbers,
            which is so where metres are not a multiple of them.
        labels_say_classes: whether label files are in colours, or there is an id for each class.
        notes: sentences on what was chosen in reading the folder.
    """

    def __init__(
        self,
        folder,
        options: FolderOptions | None = None,
        size: tuple[int, int] | None = None,
    ):
        options = FolderOptions() if options is None else options
        self.where = self.title = str(Path(folder).expanduser().resolve())
        self.name = Path(self.where).name
        self.errors: list[Finding] = []
        self._layout = Layout(Path(self.where), options, self._add_error)
        self._reader = FrameReader.of(self._layout, size)
        self.facts_in_metres = not _is_multiple(options)
        self.notes = self._layout.notes
        self.class_names, self.palette = self._layout.class_names, self._layout.palette
        self.frame_numbers = {split: len(frames) for split, frames in self._layout.frames.items()}
        self._frames = [
            (split, frame) for split, frames in self._layout.frames.items() for frame in frames
        ]
        first = next((frame.label for _, frame in self._frames if frame.label is not None), None)
        self.labels_say_classes = first is not None and self._reader.labels.says_classes(first)
        self.warnings = [*self._ignored(), *self._unknown_model()]
        if options.splits is None and self.frame_numbers:
            # Else other files may belong to the other lists.
            self.warnings += self._unlisted()
            self._find_training()

    def require_unit(self) -> None:
        """Raises a `ValueError` where depth has no unit and none can be found by what fits."""
        measured = [frame for _, frame in self._frames if frame.depth and not frame.is_made]
        if not self.facts_in_metres or self._reader.depth.unit is not None or not measured:
            return
        with contextlib.suppress(ValueError):  # Whoever reads the frame comes upon it.
            if self._reader.depth.numbers(measured[0].depth).dtype.kind == "f":
                return
        raise ValueError(
            f"Expected depth_unit for {measured[0].depth} and the others, beside depth_kind, "
            "depth_offset, depth_max or cameras; none was given."
        )

    def __len__(self) -> int:
        return len(self._frames)

    def facts(self, index: int) -> FrameFacts:
        """Reads the files of a frame, each once; what is wrong with them is among the facts."""
        split, frame = self._frames[index]
        facts = FrameFacts(split, frame.name, str(frame.image or frame.label or frame.name))
        facts.has_label, facts.has_depth = frame.label is not None, frame.depth is not None
        if frame.is_made:
            made = self._layout.made_depth
            facts.made_by = "that a model made" if made is None else made.short()

        def note(kind, path, error):
            facts.errors.append((kind, str(path), str(error)))

        for path, read in (
            (frame.image, self._look_at_image),
            (frame.label, self._look_at_label),
            (frame.depth, self._look_at_depth),
        ):
            if path is not None:
                try:
                    read(frame, facts)
                except ValueError as error:
                    note(UNREADABLE, path, error)
        for other, size in self._sizes_to_fit(frame, facts):
            try:
                check_aspect(*other, *size)
            except ValueError as error:
                note(SIZES, other[0], error)
        return facts

    def sample(self, index: int, reading: Reading) -> dict:
        """The frame as it is prepared, its image decoded: see `FrameReader.read`."""
        _, frame = self._frames[index]
        depth = dataclasses.replace(self._reader.depth, unit=reading.depth_unit)
        reader = dataclasses.replace(self._reader, depth=depth)
        if not self.labels_say_classes:
            reader = dataclasses.replace(
                reader, first_id=reading.first_id, void_ids=reading.void_ids
            )
        sample = reader.read(frame)
        if isinstance(sample["image"], bytes):
            sample["image"] = np.asarray(open_image(frame.image))
        return sample

    def _look_at_image(self, frame, facts):
        picture = open_image(frame.image)
        facts.size = picture.height, picture.width
        facts.is_grey = picture.mode in _COLOURLESS
        facts.digest = pixel_digest(np.asarray(picture.convert("RGB")))

    def _look_at_label(self, frame, facts):
        facts.label = label_facts(
            str(frame.label), self._reader.labels.ids(frame.label, self._reader.void_ids)
        )

    def _look_at_depth(self, frame, facts):
        depth = self._reader.depth_of(frame)
        if self._reader.alignment is not None and not frame.is_made and facts.size is not None:
            # As it comes to be seen: of the wrong cameras nothing may be left of it.
            numbers = self._reader.read_depth(frame, facts.size)
        else:
            numbers = depth.numbers(frame.depth)
            if self.facts_in_metres or frame.is_made:
                numbers = depth.metres(numbers, frame.depth)
        found = depth_facts(str(frame.depth), numbers, np.issubdtype(numbers.dtype, np.integer))
        if frame.is_made:
            facts.made_depth = found
        else:
            facts.depth = found

    def _sizes_to_fit(self, frame, facts):
        """((file, its size), (what it has to fit, that one's size)) as far as they are known."""
        if facts.size is None:
            return
        if self._reader.size is not None:
            yield (frame.image, facts.size), (f"size={self._reader.size}", self._reader.size)
        depth = None if self._reader.alignment is not None else facts.depth
        for part in (facts.label, depth, facts.made_depth):
            if part is not None:
                yield (part.file, part.size), (frame.image, facts.size)

    def _add_error(self, path, message):
        self.errors.append(Finding(LISTS, str(path), message))

    def _find_training(self):
        """Notes what no training can do without: its list, and depth for at least one frame."""
        where, options = self._layout.folder, self._layout.options
        usual = (*TRAINING_SPLITS, options.unlabelled)
        train = [split for split in usual if split in self.frame_numbers]
        if not train:
            path = where / options.lists.replace("{split}", "train")
            expected = f"{path} to train on, or the lists to check by their names"
            self._add_error(where, f"Expected {expected}; found {', '.join(self.frame_numbers)}.")
        elif not any(frame.depth for split, frame in self._frames if split in train):
            root = (where / options.depth).parent
            sentence = f"No training frame has its depth in {root}: expected {options.depth}"
            self._add_error(root, f"{sentence}, from which the loss weights are made.")

    def _unlisted(self):
        for path in self._layout.unlisted:
            yield Finding(LEFT_OUT, str(path), f"No split has {path}.")

    def _unknown_model(self):
        made = [frame for _, frame in self._frames if frame.is_made]
        if made and self._layout.made_depth is None:
            message = f"There is no {RECORD} that says how {made[0].depth} and the like were made."
            yield Finding(UNKNOWN_MODEL, str(made[0].depth), message)

    def _ignored(self):
        for path, kind in self._layout.ignored:
            expected = " or ".join(SUFFIXES[kind])
            message = f"{path} is ignored: expected {expected} for {kind}."
            yield Finding(LEFT_OUT, str(path), message)


def _is_multiple(options):
    """Whether metres are the numbers of the depth files times the unit, at their own pixels."""
    plain = (options.depth_kind, options.depth_offset, options.depth_max) == ("depth", 0.0, None)
    return plain and options.alignment() is None
