"""What names a data set on the command line: a builder's name, or a folder and what is in it.

An option left out is not passed on: then the library's own default holds. This imports neither
Keras nor TensorFlow until a data set is opened.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from keras_lwm_cli.folder_options import folder_options, given_options

FOLDER = "rgbd_folder"

_READING_OPTIONS = (
    click.option("--splits", multiple=True, help="Names of splits, once each; else all there are."),
    click.option("--size", type=(int, int), help="Height and width to store frames in."),
    click.option(
        "--unusual-depth", is_flag=True, help="Accept a median depth below 0.1 m or above 80 m."
    ),
)
_OPTIONS = (
    click.argument("dataset", metavar="NAME|FOLDER"),
    click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data."),
    click.option("--manual-dir", type=click.Path(), help="Where files fetched by hand are."),
)


def reading_options(command) -> Callable:
    """Adds all options of a folder of frames; the names are those of `RgbdFolder`."""
    for option in reversed(_READING_OPTIONS):
        command = option(command)
    return folder_options(command)


def dataset_options(command) -> Callable:
    """Adds the argument NAME|FOLDER, and all that `open_dataset` takes."""
    command = reading_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_dataset(dataset: str, *, data_dir=None, manual_dir=None, beam=None, **options) -> Any:
    """The data set, prepared: a TFDS builder.

    Args:
        dataset: `NAME` or `NAME/CONFIG` of a builder, or the path of a folder of frames. A folder
            that is called as a builder is can be given as `./NAME`.
        data_dir: where TFDS keeps prepared data.
        manual_dir: where the files are that were fetched by hand.
        beam: options of Apache Beam, to prepare the data by it; `None`: without.
        **options: what `reading_options` adds.

    Raises:
        click.UsageError: for what is neither, or an option that does not belong to it.
        ValueError: what the builder says of the data.
    """
    from keras_lwm.datasets import load_builder

    name, given = find_dataset(dataset, options)
    if name == FOLDER:
        _refuse(dataset, "is a folder", {} if manual_dir is None else {"manual_dir": manual_dir})
    builder = load_builder(name, data_dir=data_dir, manual_dir=manual_dir, beam=beam, **given)
    for note in getattr(builder, "notes", ()):
        click.echo(note, err=True)
    return builder


def find_dataset(dataset: str, options: dict) -> tuple[str, dict]:
    """What `dataset` means: a builder's name, and those of the folder's options that were given.

    Args and errors: see `open_dataset`; `options` are its `**options`.
    """
    from keras_lwm.datasets import BUILDERS

    given = given_options(options)
    names = sorted(set(BUILDERS) - {FOLDER})
    if dataset.partition("/")[0] in names:
        _refuse(dataset, "is no folder", given)
        return dataset, {}
    if not Path(dataset).is_dir():
        raise click.UsageError(
            f"Expected a folder of frames or one of {', '.join(names)}; received {dataset!r}."
        )
    return FOLDER, {"folder": dataset, **given}


def _refuse(dataset, kind, given):
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{dataset} {kind}: it takes no {flags}.")
