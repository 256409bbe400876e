"""The progress bar of the commands."""

import sys
from typing import Any

# Seconds between two updates: a terminal redraws its line, a log file grows by each.
_TERMINAL, _LOG = 0.1, 10.0


def progress_bar(items, text, unit, total=None) -> Any:
    """A tqdm bar over `items` on stderr, with the time left; `tqdm.write` writes above it.

    Used in a `with` statement, so that an error is told below the bar.
    """
    from tqdm import tqdm

    seconds = _TERMINAL if sys.stderr.isatty() else _LOG
    return tqdm(
        items,
        text,
        total,
        unit=f" {unit}",
        mininterval=seconds,
        maxinterval=max(seconds, 10.0),
        miniters=1,
        delay=_TERMINAL,
        dynamic_ncols=True,
    )
