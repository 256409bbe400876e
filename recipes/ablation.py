"""Does it work? Every part of the method, its rivals and controls, on the same frames and seeds.

    python recipes/ablation.py --data FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0 \
        --channels 64 --precision mixed_bfloat16 --backend tensorflow --workers 2 --seeds 5

FOLDER is laid out as `rgbd_folder` has it; `--data rooms` takes the rendered rooms. On 795 frames
of NYUv2's training split, cut by scene, it takes two and a quarter hours on 2 CPU cores. Expect a
mIoU of about 22.5 % for `multi_task`, the baseline, and half a point more for `full`, the whole
method: docs/ablation.md has the table. The same command goes on where it was interrupted.

The encoder is frozen and its features of a few augmented views are computed once, which makes a
cell a matter of minutes; `--train-encoder` trains everything, for which a GPU is wanted (`--backend
jax --precision mixed_bfloat16`; TensorFlow is not needed then). `--write-frames` packs the reduced
frames into a folder, to carry there.
"""

import click

from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend
from keras_lwm_cli.training_options import WEIGHTING, shared_options, typed_command

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


@click.command()
@click.option("--data", required=True, help="A folder of frames, or the name of a data set.")
@click.option("--train-split", default="train", show_default=True)
@click.option("--score-split", default="val", show_default=True)
@click.option("--depth-unit", type=float, help="Metres per unit of the folder's depth files.")
@click.option("--first-id", type=int, default=0, show_default=True, help="Id of the first class.")
@click.option("--void-ids", type=int, multiple=True, help="Else 255, 65535 beyond 255 classes.")
@click.option("--size", type=(int, int), default=(192, 256), show_default=True)
@click.option("--rows", default=ROWS, show_default=True, help="Which rows, with commas.")
@click.option("--seeds", type=COUNT, default=3, show_default=True, help="Of each row: 0, 1, ...")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Cells at a time.")
@click.option("--train-encoder", is_flag=True, help="Train everything, not the decoder alone.")
@click.option("--views", type=COUNT, default=8, show_default=True, help="A frame, encoder frozen.")
@click.option("--loaders", type=COUNT, default=1, show_default=True, help="Threads that load.")
@shared_options(DEFAULTS)
@click.option("--out", type=click.Path(), default="runs/ablation", show_default=True)
@click.option("--write-frames", type=click.Path(), help="Only pack frames, to here.")
@backend_option
@click.pass_context
@in_a_sentence
def main(context, backend, out, rows, seeds, workers, write_frames, **options):
    """Trains the missing cells, rows x seeds, and writes the tables of those that are there."""
    use_backend(backend)
    import keras

    from keras_lwm.ablation import AblationFolder, pack_frames, train_cells, write_tables

    if write_frames is not None:
        pack_frames(write_frames, options)
        return click.echo(f"Wrote frames of {options['size']} to {write_frames}")

    # Cells of two backends are no pairs.
    folder = AblationFolder(out, {**options, "backend": keras.backend.backend()})
    rows = rows.split(",")
    train_cells(folder, rows, seeds, workers)
    silent = ("out", "write_frames", "loaders")
    command = typed_command(context, "recipes/ablation.py", folder="data", without=silent)
    click.echo(write_tables(folder, rows, seeds, command))


if __name__ == "__main__":
    main()
