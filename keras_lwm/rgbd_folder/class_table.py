"""The classes of a folder, their colours, and how its label files mean them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.palette import distinct_palette
from keras_lwm.rgbd_folder.classes import read_classes, read_colours
from keras_lwm.rgbd_folder.labels import LabelReading, read_id_map
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.void import MOST_CLASSES, check_num_classes

USUAL_FILES = tuple(f"classes.{suffix}" for suffix in ("txt", "csv", "json", "yaml", "yml"))
_USUAL_COLOURS = "colours.txt"
# More than 8 bits hold are rather depth, instances, or ids to be mapped.
_MOST_MADE_UP = 255


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """What a folder's labels may say.

    Attributes:
        names: one a class.
        palette: an RGB triple each.
        labels: how label files are read.
        notes: sentences on what was chosen here.
    """

    names: list[str]
    palette: list[tuple[int, int, int]]
    labels: LabelReading
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> tuple:
        """Changes with whatever samples are made of."""
        id_map = self.labels.id_map
        ids = self.labels.class_ids, id_map and sorted(id_map.items())
        return self.names, self.palette, ids, self.labels.colours


def find_classes(
    folder: Path, options: FolderOptions, label_paths: Sequence[Path], report_error: Callable
) -> ClassTable:
    """The classes that `options` name, or that the folder's file does, or that its labels hold.

    Args:
        folder: of the frames.
        options: its options.
        label_paths: the label files of all frames. Where there are none, which is an error of its
            own, there may be no classes.
        report_error: called with a file and a message; if it returns, reading goes on.
    """
    id_map = _id_map(folder, options)
    path = _file_of_classes(folder, options)
    names, colours, ids, notes = [], None, None, ()
    if path is not None:
        found = read_classes(path, report_error)
        names, colours, ids = list(found.names), found.colours, found.ids
    elif isinstance(options.classes, int):
        names = _made_up(options.classes)
    elif options.classes is not None:
        names = list(options.classes)
    if ids is not None:
        _check_one_map(path, options)
    colours = _colours(folder, options, len(names), report_error) or colours
    labels = LabelReading(
        colours=None if colours is None else tuple(map(tuple, colours)),
        void_colours=options.void_colours,
        class_ids=None if ids is None else tuple(ids),
        id_map=id_map,
        key=options.label_key,
    )
    if options.classes is None and path is None and label_paths:
        number = _count_classes(label_paths, labels, options)
        if number > _MOST_MADE_UP:
            report_error(
                folder,
                f"The labels of {folder} hold ids up to {number - 1 + (options.first_id or 0)}: "
                f"expected a file of classes, or classes={number} if there are so many.",
            )
        names = _made_up(number)
        notes = (
            f"Found no file of classes in {folder}: the labels hold {number}, called c0, c1, ... "
            f"(classes={number} says so without reading them all).",
        )
    if path is None and (label_paths or options.classes is not None):
        try:
            check_num_classes(len(names), folder)
        except ValueError as error:
            report_error(folder, str(error))
    palette = list(labels.colours or ())
    if len(palette) != len(names):
        palette = distinct_palette(len(names))
    return ClassTable(names, palette, labels, notes)


def _file_of_classes(folder, options) -> Path | None:
    if isinstance(options.classes, str):
        return folder / options.classes
    if options.classes is None:
        usual = [folder / name for name in USUAL_FILES if (folder / name).exists()]
        if len(usual) > 1:
            raise ValueError(
                f"Expected one file of classes in {folder}; found "
                f"{', '.join(path.name for path in usual)}: name one by classes."
            )
        return usual[0] if usual else None
    return None


def _made_up(number):
    return [f"c{index}" for index in range(number)]


def _id_map(folder, options):
    if isinstance(options.id_map, str):
        return read_id_map(folder / options.id_map, options.id_map_columns)
    return None if options.id_map is None else dict(options.id_map)


def _check_one_map(path, options):
    if options.id_map is not None or options.first_id:
        raise ValueError(
            f"{path} has an id for every class: expected neither id_map nor first_id; received "
            f"id_map={options.id_map!r} and first_id={options.first_id!r}."
        )


def _colours(folder, options, number, report_error):
    name = options.colours
    if name is None and not (folder / _USUAL_COLOURS).exists():
        return None
    return read_colours(folder / (name or _USUAL_COLOURS), number, report_error)


def _count_classes(paths, labels, options) -> int:
    """One more than the largest id of a class that any label file holds.

    A file that cannot be read counts for nothing: whoever reads the frames comes upon it.
    """
    first = options.first_id or 0
    void = (255, MOST_CLASSES) if options.void_ids is None else options.void_ids
    largest = max((_largest_id(path, labels, void) for path in paths), default=-1)
    return min(max(largest - first + 1, 0), MOST_CLASSES + 1)


_LARGEST_IDS = {}


def _largest_id(path, labels, void):
    """The largest id that is not void; kept, for a folder is looked at more than once."""
    status = path.stat()
    key = path, status.st_size, status.st_mtime_ns, repr(labels), void
    if key not in _LARGEST_IDS:
        try:
            ids = labels.ids(path, void)
            _LARGEST_IDS[key] = int(np.max(ids, initial=-1, where=~np.isin(ids, void)))
        except ValueError:
            _LARGEST_IDS[key] = -1
    return _LARGEST_IDS[key]
