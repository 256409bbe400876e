"""What a resumed run must share with what was begun: its options, and its data."""

import json
from collections.abc import Mapping
from pathlib import Path

from keras_lwm.atomic_write import as_read_back


def read_options(path: Path, asked: Mapping) -> dict:
    """The options of the run in a folder.

    Args:
        path: the file that they are in.
        asked: options that were given anew, if any; they must be the recorded ones.

    Raises:
        ValueError: there is no such file, or it cannot be read, or an option is another.
    """
    if not path.exists():
        raise ValueError(f"Expected a run to resume in {path.parent}; found no {path.name} there.")
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not readable as JSON ({error}).") from error
    for name, value in as_read_back(asked).items():
        if name not in options or options[name] != value:
            raise ValueError(
                f"The run in {path.parent} was started with {name}={options.get(name)!r}; "
                f"received {name}={value!r}: a run is resumed with its own options."
            )
    return options


def check_data(folder: Path, recorded: Mapping, data: Mapping) -> None:
    """Raises a `ValueError` unless the run in a folder goes on with the data it was trained on."""
    for name in {**recorded, **data}:
        before, now = recorded.get(name), data.get(name)
        if before != now:
            raise ValueError(
                f"The run in {folder} was trained on other data ({name}: {before!r}); "
                f"received {now!r}: a run is resumed on its own data."
            )
