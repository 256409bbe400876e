"""A bar where somebody looks at it; where it is kept, in a log, a line at its end."""

import sys

import keras


def progress_bar(target, **options) -> keras.utils.Progbar:
    """`keras.utils.Progbar`; outside terminals and notebooks it writes one line when it is done.

    Args:
        target: number of steps, `None` if unknown: then a log has no line.
        options: further arguments of `keras.utils.Progbar`.
    """
    seen = sys.stdout.isatty() or "ipykernel" in sys.modules
    return keras.utils.Progbar(target, verbose=1 if seen else 2, **options)
