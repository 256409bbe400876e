"""`keras-lwm depth`: depth for frames that have none, by a monocular model."""

from pathlib import Path

import click

from keras_lwm_cli.folder_options import folder_options, given_folder_options
from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend

# What trains on depth that counts in each image's median: see docs/method.md.
_RELATIVE = "--initial-depth 1 --depth-range 0.25 4 --scale 1 1"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option(
    "--model",
    required=True,
    metavar="MODEL",
    help="A run folder or .keras file with a depth branch, an .onnx file, or hub:PRESET or "
    "hub:FOLDER of KerasHub.",
)
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
@click.option("--splits", multiple=True, help="Names of splits, once each; else all there are.")
@folder_options
@backend_option
@in_a_sentence
def depth(
    folder, model, batch_size, size, output, mean, deviation, splits, layout, backend, **options
) -> None:
    """Makes depth for the frames of FOLDER that have none, in FOLDER/made_depth.

    Relative depth is aligned to metres by the frames that are measured; where none is, it stays
    relative, each image's median 1. Interrupted, it goes on where it was when the same command is
    given again. FOLDER/made_depth/made.json says by which model, and how it was aligned. In a
    folder without labels, every image gets depth.
    """
    if options["made_depth"] is not None:
        raise click.UsageError("--made-depth reads what this command writes: leave it out.")
    use_backend(backend)
    from keras_lwm import rgbd_folder
    from keras_lwm.made_depth import make_depth, open_estimator
    from keras_lwm.progress_bar import ProgressBar

    given = given_folder_options(options) | ({"splits": splits} if splits else {})
    reading = rgbd_folder.folder_options(layout, **given)
    onnx = {"output": output, "mean": mean, "deviation": deviation}
    onnx = {name: value for name, value in onnx.items() if value is not None}
    estimator = open_estimator(model, size, onnx)
    making = make_depth(
        Path(folder).expanduser(),
        estimator,
        reading,
        batch_size=batch_size,
        progress=lambda frames, total: ProgressBar(frames, "Looking at depth", "frames", total),
    )
    left = len(making)
    with ProgressBar(making, "Making depth", "frames", left) as bar:
        for _ in bar:
            pass
    click.echo(f"{making.frames} frames without depth, {left} of them made now, in {making.folder}")
    click.echo(f"Depth is {making.record.describe()}")
    relative = f" {_RELATIVE}" if making.record.relative else ""
    click.echo(f"To read it, add: --made-depth '{making.pattern}'{relative}")
