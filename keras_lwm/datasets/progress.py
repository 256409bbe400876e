"""One progress bar for all frames of a data set."""

import sys
from typing import Any

import tensorflow_datasets as tfds

# Seconds between two updates: a terminal redraws its line, a log file grows by each.
_TERMINAL, _LOG = 0.1, 10.0


def progress_bar(text: str, total: int, done: int = 0) -> Any:
    """A tqdm bar of frames with the time left; `done` frames were there before.

    As with all of TFDS's bars, `tfds.disable_progress_bar()` turns it off.
    """
    seconds = _TERMINAL if sys.stderr.isatty() else _LOG
    return tfds.core.utils.tqdm(
        desc=text,
        total=total,
        initial=done,
        unit=" frames",
        mininterval=seconds,
        maxinterval=max(seconds, 10.0),
        miniters=1,
        dynamic_ncols=True,
    )
