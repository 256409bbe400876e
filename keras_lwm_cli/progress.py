"""The progress bar of the commands."""

from typing import Any


def progress_bar(items, text, unit, total=None) -> Any:
    """A `keras_lwm.progress_bar.ProgressBar` over `items`, on stderr, with the time left.

    Used in a `with` statement; what is printed meanwhile goes above the bar.
    """
    from keras_lwm.progress_bar import ProgressBar

    return ProgressBar(items, text, unit, total)
