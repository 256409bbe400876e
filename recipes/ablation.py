"""Does it work? Every part of the method, its rivals and controls, on the same frames and seeds.

    python recipes/ablation.py --data FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0 \
        --channels 64 --precision mixed_bfloat16 --backend tensorflow --workers 2 --seeds 5

FOLDER is laid out as `rgbd_folder` has it; `--data rooms` takes the rendered rooms. On 795 frames
of NYUv2's training split, cut by scene, it takes two and a quarter hours on 2 CPU cores. Expect a
mIoU of about 22.5 % for `multi_task`, the baseline, and half a point more for `full`, the whole
method: docs/ablation.md has the table. The same command goes on where it was interrupted.

The encoder is frozen and its features of a few augmented views are computed once, which makes a
cell a matter of minutes. `--setting gpu` trains everything, on larger frames and for longer, under
JAX, several cells at a time on one GPU; options that are given win over the setting's. `--minutes`
says how long there is: the tables are there after every cell. `ablation_gpu.sh` runs it where
nothing can be fetched; `--write-frames` packs the reduced frames into a folder, to carry there.
"""

import functools

import click

from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend
from keras_lwm_cli.training_options import (
    WEIGHTING,
    setting_option,
    shared_options,
    typed_command,
)

COUNT = click.IntRange(1)
ROWS = (
    "cross_entropy,side_outputs,multi_task,dpe,dse_window,dse_binned,both,full,"
    "focal,ohem,pixel_error,error_window,class_error,distance_error,shuffled,teacher"
)
DEFAULTS = {
    **dict.fromkeys((*WEIGHTING, "max_skipped_steps", "unusual_depth")),
    "epochs": 16,
    "batch_size": 8,
    "crop": (160, 224),
    "scale": (0.75, 1.3),
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "encoder_rate": 0.1,
    "schedule": "cosine",
    "warm_up": 0.05,
    "weight_decay": 1e-4,
    "precision": "float32",
    "backbone": "efficientnet_lite0",
    "weights": "imagenet",
    "variant": "light",
    "channels": 128,
    "initial_depth": 2.7,
    "side_weight": 0.4,
    "depth_weight": 0.5,
    "depth_loss": "berhu",
    "start": 0.0,
    "end": 1.0,
    "over": 0.5,
    "shape": "linear",
    "strength": 0.5,
    "alpha": 1.0,
    "beta": 1.0,
    "gathering": "binned",
    "depth_range": (0.7, 10.0),
}
SETTINGS = {
    "frozen": {},
    "gpu": {
        # The most important first, for where there is no time for all.
        "rows": "multi_task,full,class_error,cross_entropy,teacher,side_outputs,distance_error,"
        "dpe,dse_window,dse_binned,both,focal,ohem,pixel_error,error_window,shuffled",
        "train_encoder": True,
        "size": (240, 320),
        "crop": (224, 304),
        "epochs": 60,
        "batch_size": 16,
        "precision": "mixed_bfloat16",
        "backend": "jax",
        "seeds": 5,
        # Cells hide each other's compiling and scoring; each has a few threads that augment.
        "workers": 4,
        "loaders": 4,
    },
}


@click.command()
@setting_option(SETTINGS)
@click.option("--data", required=True, help="A folder of frames, or the name of a data set.")
@click.option("--train-split", default="train", show_default=True)
@click.option(
    "--label-share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of the training frames that keep their labels; depth, all have.",
)
@click.option("--score-split", default="val", show_default=True)
@click.option("--depth-unit", type=float, help="Metres per unit of the folder's depth files.")
@click.option("--first-id", type=int, default=0, show_default=True, help="Id of the first class.")
@click.option("--void-ids", type=int, multiple=True, help="Else 255, 65535 beyond 255 classes.")
@click.option(
    "--scenes",
    type=click.Choice(["folders", "numbers"]),
    default="folders",
    show_default=True,
    help="What tells scenes apart: folders of the frames, or gaps in their numbers.",
)
@click.option("--size", type=(int, int), default=(192, 256), show_default=True)
@click.option("--rows", default=ROWS, show_default=True, help="Which rows, with commas.")
@click.option("--seeds", type=COUNT, default=3, show_default=True, help="Of each row: 0, 1, ...")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Cells at a time.")
@click.option("--minutes", type=float, help="Begin no cell that would end later than this.")
@click.option("--train-encoder", is_flag=True, help="Train everything, not the decoder alone.")
@click.option("--views", type=COUNT, default=8, show_default=True, help="A frame, encoder frozen.")
@click.option("--loaders", type=COUNT, default=1, show_default=True, help="Threads that load.")
@shared_options(DEFAULTS)
@click.option("--out", type=click.Path(), default="runs/ablation", show_default=True)
@click.option("--write-frames", type=click.Path(), help="Only pack frames, to here.")
@click.option(
    "--quality", type=click.IntRange(1, 95), default=95, show_default=True, help="Of packed JPEGs."
)
@backend_option
@click.pass_context
@in_a_sentence
def main(context, setting, backend, out, rows, seeds, workers, loaders, minutes, **options):
    """Trains the missing cells, rows x seeds, and writes the tables of those that are there."""
    use_backend(backend)
    import keras

    from keras_lwm.ablation import (
        AblationFolder,
        draw_tables,
        pack_frames,
        train_cells,
        write_tables,
    )

    packed, quality = options.pop("write_frames"), options.pop("quality")
    if packed is not None:
        pack_frames(packed, options, quality)
        return click.echo(f"Wrote frames of {options['size']} to {packed}")

    # Cells of two backends are no pairs.
    folder = AblationFolder(out, {**options, "backend": keras.backend.backend()})
    rows = list(dict.fromkeys(rows.split(",")))
    silent = ("out", "write_frames", "quality", "loaders", "minutes")
    command = typed_command(context, "recipes/ablation.py", folder="data", without=silent)
    tables = functools.partial(write_tables, folder, rows, seeds, command)
    train_cells(folder, rows, seeds, workers, loaders, minutes, after_cell=tables)
    if not any(folder.cell_path(row, seed).exists() for row in rows for seed in range(seeds)):
        return click.echo("No cell is complete, so there are no tables.")
    click.echo(tables())
    try:
        draw_tables(folder.path)
    except ImportError as error:
        click.echo(f"Neither figure nor page: {error}")


if __name__ == "__main__":
    main()
