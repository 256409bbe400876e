"""What a label file means: from its numbers or colours to class ids and void."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.pictures import open_picture_file
from keras_lwm.rgbd_folder.classes import repetitions
from keras_lwm.rgbd_folder.number_files import (
    ARRAY_SUFFIXES,
    read_array,
    read_picture,
    refuse_key,
)
from keras_lwm.rgbd_folder.text_files import read_table
from keras_lwm.void import label_dtype, void_id

SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz", ".h5", ".hdf5")
VOID_INDEX = -1
"""The id of void in labels that say classes (by colours, or by an id for each class): the others
have the index of their class."""

_KIND = "label"
_ID_MODES = ("1", "L", "P", "I;16", "I;16B", "I")
_COLOUR_MODES = ("RGB", "RGBA")
_INT64 = np.iinfo(np.int64)


@dataclasses.dataclass(frozen=True)
class LabelReading:
    """How the label files of a folder are to be read.

    Args:
        colours: (red, green, blue), 0 to 255, of each class, for RGB pictures; their ids are the
            indices of the classes.
        void_colours: the colours of void.
        class_ids: the id of each class in files of numbers, where there is a table of them.
        id_map: the ids of files of numbers -> the ids that they stand for.
        key: which array of a .npz or of an HDF5 file, see `number_files.read_array`.

    Raises:
        ValueError: for what is no colour or id; it names the option.
    """

    colours: tuple[tuple[int, int, int], ...] | None = None
    void_colours: tuple[tuple[int, int, int], ...] = ()
    class_ids: tuple[int, ...] | None = None
    id_map: dict[int, int] | None = None
    key: str | None = None

    def __post_init__(self):
        for name in ("colours", "void_colours"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _colours(name, getattr(self, name)))
        if self.void_colours and self.colours is None:
            raise ValueError(
                "void_colours are for labels in colours; received no colours of classes."
            )
        if self.colours == ():
            raise ValueError("Expected colours to hold at least one colour; it is empty.")
        if self.id_map is not None:
            object.__setattr__(self, "id_map", _id_map(self.id_map))
        if self.key is not None and not (isinstance(self.key, str) and self.key):
            raise ValueError(f"Expected label_key to be a name; received label_key={self.key!r}.")

    def ids(self, path: Path, void_ids: Sequence[int] = ()) -> np.ndarray:
        """The ids that a first id and void ids speak of: (H, W) int64.

        Those of the file, by `id_map` if there is one. Of labels that say classes, an RGB picture
        (whose alpha means nothing) or by `class_ids`, indices of classes and `VOID_INDEX`.

        Args:
            path: a PNG or TIFF of one channel or a palette, or of RGB; an array of whole numbers.
            void_ids: ids of void in files of numbers. `id_map` may lack them: they stay what they
                are. Any other that it lacks is an error, for it could be taken for one that the
                map leads to.

        Raises:
            ValueError: for a file that cannot be read, an id that the map lacks, and a colour that
                is no class's, or of two; it names the file.
        """
        return self._ids(self._read(path), path, void_ids)

    def _ids(self, stored, path, void_ids):
        if stored.ndim == 3:
            return self._of_colours(stored[..., :3], path)
        ids = _whole(stored, path)
        if self.class_ids is not None:
            indices = {label_id: index for index, label_id in enumerate(self.class_ids)}
            # What the file calls void is void, though a class should have that id too.
            indices.update(dict.fromkeys(void_ids, VOID_INDEX))
            return self._mapped(ids, path, indices, ())
        return ids if self.id_map is None else self._mapped(ids, path, self.id_map, void_ids)

    def says_classes(self, path: Path) -> bool:
        """Whether the ids of a file are indices of classes, so that no first id is asked for.

        False for a picture that cannot be read.
        """
        if self.class_ids is not None:
            return True
        if self.colours is None or path.suffix.lower() in ARRAY_SUFFIXES:
            return False
        try:
            with open_picture_file(path) as picture:
                return picture.mode in _COLOUR_MODES
        except Exception:
            # Which error Pillow raises depends on where the damage is; reading the file says it.
            return False

    def read(
        self, path: Path, first_id: int, void_ids: Sequence[int], num_classes: int
    ) -> np.ndarray:
        """Class ids from 0 and `void_id(num_classes)`: (H, W) of `label_dtype(num_classes)`.

        Args:
            path: see `ids`.
            first_id: the id of the first class; 0 for labels that say classes.
            void_ids: the ids of void, in files of numbers.

        Raises:
            ValueError: as of `ids`, and for an id of no class; it names the file.
        """
        stored = self._read(path)
        ids = self._ids(stored, path, void_ids)
        if self.class_ids is not None or stored.ndim == 3:
            if first_id:
                raise ValueError(
                    f"{path} says classes, by colours or by an id for each: expected no first_id; "
                    f"received first_id={first_id}."
                )
            void_ids = (VOID_INDEX,)
        void = np.isin(ids, void_ids)
        outside = ~void & ((ids < first_id) | (ids >= first_id + num_classes))
        if outside.any():
            raise ValueError(
                f"{path} holds the label id {ids[outside][0]} ({outside.sum()} pixels): expected "
                f"{first_id} to {first_id + num_classes - 1} for the {num_classes} classes "
                f"(first_id={first_id}), or void_ids={tuple(void_ids)}; keras-lwm datasets check "
                "says what fits."
            )
        return np.where(void, void_id(num_classes), ids - first_id).astype(label_dtype(num_classes))

    @property
    def _table_name(self):
        return "id_map" if self.class_ids is None else "the classes and of void"

    def _read(self, path):
        suffix = path.suffix.lower()
        if suffix in ARRAY_SUFFIXES:
            return read_array(path, _KIND, self.key)
        if suffix not in SUFFIXES:
            raise ValueError(
                f"Expected a label in a file that ends in {', '.join(SUFFIXES)}; found {path}."
            )
        refuse_key(path, _KIND, self.key)
        expected = "label ids, one channel," + (" or RGB colours," if self.colours else "")
        stored = read_picture(path, (*_ID_MODES, *_COLOUR_MODES), expected)
        if stored.ndim == 3 and self.colours is None:
            raise ValueError(
                f"Expected {expected} in {path}; received a picture of mode "
                f"{_COLOUR_MODES[stored.shape[2] - 3]!r}: for labels in colours, give the colour "
                "of each class in the file of classes, or in one of colours."
            )
        if self.colours is not None and stored.ndim == 2:
            self._check_palette(stored, path)
        return stored

    def _check_palette(self, stored, path):
        """Refuses a palette in which the classes' colours stand for other ids than the classes'.

        Those of one first id lie as far from the indices of the colours for every class.
        """
        with open_picture_file(path) as picture:
            if picture.mode != "P":
                return
            palette = np.reshape(picture.getpalette("RGB"), (-1, 3)).tolist()
        colours = {index: tuple(palette[index]) for index in np.unique(stored).tolist()}
        known = {*self.colours, *self.void_colours}
        if not set(colours.values()) <= known:
            return
        offsets = {
            label_id - self.colours.index(colour)
            for label_id, colour in colours.items()
            if colour in self.colours
        }
        if len(offsets) > 1:
            raise ValueError(
                f"{path} has the classes' colours in its palette, for other ids than the classes': "
                "expected ids, or an RGB picture of these colours."
            )

    def _of_colours(self, stored, path):
        for repeated in repetitions((*self.colours, *self.void_colours)):
            raise ValueError(
                f"Expected a colour of its own for each class and for void, to read the colours of "
                f"{path}; received {repeated} twice."
            )
        indices = dict(zip(self.colours, range(len(self.colours)), strict=True))
        indices.update(dict.fromkeys(self.void_colours, VOID_INDEX))
        codes = {int(_code(np.array(colour))): index for colour, index in indices.items()}
        known, ids = _look_up(_code(stored), codes)
        if not known.all():
            colours, numbers = np.unique(stored[~known], axis=0, return_counts=True)
            most = numbers.argmax()
            others = f", and {len(colours) - 1} more such colours" if len(colours) > 1 else ""
            raise ValueError(
                f"{path} holds the colour {tuple(colours[most].tolist())} ({numbers[most]} pixels)"
                f"{others}: expected those of the {len(self.colours)} classes, or of "
                f"void_colours={self.void_colours}."
            )
        return ids

    def _mapped(self, ids, path, table, void_ids):
        known, mapped = _look_up(ids, table)
        unknown = ids[~known & ~np.isin(ids, void_ids)]
        if unknown.size:
            raise ValueError(
                f"{path} holds the label id {unknown[0]} ({(unknown == unknown[0]).sum()} pixels): "
                f"expected one of the {len(table)} ids of {self._table_name}, or of void_ids."
            )
        return np.where(known, mapped, ids)


def read_id_map(path: Path, columns: tuple[str, str] | None = None) -> dict[int, int]:
    """A table of ids and what they stand for, such as ScanNet's `scannetv2-labels.combined.tsv`.

    Args:
        path: a .tsv or .csv; a row whose id, or what it stands for, is blank says nothing.
        columns: the names of the two columns in the table's header, such as ("id", "nyu40id").
            `None`: the first two, and there may be no header.

    Raises:
        ValueError: for a file that cannot be read, columns that are missing, what is no whole
            number, an id that stands for two, and no id at all; it names the file.
    """
    header, *rows = read_table(path)
    if columns is None and all(_is_whole(cell) for cell in header):
        rows, header = [header, *rows], ["first", "second"]
    source, target = _columns(path, header, columns)
    mapping = {}
    for row in rows:
        cells = [row[place] if place < len(row) else "" for place in (source, target)]
        if not all(cells):
            continue
        if not all(_is_whole(cell) for cell in cells):
            raise ValueError(
                f"Expected whole numbers in the columns {header[source]!r} and {header[target]!r} "
                f"of {path}; received {cells[0]!r} and {cells[1]!r}. Its columns: "
                f"{', '.join(header)}."
            )
        first, second = map(int, cells)
        if mapping.setdefault(first, second) != second:
            raise ValueError(
                f"{path} maps the id {first} twice, to {mapping[first]} and to {second}."
            )
    if not mapping:
        raise ValueError(f"Expected at least one pair of ids in {path}; found none.")
    return mapping


def _columns(path, header, columns):
    if columns is None:
        if len(header) < 2:
            raise ValueError(f"Expected two columns of ids in {path}; received {header}.")
        return 0, 1
    for name in columns:
        if header.count(name) != 1:
            raise ValueError(
                f"Expected one column {name!r} in {path}; its columns: {', '.join(header)}."
            )
    return map(header.index, columns)


def _is_whole(text):
    return re.fullmatch("[-+]?[0-9]{1,18}", text) is not None


def _look_up(values, table):
    """Which values the table has, and what it has for them (anything for others)."""
    keys = np.array(sorted(table), np.int64)
    results = np.array([table[key] for key in keys.tolist()], np.int64)
    places = np.searchsorted(keys, values).clip(max=len(keys) - 1)
    return keys[places] == values, results[places]


def _code(colours):
    """One number a colour: (..., 3) to (...)."""
    codes = colours[..., 0].astype(np.int64)
    for channel in (1, 2):
        codes = codes << 8 | colours[..., channel]
    return codes


def _whole(stored, path):
    with np.errstate(invalid="ignore"):
        ids = stored.astype(np.int64)
    wrong = ids != stored
    if wrong.any():
        raise ValueError(
            f"Expected label ids, whole numbers, in {path}; received {stored[wrong][0]} "
            f"({wrong.sum()} pixels)."
        )
    return ids


def _colours(name, colours):
    result = []
    for place, colour in enumerate(colours):
        channels = tuple(colour) if isinstance(colour, list | tuple) else ()
        if len(channels) != 3 or not all(
            type(channel) is int and 0 <= channel <= 255 for channel in channels
        ):
            raise ValueError(
                f"Expected {name}[{place}] to be (red, green, blue), 0 to 255; received {colour!r}."
            )
        result.append(channels)
    return tuple(result)


def _id_map(id_map):
    for pair in id_map.items():
        if not all(type(each) is int and _INT64.min <= each <= _INT64.max for each in pair):
            raise ValueError(
                f"Expected id_map to lead from whole numbers to whole numbers; received {pair}."
            )
    if not id_map:
        raise ValueError("Expected id_map to hold at least one id; it is empty.")
    return dict(id_map)
