"""`keras-lwm depth`: depth for frames that have none, by a monocular model."""

import shlex

import click

from keras_lwm_cli.progress import progress_bar
from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend

_ONNX = ("output", "mean", "deviation")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option(
    "--model",
    required=True,
    metavar="MODEL",
    help="A run folder or .keras file with a depth branch, an .onnx file, or hub:PRESET or "
    "hub:FOLDER of KerasHub.",
)
@click.option("--depth-unit", type=float, help="Metres per unit of the measured depth files.")
@click.option("--splits", multiple=True, help="Names of lists; else all of the usual names.")
@click.option(
    "--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Images at a time."
)
@click.option(
    "--size",
    type=(click.IntRange(1), click.IntRange(1)),
    help="Height and width to show the model images in; else its own, or the image's.",
)
@click.option(
    "--output",
    type=click.Choice(["metres", "depth", "inverse-depth"]),
    help="Of an .onnx file: what it gives; the last two but for a scale and a shift.",
)
@click.option(
    "--mean", type=(float, float, float), help="Of an .onnx file's RGB, 0 to 1; else ImageNet's."
)
@click.option("--deviation", type=(float, float, float), help="Likewise.")
@backend_option
@in_a_sentence
def depth(folder, model, depth_unit, splits, batch_size, size, backend, **onnx) -> None:
    """Makes depth for the frames of FOLDER that have none, in FOLDER/made_depth.

    Relative depth is aligned to metres by the frames that are measured; where none is, it stays
    relative, each image's median 1. Interrupted, it goes on where it was when the same command is
    given again. FOLDER/made_depth/made.json says by which model, and how it was aligned.
    """
    use_backend(backend)
    from keras_lwm.made_depth import make_depth, open_estimator

    onnx = {name: value for name, value in onnx.items() if value is not None}
    estimator = open_estimator(model, size, onnx)
    making = make_depth(
        folder,
        estimator,
        depth_unit=depth_unit,
        batch_size=batch_size,
        splits=splits or None,
        progress=lambda frames, total: progress_bar(frames, "Looking at depth", "frames", total),
    )
    left = len(making)
    with progress_bar(making, "Making depth", "frames", left) as bar:
        for _ in bar:
            pass
    click.echo(f"{making.frames} frames without depth, {left} of them made now, in {making.folder}")
    click.echo(making.record.describe())
    click.echo(f"Train with: {training_command(folder, depth_unit, making.record.relative)}")


def training_command(folder, depth_unit, relative) -> str:
    """The command that trains with made depth, with what relative depth asks for."""
    words = ["python", "recipes/rgbd_folder.py", folder, "--made-depth"]
    if depth_unit is not None:
        words += ["--depth-unit", f"{depth_unit:g}"]
    if relative:
        words += ["--initial-depth", "1", "--depth-range", "0.25", "4", "--scale", "1", "1"]
    return shlex.join(words)
