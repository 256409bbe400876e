"""Which named layout a folder has, for those who did not say."""

from pathlib import Path
from typing import NamedTuple

from keras_lwm.rgbd_folder.frame_files import SUFFIXES
from keras_lwm.rgbd_folder.named_layouts import NAMED_LAYOUTS, folder_options
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.rgbd_folder.patterns import SPLIT, Pattern, list_files
from keras_lwm.rgbd_folder.splits import SCORED_SPLITS, TRAINING_SPLITS
from keras_lwm.rgbd_folder.time_stamps import pair_keys

_SPLITS = {*TRAINING_SPLITS, *SCORED_SPLITS}
_BY_TOP = {"splits": True, "scenes": False}
"""Layouts that differ in what the uppermost folders are called: whether they are splits."""


class Guess(NamedTuple):
    """A named layout (`None`: the default one), and how many images, labels and depths it finds."""

    layout: str | None
    images: int
    labels: int
    depths: int


def guess_layout(folder: Path) -> Guess:
    """The layout by which most images have a label, then most have depth, then most are found.

    Args:
        folder: of the frames; only the names of its files are looked at.
    """
    paths = list_files(folder)
    guesses = [
        _count(paths, name, options)
        for name in (None, *NAMED_LAYOUTS)
        if _has_table(folder, options := folder_options(name))
    ]
    # The first of those that are as good: the default, then the order of the named ones.
    return max(guesses, key=lambda guess: (guess.labels, guess.depths, guess.images))


def _has_table(folder, options):
    """Whether the layout's table of ids is there, without which it cannot be read."""
    return not isinstance(options.id_map, str) or (folder / options.id_map).is_file()


def _count(paths, name, options: FolderOptions) -> Guess:
    patterns = [
        Pattern(getattr(options, kind), SUFFIXES[kind], kind) for kind in ("rgb", "label", "depth")
    ]
    tops = {match.path.partition("/")[0] for match in patterns[0].matches(paths)}
    if name in _BY_TOP and _BY_TOP[name] != (tops <= _SPLITS):
        return Guess(name, 0, 0, 0)
    fields = [field for field in patterns[0].fields if field != SPLIT]
    images, labels, depths = (_keys(paths, pattern, fields) for pattern in patterns)
    measured = len(images & depths)
    if options.pair_within is not None:
        # Numbers of frames are times, too, if these may be whole seconds.
        position = fields.index("name")
        if not all("." in key[position] for key in images | depths):
            return Guess(name, 0, 0, 0)
        try:
            measured = len(pair_keys(images, depths, fields, options.pair_within))
        except ValueError:
            measured = 0
    return Guess(name, len(images), len(images & labels), measured)


def _keys(paths, pattern, fields) -> set:
    return {
        tuple(match.fields[field] for field in fields)
        for match in pattern.matches(paths)
        if match.readable
    }
