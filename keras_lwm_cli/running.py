"""What every command begins and ends with: the choice of a backend, and errors in a sentence.

This imports neither Keras nor TensorFlow, because the backend must be chosen before Keras is
imported.
"""

import contextlib
import functools
import os
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from keras_lwm_cli.compilation_cache import compilation_cache_option, use_compilation_cache
from keras_lwm_cli.remarks import hide_remarks, verbose_option

BACKENDS = ("tensorflow", "jax", "torch")

_choice_of_backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Keras backend; else what KERAS_BACKEND or Keras' configuration says.",
)


def backend_option(command) -> Callable:
    """Adds `--backend`, whether JAX keeps what it compiles, and `--verbose`."""
    return _choice_of_backend(compilation_cache_option(verbose_option(command)))


def memory_options(command) -> Callable:
    """Adds the options by which large images stay within a bound of memory."""
    options = (
        click.option(
            "--max-memory",
            type=click.FloatRange(min=0, min_open=True),
            default=2.0,
            show_default=True,
            metavar="GB",
            help="Memory by which an image may make the process grow; one that needs more is seen "
            "in overlapping tiles, where 1 pixel in 1000, at most, gets another class.",
        ),
        click.option(
            "--longest-side",
            type=click.IntRange(min=1),
            metavar="N",
            help="Show the network larger images reduced to N pixels on their longer side; results "
            "keep the image's size.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def notes_on_large_images() -> Iterator[None]:
    """Shows warnings about large images as plain sentences, above a progress bar."""
    from keras_lwm.large_images.memory import LargeImageWarning

    shown = warnings.showwarning

    def show(message, category, *args, **kwargs):
        if issubclass(category, LargeImageWarning):
            print(f"Note: {message}", file=sys.stderr)  # click.echo would not see the bar.
        else:
            shown(message, category, *args, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("always", LargeImageWarning)
        warnings.showwarning = show
        yield


def use_backend(backend) -> None:
    """Makes Keras use a backend, or its own choice for None; must come before Keras is imported."""
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
    hide_remarks()
    use_compilation_cache()


def start_processes(devices: int) -> None:
    """Runs the command again by `torchrun`, in a process for each device, under PyTorch.

    In those processes it does nothing, nor under other backends, which need no more than this one.
    """
    import keras

    if devices == 1 or keras.backend.backend() != "torch" or "RANK" in os.environ:
        return
    threads = max(1, (os.cpu_count() or 1) // devices)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # Else it is 1, which torchrun remarks.
    own = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
    os.execv(sys.executable, [sys.executable, *own, *sys.argv])


def in_a_sentence(command) -> Callable:
    """Ends a command with the sentence alone where the library refuses what it was given.

    So does one that a signal stopped, with the exit code that shells give it: 130 for SIGINT, 143
    for SIGTERM.
    """

    @functools.wraps(command)
    def guarded(*args, **kwargs):
        try:
            with _plain_warnings():
                return command(*args, **kwargs)
        except (ValueError, ImportError, OSError) as error:
            *_, last = traceback.extract_tb(error.__traceback__)
            # An error of the system's has a number, and not our words.
            if "keras_lwm" not in Path(last.filename).parts or getattr(error, "errno", None):
                raise
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt as stopped:
            number = getattr(stopped, "signal", None)  # That of a `TrainingStopped`.
            if number is None:
                click.echo("\nStopped.", err=True)
                sys.exit(128 + signal.SIGINT)
            click.echo(f"{stopped}\nGo on with: {resuming_command(sys.argv)}", err=True)
            sys.exit(128 + number)

    return guarded


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Shows warnings to users as sentences, without the line of code that they come from."""
    shown = warnings.formatwarning

    def plain(message, category, *args, **kwargs):
        if category is UserWarning:
            return f"Warning: {message}\n"
        return shown(message, category, *args, **kwargs)

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = shown


def resuming_command(words: Sequence[str]) -> str:
    """The command that goes on with a run, from the words of the one that was interrupted."""
    from keras_lwm.typed_commands import python_command

    words = [word for word in words if word != "--resume"]
    return f"{python_command()} {shlex.join([*words, '--resume'])}"
