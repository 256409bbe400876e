"""Your own frames: a light RefineNet on a folder of images, labels and depth.

    python recipes/rgbd_folder.py FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0

`keras-lwm datasets check FOLDER` prints this command for a folder of yours; docs/your_data.md has
it for well-known ones. It needs the extras `tensorflow`, `report` and `pretrained`. On 2 CPU cores
under TensorFlow an epoch of 500 frames takes one to two minutes. Nobody has run its 20 epochs to
the end yet: with
`--epochs 4 --size 240 320 --validation-split tune --test-split val` on 795 frames of NYUv2's
training split, cut by scene into 497 / 101 / 197, the 40 classes came to a mIoU of 15.9 % (PixAcc
51.3 %), still rising.
"""

import click

from keras_lwm_cli.folder_options import folder_options, given_folder_options
from keras_lwm_cli.running import in_a_sentence, use_backend
from keras_lwm_cli.training_options import open_run, training_options


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@folder_options
@click.option("--size", type=(int, int), help="Height and width to store frames in, for speed.")
@click.option("--train-split", default="train", show_default=True)
@click.option("--validation-split", default="val", show_default=True)
@click.option("--test-split", default="test", show_default=True)
@training_options(
    out="runs/rgbd_folder",
    epochs=20,
    batch_size=8,
    crop=(160, 224),
    scale=(0.6, 1.2),
    optimizer="adamw",
    learning_rate=2e-3,
    encoder_rate=0.1,
    schedule="cosine",
    warm_up=0.05,
    weight_decay=1e-4,
    l2=0.0,
    precision="float32",
    seed=0,
    backbone="efficientnet_lite0",
    weights="imagenet",
    variant="light",
    channels=128,
    weighting="lwm",
)
@click.pass_context
@in_a_sentence
def main(context, backend, devices, data_dir, **_):
    """Trains on the frames of FOLDER, and scores on its test split."""
    use_backend(backend)
    from keras_lwm.datasets import load_builder
    from keras_lwm.experiment import report, train

    run = open_run(context)
    options = run.options
    check_unlabelled(options)

    # The folder's frames, checked and prepared the first time and whenever the folder changes.
    given = given_folder_options(options)
    if "draw_splits" not in given:
        splits = [options[name] for name in ("train_split", "validation_split", "test_split")]
        given["splits"] = tuple(dict.fromkeys(splits))
    frames = load_builder(
        "rgbd_folder",
        folder=options["folder"],
        **given,
        size=options["size"],
        unusual_depth=bool(options["unusual_depth"]),
        data_dir=data_dir,
    )
    for note in frames.notes:
        click.echo(note)

    validation = options["validation_split"]
    train(run, frames, options["train_split"], validation=validation, devices=devices)
    report(run, frames, options["test_split"])


def check_unlabelled(options):
    """Refuses images without a label where nothing would be learnt from them."""
    unlabelled, trained = options.get("unlabelled"), options["train_split"]
    if unlabelled not in (None, trained):
        raise ValueError(
            f"Expected --unlabelled as the split that is trained on, {trained!r} (--train-split); "
            f"received {unlabelled!r}."
        )
    if unlabelled and options.get("depth_input") and options.get("teacher") is None:
        raise ValueError(
            "Expected a --teacher with --unlabelled for a network that sees depth, which learns "
            "nothing else from images without a label."
        )


if __name__ == "__main__":
    main()
