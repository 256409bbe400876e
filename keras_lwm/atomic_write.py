"""Files that are whole or not there, whatever interrupts their writing."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from keras_lwm.local_paths import local_path


@contextlib.contextmanager
def atomic_write(path) -> Iterator[Path]:
    """Lends a temporary path beside `path`, and moves it there once the block has ended well.

    The temporary name keeps the suffix, which tells some writers the format. An earlier file at
    `path` stays as it was until the new one is complete, and if the block raises, for good.
    """
    path = local_path(path)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, values) -> None:
    """Writes plain values as readable JSON; paths become strings, NaN is refused.

    Raises:
        ValueError: if a number is not finite.
        TypeError: if a value has no form in JSON.
    """
    with atomic_write(path) as partial:
        partial.write_text(as_json(values) + "\n", encoding="utf-8")


def as_json(values) -> str:
    """Returns readable JSON; a row of numbers, as of a matrix, stays on one line."""
    text = json.dumps(values, indent=2, allow_nan=False, default=os.fspath, ensure_ascii=False)
    return re.sub(r"\[\n[-+.,\d\seE]+\]", _on_one_line, text)


def as_read_back(values: Mapping) -> dict:
    """The values as they come back from a file of `write_json`: tuples are lists."""
    return json.loads(as_json(values))


def _on_one_line(row):
    return "[" + " ".join(row[0][1:-1].split()) + "]"
