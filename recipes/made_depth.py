"""Is made depth worth anything? The ablation with all, some, and some measured and the rest made.

    python recipes/made_depth.py --data FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0 \
        --channels 64 --precision mixed_bfloat16 --backend tensorflow --workers 2

FOLDER is laid out as `rgbd_folder` has it; nothing is written to it. Every fifth training frame
keeps its depth (`--keep-every`). A network is trained on those frames alone, once, for as many
steps as a row; its depth branch makes the depth of the others. On 795 frames of NYUv2's training
split, cut by scene, it takes about 45 minutes on 2 idle CPU cores; docs/made_depth.md has what came
out. The same command goes on where it was interrupted.
"""

from pathlib import Path

import click
from ablation import COUNT, DEFAULTS

from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend
from keras_lwm_cli.training_options import shared_options, typed_command

KEPT = "with_depth"


@click.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, file_okay=False), help="The frames."
)
@click.option("--train-split", default="train", show_default=True)
@click.option("--score-split", default="val", show_default=True)
@click.option("--depth-unit", type=float, required=True, help="Metres per unit of depth files.")
@click.option("--first-id", type=int, default=0, show_default=True, help="Id of the first class.")
@click.option("--void-ids", type=int, multiple=True, help="Else 255, 65535 beyond 255 classes.")
@click.option("--size", type=(int, int), default=(192, 256), show_default=True)
@click.option("--keep-every", type=COUNT, default=5, show_default=True, help="Frames with depth.")
@click.option("--rows", default="multi_task,full", show_default=True, help="With commas.")
@click.option("--seeds", type=COUNT, default=3, show_default=True, help="Of each row: 0, 1, ...")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Cells at a time.")
@click.option("--train-encoder", is_flag=True, help="Train everything, not the decoder alone.")
@click.option("--views", type=COUNT, default=8, show_default=True, help="A frame, encoder frozen.")
@click.option("--loaders", type=COUNT, default=1, show_default=True, help="Threads that load.")
@shared_options(DEFAULTS)
@click.option("--out", type=click.Path(path_type=Path), default="runs/made_depth")
@backend_option
@click.pass_context
@in_a_sentence
def main(context, backend, out, rows, seeds, workers, loaders, keep_every, **options):
    """Trains the missing cells, and writes the table of those that are there."""
    use_backend(backend)
    import keras

    from keras_lwm.ablation.depth_sources import train_sources
    from keras_lwm.ablation.source_report import write_comparison

    options["backend"] = keras.backend.backend()
    command = typed_command(
        context, "recipes/made_depth.py", folder="data", without=("out", "loaders")
    )
    rows = rows.split(",")
    folders, errors = train_sources(out, options, keep_every, rows, seeds, workers, loaders)
    click.echo(write_comparison(out, folders, rows, seeds, command, errors))


if __name__ == "__main__":
    main()
