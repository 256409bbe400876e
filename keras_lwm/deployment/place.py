"""Putting a finished export, of one file, two or a folder, where an earlier one may be."""

import contextlib
import os
import tempfile
from pathlib import Path


def check_place(path, suffix, overwrite):
    """Raises ValueError unless an export with this suffix ("" for a folder) may go to `path`."""
    if path.suffix != suffix and (suffix or path.suffix in (".onnx", ".tflite", ".xml", ".keras")):
        expected = f"a path ending in {suffix}" if suffix else "the path of a folder"
        raise ValueError(f"Expected {expected}; received {path}.")
    if not path.parent.is_dir():
        raise ValueError(f"Expected a path in an existing folder; received {path}.")
    taken = [place for place in _places(path) if os.path.lexists(place)]
    if taken and not overwrite:
        raise ValueError(
            f"{taken[0]} exists and is kept: choose another path, or allow it to be overwritten."
        )
    if suffix:
        strangers = [place for place in taken if place.is_dir()]
    else:
        is_saved_model = (path / "saved_model.pb").is_file() or not any(path.glob("*"))
        strangers = [place for place in taken if not (place.is_dir() and is_saved_model)]
    if strangers:
        raise ValueError(
            f"Expected an earlier export to overwrite; received {strangers[0]}, which is none."
        )


@contextlib.contextmanager
def complete_or_not_at_all(path):
    """Lends a path in a new folder beside `path`; what was written there moves to `path`.

    Only once the block has ended well; else an earlier export stays as it was. A single file
    replaces its predecessor in an instant. Where a folder or a pair of files does, a process killed
    between its moves leaves no export at `path`, never one of mixed parts.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial.", dir=path.parent) as beside:
        new, old = Path(beside, "new"), Path(beside, "old")
        new.mkdir()
        old.mkdir()
        yield new / path.name
        _flush(new)
        places = _places(path)
        if len(places) > 1 or (new / path.name).is_dir():
            for place in places:
                if os.path.lexists(place):
                    os.rename(place, old / place.name)
        # The file that is opened comes last, when what it refers to is there.
        for place in reversed(places):
            os.replace(new / place.name, place)


def _places(path):
    """The files that an export to `path` consists of."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _flush(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as written:
                os.fsync(written.fileno())
