"""What every command begins and ends with: the choice of a backend, and errors in a sentence.

This imports neither Keras nor TensorFlow, because the backend must be chosen before Keras is
imported.
"""

import functools
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import click

BACKENDS = ("tensorflow", "jax", "torch")

backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Keras backend; else what KERAS_BACKEND or Keras' configuration says.",
)


def memory_options(command) -> Callable:
    """Adds the options by which large images stay within a bound of memory."""
    options = (
        click.option(
            "--max-memory",
            type=float,
            default=2.0,
            show_default=True,
            help="Gigabytes by which an image may make the process grow; one that needs more is "
            "seen in overlapping tiles.",
        ),
        click.option(
            "--longest-side",
            type=click.IntRange(1),
            help="Pixels to which the longer side of a larger image is reduced first.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def use_backend(backend) -> None:
    """Makes Keras use a backend, or its own choice for None; must come before Keras is imported."""
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
    # TensorFlow's remarks about its build would bury the progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def in_a_sentence(command) -> Callable:
    """Ends a command with the sentence alone where the library refuses what it was given."""

    @functools.wraps(command)
    def guarded(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (ValueError, ImportError, ChildProcessError) as error:
            *_, last = traceback.extract_tb(error.__traceback__)
            if "keras_lwm" not in Path(last.filename).parts:
                raise
            raise click.ClickException(str(error)) from error

    return guarded
