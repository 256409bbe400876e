"""The classes of a folder: their names, and where files tell them, their colours and ids."""

import dataclasses
import json
import re
import reprlib
from collections.abc import Sequence
from pathlib import Path

from keras_lwm.extras import check_installed
from keras_lwm.rgbd_folder.text_files import (
    ReportError,
    raise_error,
    read_lines,
    read_table,
    read_text,
)
from keras_lwm.void import check_num_classes

Colour = tuple[int, int, int]
_LARGEST_ID = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Classes:
    """One of each a class, in the order of the file.

    Attributes:
        names: all different.
        colours: (red, green, blue), 0 to 255; `None` if the file has none.
        ids: the ids of the classes in label files, all different; `None` if the file has none.
    """

    names: list[str]
    colours: list[Colour] | None = None
    ids: list[int] | None = None


def read_classes(path: Path, report_error: ReportError = raise_error) -> Classes:
    """The classes that a file lists, in the form that its name ends in.

    Args:
        path:
            - .csv or .tsv: a table whose header has "name", and may have "red", "green", "blue"
              (or "r", "g", "b"; or "colour", of "#rrggbb") and "id".
            - .json, .yaml or .yml: a list of names; or of objects with "name", and maybe "colour"
              ([red, green, blue] or "#rrggbb") and "id"; or an object that has a colour for each
              name, or a name for each id.
            - anything else: a name a line.

            "color" is the same as "colour".
        report_error: called with the file and a message for every error. If it returns, reading
            goes on, without the names, colours or ids among which the error is.

    Raises:
        ValueError: for a file that is missing or invalid, for names or ids that repeat, and for a
            number of classes other than 2 to 65535, unless `report_error` does something else.
        ImportError: where the package that reads YAML is missing.
    """
    try:
        entries = _READERS.get(path.suffix.lower(), _of_lines)(path)
    except ValueError as error:
        report_error(path, str(error))
        return Classes([])
    names = _names(path, entries, report_error)
    if names is None:
        return Classes([])
    colours = _values(path, names, [each.colour for each in entries], _COLOUR, report_error)
    ids = _values(path, names, [each.id for each in entries], _ID, report_error)
    for repeated in repetitions(ids or []):
        report_error(path, f"{path} gives the id {repeated} to two classes.")
    return Classes(names, colours, ids)


def read_colours(
    path: Path, number: int, report_error: ReportError = raise_error
) -> list[Colour] | None:
    """The colours of a file of `number` lines, "red green blue" or "red, green, blue", 0 to 255.

    Args:
        report_error: see `read_classes`.

    Returns:
        One colour a class; `None` if the file has an error and `report_error` returned.

    Raises:
        ValueError: for a file that is missing or invalid, unless `report_error` does something
            else.
    """
    lines = read_lines(path, report_error)
    if len(lines) != number:
        report_error(
            path,
            f"Expected one colour a class in {path}: {number} classes, {len(lines)} colours.",
        )
        return None
    colours = [_colour(_numbers(re.split(r"[\s,]+", line))) for line in lines]
    for line, colour in zip(lines, colours, strict=True):
        if colour is None:
            report_error(
                path, f"Expected 'red green blue', 0 to 255, in {path}; received {line!r}."
            )
    return None if None in colours else colours


def repetitions(values: Sequence) -> list:
    """The values that occur more than once, in the order of their first repetition."""
    seen, repeated = set(), {}
    for value in values:
        if value in seen:
            repeated[value] = None
        seen.add(value)
    return list(repeated)


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A class as a file has it, whatever that is; `None` is what it has not."""

    name: object
    colour: object = None
    id: object = None


def _of_lines(path):
    return [_Entry(line) for line in read_lines(path)]


def _of_table(path):
    header, *rows = read_table(path)
    header = [cell.lower() for cell in header]
    for repeated in repetitions([cell for cell in header if cell]):
        raise ValueError(f"{path} has two columns {repeated!r}.")
    if "name" not in header:
        raise ValueError(f"Expected a header with 'name' in {path}; received {', '.join(header)}.")
    entries = []
    for row in rows:
        if len(row) > len(header):
            raise ValueError(
                f"Expected {len(header)} cells a row in {path}, as in its header; received "
                f"{reprlib.repr(row)}."
            )
        cells = {key: cell for key, cell in zip(header, row, strict=False) if cell}
        colour = cells.get("colour", cells.get("color"))
        for columns in (("red", "green", "blue"), ("r", "g", "b")):
            if any(column in cells for column in columns):
                colour = _numbers([cells.get(column, "") for column in columns])
        entries.append(_Entry(cells.get("name"), colour, cells.get("id")))
    return entries


def _of_json(path):
    def unique(pairs):
        for repeated in repetitions([key for key, _ in pairs]):
            raise ValueError(f"{repeated!r} is in it twice")
        return dict(pairs)

    text = read_text(path)
    try:
        document = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Cannot read the classes {path}: {_in_one_line(error)}.") from error
    return _of_document(path, document)


def _of_yaml(path):
    check_installed("formats", "Reading classes from YAML", "yaml")
    import yaml

    class Loader(yaml.SafeLoader):
        """What `yaml.safe_load` reads, but for names that repeat, and merges, which can explode."""

        def flatten_mapping(self, node):
            pass

        def construct_mapping(self, node, deep=False):
            mapping = super().construct_mapping(node, deep)
            if len(mapping) != len(node.value):
                repeated = repetitions([self.construct_object(key) for key, _ in node.value])
                raise ValueError(f"{repeated[0]!r} is in it twice")
            return mapping

    text = read_text(path)
    try:
        # The loader is a `SafeLoader`.
        document = yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"Cannot read the classes {path}: {_in_one_line(error)}.") from error
    return _of_document(path, document)


_READERS = {
    ".csv": _of_table,
    ".tsv": _of_table,
    ".json": _of_json,
    ".yaml": _of_yaml,
    ".yml": _of_yaml,
}


def _of_document(path, document):
    if isinstance(document, list):
        return [_of_item(item) for item in document]
    if isinstance(document, dict) and document:
        if all(_id(key) is not None for key in document):
            return [_Entry(name, id=key) for key, name in document.items()]
        return [_Entry(name, colour) for name, colour in document.items()]
    raise ValueError(
        f"Expected a list of classes, or an object of them, in {path}; received "
        f"{reprlib.repr(document)}."
    )


def _of_item(item):
    if isinstance(item, dict):
        return _Entry(item.get("name"), item.get("colour", item.get("color")), item.get("id"))
    return _Entry(item)


def _names(path, entries, report_error):
    names = [_name(entry.name) for entry in entries]
    for name, entry in zip(names, entries, strict=True):
        if name is None:
            report_error(
                path,
                f"Expected a name, a line of text, for every class in {path}; received "
                f"{reprlib.repr(entry.name)}.",
            )
    if None in names:
        return None
    for repeated in repetitions(names):
        report_error(path, f"{path} names the class {repeated!r} twice.")
    try:
        check_num_classes(len(names), path)
    except ValueError as error:
        report_error(path, str(error))
    return names


def _values(path, names, values, kind, report_error):
    """One value a class; `None` if there are none, or an error among them."""
    expected, read = kind
    if all(value is None for value in values):
        return None
    results = [read(value) for value in values]
    for name, value, result in zip(names, values, results, strict=True):
        if result is None:
            received = "none" if value is None else reprlib.repr(value)
            report_error(
                path,
                f"Expected {expected} for every class in {path}; received {received} for {name!r}.",
            )
    return None if None in results else results


def _name(value):
    if not isinstance(value, str) or len(value.strip().splitlines()) != 1:
        return None
    return value.strip()


def _colour(value):
    if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
        return tuple(bytes.fromhex(value[1:]))
    channels = tuple(value) if isinstance(value, list | tuple) else ()
    valid = all(type(channel) is int and 0 <= channel <= 255 for channel in channels)
    return channels if len(channels) == 3 and valid else None


def _id(value):
    # The keys of JSON are texts.
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,19}", value):
        value = int(value)
    return value if type(value) is int and abs(value) <= _LARGEST_ID else None


_COLOUR = "[red, green, blue], 0 to 255, or '#rrggbb'", _colour
_ID = "a whole number as id", _id


def _numbers(texts):
    """Numbers of their texts; what is none stays a text."""
    return [int(text) if re.fullmatch("[0-9]{1,3}", text) else text for text in texts]


def _in_one_line(error):
    return " ".join(str(error).split())
