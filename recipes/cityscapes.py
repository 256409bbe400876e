"""Cityscapes, 19 classes: RefineNet-152 as published, on the official files and splits.

    python recipes/cityscapes.py --manual-dir FOLDER

FOLDER holds the folders leftImg8bit, gtFine, disparity and camera, as the official archives unpack.
Nobody has run the full schedule with this library yet: it wants a GPU for days. The published score
is a test IoU of 83.38 by Gu et al. (TMM 2021), whose mining this library builds after their
abstract; labels of the test frames are not public, so this recipe scores the 500 frames of `val`,
which choose nothing: both settings train on the 2,975 of `train`.

`--setting published`: SGD with momentum, an L2 of 5e-4 in the gradient, the encoder at a tenth of
the learning rate, crops of 600, scales from 0.7 to 1.3, flips. What the publications leave open
(learning rate, its decay, batch size, number of epochs) is this recipe's own choice.
`--setting modern`: AdamW, a warm-up, larger crops and more scales.

It needs the extras `benchmarks` and `report`.
"""

import click

from keras_lwm_cli.running import in_a_sentence, use_backend
from keras_lwm_cli.training_options import open_run, training_options

SETTINGS = {
    "published": {
        "optimizer": "sgd",
        "learning_rate": 5e-3,
        "l2": 5e-4,
        "weight_decay": 0.0,
        "schedule": "poly",
        "warm_up": 0.0,
        "crop": (600, 600),
        "scale": (0.7, 1.3),
        "batch_size": 6,
        "epochs": 100,
    },
    "modern": {
        "optimizer": "adamw",
        "learning_rate": 5e-4,
        "l2": 0.0,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warm_up": 0.05,
        "crop": (768, 768),
        "scale": (0.5, 2.0),
        "batch_size": 8,
        "epochs": 100,
    },
}


@click.command()
@click.option("--manual-dir", type=click.Path(), help="Where the official files lie.")
@training_options(
    settings=SETTINGS,
    out="runs/cityscapes",
    encoder_rate=0.1,
    precision="float32",
    seed=0,
    backbone="resnet152",
    weights="imagenet",
    variant="full",
    initial_depth=15.0,
    weighting="lwm",
)
@click.pass_context
@in_a_sentence
def main(context, backend, devices, data_dir, manual_dir, **_):
    """Trains on the official training frames, and scores on the official validation frames."""
    use_backend(backend)
    from keras_lwm.datasets import load_builder
    from keras_lwm.evaluation import SingleScale, SlidingWindow
    from keras_lwm.experiment import report, train

    run = open_run(context)
    frames = load_builder("cityscapes_depth", data_dir=data_dir, manual_dir=manual_dir)

    train(run, frames, "train", devices=devices)
    windows = SlidingWindow((768, 768), flip=True)
    report(run, frames, "val", {"single_scale": SingleScale(), "sliding_window": windows})


if __name__ == "__main__":
    main()
