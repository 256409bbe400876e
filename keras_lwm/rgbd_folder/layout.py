"""What the folder holds: frames of each split, classes, colours; and whether it has changed."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from keras_lwm.rgbd_folder.class_table import ClassTable, find_classes
from keras_lwm.rgbd_folder.frame_files import Frame, FrameFiles
from keras_lwm.rgbd_folder.made_depth import MADE_FOLDER, RECORD, MadeDepth, read_record
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.rgbd_folder.splitting import Splitting
from keras_lwm.rgbd_folder.text_files import raise_error


class Layout:
    """The folder as it is now.

    Args:
        folder: where the frames are.
        options: how it is read.
        report_error: called with a file and a message for every error. If it returns, reading goes
            on: such frames have `None` where an image or a label is missing.

    Attributes:
        frames: split -> its frames, in the order of the list, or of their names.
        unlisted: files of frames that belong to no split.
        ignored: (file, kind) of those that lie where files of a kind do, and cannot be read.
        notes: sentences on what was chosen here, for users to see.
        class_table: the classes, and how label files mean them.
        made_depth: what is known of the depth that a model made; None where there is none such, or
            nothing is known of it.
        fingerprint: changes with every file that the frames are made of (its name, size and time
            of change), with the text of every list, and with the classes.

    Raises:
        ValueError: for a file that is missing, named twice or invalid, unless `report_error` does
            something else; for a folder that is none, always.
    """

    def __init__(
        self,
        folder: Path,
        options: FolderOptions | None = None,
        report_error: Callable = raise_error,
    ):
        self.folder = folder
        self.options = FolderOptions() if options is None else options
        if not folder.is_dir():
            raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
        self.notes: list[str] = []
        self._report_error = report_error
        self._files = FrameFiles(folder, self.options, report_error)
        self._files.require_images()
        self.ignored = self._files.ignored
        frames = self._files.frames()
        if self.options.pair_within is not None:
            measured = sum(
                frame.depth is not None and not frame.is_made for frame in frames.values()
            )
            within = f"{self.options.pair_within:g} s"
            self.notes.append(f"{measured} of {len(frames)} images have depth within {within}.")
        splitting = Splitting(self._files, self.options, report_error)
        self.frames = splitting.split(frames)
        self.notes += splitting.notes
        used = {path for frames in self.frames.values() for f in frames for path in f.files()}
        self.unlisted = [path for path in self._files.all() if path not in used]
        self.class_table = self._find_classes()
        self.made_depth = self._find_made_depth()
        self.fingerprint = self._fingerprint()

    @property
    def class_names(self) -> list[str]:
        """One name a class."""
        return self.class_table.names

    @property
    def palette(self) -> list[tuple[int, int, int]]:
        """One RGB triple a class."""
        return self.class_table.palette

    def _find_classes(self) -> ClassTable:
        paths = [f.label for frames in self.frames.values() for f in frames if f.label is not None]
        table = find_classes(self.folder, self.options, paths, self._report_error)
        self.notes += table.notes
        return table

    def _find_made_depth(self) -> MadeDepth | None:
        frames = {f.name: f for frames in self.frames.values() for f in frames if f.depth}.values()
        number = sum(frame.is_made for frame in frames)
        if not number:
            return None
        folder = self.folder / (self._files.patterns["made_depth"].root or MADE_FOLDER)
        try:
            record = read_record(folder)
        except ValueError as error:
            self._report_error(folder / RECORD, str(error))
            return None
        if record is None:
            self.notes.append(
                f"There is no {folder / RECORD}: nothing says by which model the depth of {number} "
                "frames was made, nor whether it is in metres."
            )
            return None
        self.notes.append(f"The depth of {number} frames is {record.describe()}.")
        measured = next((frame for frame in frames if not frame.is_made), None)
        if record.relative and measured is not None:
            self._report_error(
                folder / RECORD,
                f"Expected depth in metres in {folder}, to go with the measured {measured.depth}; "
                f"{folder / RECORD} says that it is relative: make it anew, aligned to what is "
                "measured.",
            )
        return record

    def _fingerprint(self):
        digest = hashlib.sha256(repr(self.class_table.state).encode())
        for split, frames in self.frames.items():
            for frame in frames:
                digest.update(repr((split, frame.name)).encode())
                for path in frame.files():
                    status = path.stat()
                    entry = path.relative_to(self.folder), status.st_size, status.st_mtime_ns
                    digest.update(repr(entry).encode())
        return digest.hexdigest()


def list_frames(folder: Path, options: FolderOptions) -> list[Frame]:
    """The frames of all splits, each once; in a folder without any label, those of all images.

    Raises:
        ValueError: as of `Layout`; there is no image.
    """
    if not folder.is_dir():
        raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
    files = FrameFiles(folder, options, raise_error, optional=("depth", "label"))
    files.require_images()
    if not files.found["label"]:
        return list(files.frames().values())
    splits = Layout(folder, options).frames.values()
    return list({frame.name: frame for frames in splits for frame in frames}.values())
