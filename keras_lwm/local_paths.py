"""Paths on this machine's file systems, where files can be replaced at once and locked."""

import os
import re
from pathlib import Path

# "gs://bucket/run", and what is left of it as a `Path`; not a drive, which is one letter.
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def local_path(path) -> Path:
    """The path, or a `ValueError` that names one of a cloud storage, such as gs:// or s3://.

    As a plain path that would be a new folder called `gs:` in the current one.
    """
    text = os.fspath(path)
    if _REMOTE.match(text):
        raise ValueError(
            f"Expected a path on this machine's file systems to write to; received {text}: write "
            "to a local folder or a mounted one, and copy it from there."
        )
    return Path(text)
