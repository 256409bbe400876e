"""NYU Depth V2, 40 classes: RefineNet-152 as published, on the official files and splits.

    python recipes/nyu_depth_v2.py --manual-dir FOLDER

FOLDER holds nyu_depth_v2_labeled.mat (2.8 GB), splits.mat and classMapping40.mat. Nobody has run
the full schedule with this library yet: it wants a GPU for a day or so. The published scores
(PixAcc / mAcc / mIoU, RGB alone at test time): 81.46 / 65.24 / 51.51 by Gu et al. (TMM 2021), whose
mining this library builds after their abstract; mIoU 46.5 by RefineNet-152 without it (Lin et al.,
CVPR 2017). Both settings train on all 795 frames, and the 654 of the test split choose nothing.

`--setting published`: SGD with momentum, an L2 of 5e-4 in the gradient, the encoder at a tenth of
the learning rate, crops of 400, scales from 0.7 to 1.3, flips. What the publications leave open
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
        "crop": (400, 400),
        "scale": (0.7, 1.3),
        "batch_size": 6,
        "epochs": 200,
    },
    "modern": {
        "optimizer": "adamw",
        "learning_rate": 5e-4,
        "l2": 0.0,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warm_up": 0.05,
        "crop": (480, 480),
        "scale": (0.5, 1.75),
        "batch_size": 8,
        "epochs": 200,
    },
}


@click.command()
@click.option("--manual-dir", type=click.Path(), help="Where the official files lie.")
@click.option("--classes", type=click.Choice(["40", "13"]), default="40", show_default=True)
@click.option("--depth", type=click.Choice(["inpainted", "raw"]), default="inpainted")
@training_options(
    settings=SETTINGS,
    out="runs/nyu_depth_v2",
    encoder_rate=0.1,
    precision="float32",
    seed=0,
    backbone="resnet152",
    weights="imagenet",
    variant="full",
    initial_depth=2.5,
    weighting="lwm",
)
@click.pass_context
@in_a_sentence
def main(context, backend, devices, data_dir, manual_dir, **_):
    """Trains on the official training frames, and scores on the official test frames."""
    use_backend(backend)
    from keras_lwm.datasets import load_builder
    from keras_lwm.experiment import LITERATURE, report, train

    run = open_run(context)
    config = f"{run.options['classes']}_{run.options['depth']}"
    frames = load_builder(
        f"nyu_depth_v2_labeled/{config}", data_dir=data_dir, manual_dir=manual_dir
    )

    train(run, frames, "train", devices=devices)
    report(run, frames, "test", LITERATURE)


if __name__ == "__main__":
    main()
