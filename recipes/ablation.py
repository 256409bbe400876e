"""Does it work? Every part of the method, its rivals and controls, on the same frames and seeds.

    python recipes/ablation.py --data FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0

FOLDER is laid out as `rgbd_folder` has it; `--data rooms` takes the rendered rooms. For one seed
every row starts from the same values in every layer it shares with the others, and sees the same
frames in the same order, augmented the same way, at the same learning rates: so differences are
paired. It can be stopped at any moment; the same command goes on with the cells that are missing.

The encoder is frozen and its features of a few augmented views are computed once, which makes a
cell a matter of minutes on 2 CPU cores; `--train-encoder` trains everything, for which a GPU is
wanted (`--backend jax --precision mixed_bfloat16`; TensorFlow is not needed then).
`--write-frames` packs the reduced frames into a folder, to carry there.
"""

import itertools
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from ablation_rows import ROWS
from click.core import ParameterSource
from options import WEIGHTING, shared_options

from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend

DATA = (
    click.option("--data", required=True, help="A folder of frames, or the name of a data set."),
    click.option("--train-split", default="train", show_default=True),
    click.option("--score-split", default="val", show_default=True),
    click.option("--depth-unit", type=float, help="Metres per unit of the folder's depth files."),
    click.option("--first-id", type=int, default=0, show_default=True),
    click.option("--void-ids", type=int, multiple=True, default=(255,), show_default=True),
    click.option("--size", type=(int, int), default=(192, 256), show_default=True),
)
CELLS = (
    click.option("--rows", default=",".join(ROWS), help="Which rows, with commas.  [default: all]"),
    click.option("--seeds", default=3, show_default=True, help="Seeds 0, 1, ... of each row."),
    click.option("--workers", default=1, show_default=True, help="Cells at the same time."),
)
ENCODER = (
    click.option("--train-encoder", is_flag=True, help="Train everything, not the decoder alone."),
    click.option("--views", default=8, show_default=True, help="Of each frame, encoder frozen."),
    click.option("--loaders", default=1, show_default=True, help="Threads that load batches."),
)
DEFAULTS = {
    **dict.fromkeys(WEIGHTING),
    "epochs": 16,
    "batch_size": 8,
    "crop": (160, 224),
    "scale": (0.75, 1.3),
    "learning_rate": 2e-3,
    "encoder_rate": 0.1,
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
SAYS_NOTHING_OF_RESULTS = ("out", "write_frames", "cell", "loaders")


def ablation_options(command):
    for option in reversed((*DATA, *CELLS, *ENCODER, *shared_options(DEFAULTS))):
        command = option(command)
    return command


@click.command()
@ablation_options
@click.option("--out", type=click.Path(), default="runs/ablation", show_default=True)
@click.option("--write-frames", type=click.Path(exists=False), help="Only pack frames, to here.")
@click.option("--cell", hidden=True, help="Train this one cell, ROW:SEED, and end.")
@backend_option
@click.pass_context
@in_a_sentence
def main(context, out, write_frames, cell, rows, seeds, workers, backend, **options):
    """Trains the missing cells, rows x seeds, and writes the tables of those that are there."""
    use_backend(backend)
    import keras
    from ablation_folder import AblationFolder

    options["backend"] = keras.backend.backend()  # cells of two backends are no pairs
    rows = rows.split(",")
    unknown = sorted(set(rows) - set(ROWS))
    if unknown:
        raise click.UsageError(f"Expected rows among {', '.join(ROWS)}; received {unknown[0]}.")
    if write_frames is not None:
        from ablation_frames import write_frames as write

        write(write_frames, *read(options))
        click.echo(f"Wrote the frames of {options['size']} to {write_frames}")
        return
    folder = AblationFolder(out, options)
    if cell is not None:
        row, seed = cell.split(":")
        run_cell(folder, row, int(seed), options)
        return
    missing = [
        (row, seed)
        for seed, row in itertools.product(range(seeds), rows)
        if not folder.cell_path(row, seed).exists()
    ]
    if missing and not options["train_encoder"]:
        compute_views(folder, options)
    train(folder, missing, workers)
    from ablation_report import report

    click.echo(report(folder, rows, seeds, typed_command(context)))


def typed_command(context):
    """The command that makes these cells again, whoever has the frames, wherever they lie."""
    words = ["python recipes/ablation.py"]
    for name, value in context.params.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not typed or name in SAYS_NOTHING_OF_RESULTS:
            continue
        flag = f"--{name.replace('_', '-')}"
        if name == "data" and Path(value).is_dir():
            words.append(f"{flag} FOLDER")
        elif value is True:
            words.append(flag)
        elif name == "void_ids":
            words.extend(f"{flag} {number}" for number in value)
        else:
            words.append(
                " ".join([flag, *map(str, value if isinstance(value, tuple) else [value])])
            )
    return " ".join(words)


def read(options):
    """The frames of both splits, under the names "train" and "score", names and palette."""
    from ablation_frames import read_frames

    names = {"train": options["train_split"], "score": options["score_split"]}
    frames, class_names, palette = read_frames(
        options["data"],
        list(names.values()),
        options["size"],
        options["depth_unit"],
        options["first_id"],
        options["void_ids"],
    )
    return {part: frames[split] for part, split in names.items()}, class_names, palette


def compute_views(folder, options):
    """The frozen encoder's features, once for all cells."""
    from ablation_cell import augmentation
    from ablation_features import Views

    from keras_lwm.networks import build_backbone

    views = Views(folder.views_path, options["views"])
    frames, class_names, _ = read(options)
    extractor = build_backbone(options["backbone"], weights=options["weights"])
    views.compute(extractor, frames["train"], augmentation(options), len(class_names))


def run_cell(folder, row, seed, options):
    """What a process of its own does."""
    from ablation_cell import train_cell
    from ablation_features import Views

    frames, class_names, _ = read(options)
    views = None if options["train_encoder"] else Views(folder.views_path, options["views"])
    result, network = train_cell(row, seed, options, frames, views, class_names)
    network.save(folder.network_path(row, seed))
    folder.write_cell(result)


def train(folder, missing, workers):
    """Trains cells in processes of their own; says what is done, and how long the rest takes."""
    command, environment = [sys.executable, *sys.argv], shared_machine(workers)
    spent = 0.0
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda cell: (cell, *_run(folder, command, environment, *cell)), missing)
        for number, ((row, seed), log, seconds) in enumerate(done, 1):
            spent += seconds
            left = spent / number * (len(missing) - number) / workers
            score = folder.read_cell(row, seed)["scores"]["mean_iou"]
            click.echo(
                f"{row} seed {seed}: mIoU {100 * score:.2f} %  ({number} of {len(missing)} cells, "
                f"{left / 60:.0f} min left; its output is in {log})"
            )


def shared_machine(workers):
    """The environment of a cell that leaves room for the others: its part of the cores."""
    if workers == 1:
        return dict(os.environ)
    threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {**os.environ, **dict.fromkeys(names, threads), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def _run(folder, command, environment, row, seed):
    log, start = folder.log_path(row, seed), time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(
            [*command, "--cell", f"{row}:{seed}"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    if done.returncode:
        end = Path(log).read_text(encoding="utf-8")[-2000:]
        raise click.ClickException(f"The cell {row}, seed {seed}, failed; {log} ends in:\n{end}")
    return log, time.monotonic() - start


if __name__ == "__main__":
    main()
