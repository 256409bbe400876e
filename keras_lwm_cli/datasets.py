"""`keras-lwm datasets`: preparing data sets, and looking for what is wrong with them."""

from pathlib import Path

import click

from keras_lwm_cli.dataset_options import (
    FOLDER,
    dataset_options,
    find_dataset,
    open_dataset,
    reading_options,
)
from keras_lwm_cli.remarks import verbose_option
from keras_lwm_cli.running import in_a_sentence, use_backend


@click.group()
def datasets() -> None:
    """Prepares data sets, and looks for what is wrong with them."""


@datasets.command()
@dataset_options
@verbose_option
@click.option("--beam", is_flag=True, help="Prepare it by the workers of Apache Beam.")
@click.option(
    "--beam-option",
    "beam_options",
    metavar="NAME[=VALUE]",
    multiple=True,
    help="An option of Apache Beam, such as runner=FlinkRunner; as often as needed.",
)
@in_a_sentence
def build(beam, beam_options, **options) -> None:
    """Prepares the data set NAME, NAME/CONFIG, or the frames of FOLDER.

    Interrupted, it goes on where it was when the same command is given again. With --beam its
    shards are written by any number of workers, which need the folders to be where they are here.
    """
    if beam_options and not beam:
        raise click.UsageError("--beam-option is an option of --beam, which was not given.")
    use_backend(None)
    builder = open_dataset(**options, beam=beam_options if beam else None)
    click.echo(f"{builder.info.full_name} is in {builder.data_dir}")
    for split, info in builder.info.splits.items():
        click.echo(f"{split}: {info.num_examples} frames")


@datasets.command()
@click.argument("dataset", metavar="NAME|FOLDER")
@click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data.")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to draw a few frames, a PNG; else check_NAME.png, here.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the whole report.",
)
@reading_options
@verbose_option
@click.pass_context
@in_a_sentence
def check(context, dataset, data_dir, sheet, json_path, **options) -> None:
    """Reads every frame of the prepared NAME or NAME/CONFIG, or of FOLDER, and reports all errors.

    Of a folder, --layout, --depth-unit, --first-id and --void-ids may be left out: then what fits
    most files is taken, and printed, with the command that would train on it. Exit code 1 if there
    is an error; warnings do not count.
    """
    for path in (sheet, json_path):
        if path is not None and not path.parent.is_dir():
            raise click.UsageError(f"Cannot write {path}: there is no folder {path.parent}.")
    use_backend(None)
    if sheet is not None:
        # A picture that was asked for is missed now, not when every frame has been read.
        import keras_lwm.report  # noqa: F401
    from keras_lwm.atomic_write import write_json
    from keras_lwm.datasets import new_builder
    from keras_lwm.datasets.check import check_builder, check_folder, report_text

    name, given = find_dataset(dataset, options)
    if name != FOLDER:
        report = check_builder(new_builder(name, data_dir=data_dir))
    elif data_dir is None:
        report = check_folder(**given)
    else:
        raise click.UsageError(f"{dataset} is a folder: its check takes no --data-dir.")
    click.echo(report_text(report))
    if json_path is not None:
        write_json(json_path, report.as_dict())
    own_name = Path(report.where).name if name == FOLDER else name.replace("/", "_")
    _draw(report, sheet, Path(f"check_{own_name}.png"))
    context.exit(0 if report.clean else 1)


def _draw(report, sheet, default):
    if not report.examples:
        click.echo("No picture: found no frame to show.")
        return
    if sheet is None and Path.cwd().is_relative_to(report.where):
        click.echo("No picture: it would be written among the data; choose a path by --sheet.")
        return
    try:
        from keras_lwm.report import training_sheet
    except ImportError as error:
        click.echo(f"No picture: {error}")
        return
    path = sheet or default
    training_sheet(
        path,
        [example.image for example in report.examples],
        [example.label for example in report.examples],
        [example.depth for example in report.examples],
        class_names=report.class_names,
        palette=report.palette,
        names=[example.name for example in report.examples],
    )
    click.echo(f"{len(report.examples)} frames are shown in {path}")
